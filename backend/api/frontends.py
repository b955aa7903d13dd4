"""The built front ends, served from memory in the variant the browser takes."""

import hashlib
import mimetypes
from collections.abc import Iterator
from dataclasses import dataclass
from importlib.resources import files
from pathlib import Path

from starlette.types import ASGIApp, Receive, Scope, Send

from backend.api.security import PAGE_POLICY

_APPS = {"chat": "/", "voice": "/voice/", "kiosk": "/kiosk/"}
_RESERVED = ("/api", "/health", "/metrics", "/v1", "/mcp")
"""Never pages, even when no route matches."""
_ENCODINGS = {"br": ".br", "gzip": ".gz"}
_FOREVER = b"public, max-age=31536000, immutable"
_ASK_AGAIN = b"no-cache"
_BUILD_HINT = (
    b"<!doctype html><title>Parlor</title><h1>Parlor is running</h1>"
    b"<p>Its pages are not built yet. In a checkout, run <code>make run</code>.</p>"
)

type _Headers = list[tuple[bytes, bytes]]


@dataclass(frozen=True, slots=True)
class _Variant:
    body: bytes
    headers: _Headers


@dataclass(frozen=True, slots=True)
class _File:
    etag: bytes
    variants: dict[str, _Variant]
    """By content encoding; "" is the plain one and always there."""

    def pick(self, accepted: bytes) -> _Variant:
        offered = accepted.decode("latin-1")
        for encoding in _ENCODINGS:
            if encoding in self.variants and encoding in offered:
                return self.variants[encoding]
        return self.variants[""]


class Frontends:
    """Answers for files and pages; everything else goes on to `inner`."""

    def __init__(self, inner: ASGIApp, folders: dict[str, Path] | None = None) -> None:
        self._inner = inner
        self._files: dict[str, _File] = {}
        self._pages: dict[str, _File] = {}
        for app, folder in (built_frontends() if folders is None else folders).items():
            prefix = _APPS[app]
            for path, file in _read(folder):
                self._files[prefix + path] = file
            self._pages[prefix] = self._files.pop(f"{prefix}index.html")
        self._pages.setdefault("/", _file(_BUILD_HINT, {}, "text/html", hashed=False))

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] == "http" and scope["method"] in ("GET", "HEAD"):
            path: str = scope["path"]
            file = self._files.get(path) or self._page(path)
            if file is not None:
                await _answer(scope, send, file)
                return
        await self._inner(scope, receive, send)

    def _page(self, path: str) -> _File | None:
        """The page that handles a path: these are single-page apps with routes of their own."""
        if path.startswith(_RESERVED) or "." in path.rpartition("/")[2]:
            return None
        for prefix in ("/voice/", "/kiosk/"):
            if prefix in self._pages and (path + "/").startswith(prefix):
                return self._pages[prefix]
        return self._pages["/"]


def built_frontends() -> dict[str, Path]:
    """App name -> folder with index.html: inside the package, else built in the checkout."""
    package = Path(str(files("backend")))
    found = {}
    for app in _APPS:
        for folder in (
            package / "frontends" / app,
            package.parent / "frontend" / app / "dist",
        ):
            if (folder / "index.html").is_file():
                found[app] = folder
                break
    return found


def _read(folder: Path) -> Iterator[tuple[str, _File]]:
    for path in sorted(folder.rglob("*")):
        if not path.is_file() or path.suffix in _ENCODINGS.values():
            continue
        packed = {
            encoding: variant.read_bytes()
            for encoding, ending in _ENCODINGS.items()
            if (variant := path.with_name(path.name + ending)).is_file()
        }
        name = path.relative_to(folder).as_posix()
        kind = mimetypes.guess_type(path.name)[0] or "application/octet-stream"
        yield name, _file(path.read_bytes(), packed, kind, hashed=name.startswith("assets/"))


def _file(body: bytes, packed: dict[str, bytes], kind: str, *, hashed: bool) -> _File:
    etag = f'"{hashlib.sha256(body).hexdigest()[:20]}"'.encode()
    text = kind.startswith("text/") or kind in ("application/javascript", "application/json")
    headers: _Headers = [
        (b"content-type", f"{kind}; charset=utf-8".encode() if text else kind.encode()),
        (b"cache-control", _FOREVER if hashed else _ASK_AGAIN),
        (b"etag", etag),
        (b"vary", b"accept-encoding"),
    ]
    if kind == "text/html":
        headers.append((b"content-security-policy", PAGE_POLICY))
    variants = {"": _variant(body, headers, "")}
    for encoding, content in packed.items():
        variants[encoding] = _variant(content, headers, encoding)
    return _File(etag, variants)


def _variant(body: bytes, headers: _Headers, encoding: str) -> _Variant:
    extra: _Headers = [(b"content-length", str(len(body)).encode())]
    if encoding:
        extra.append((b"content-encoding", encoding.encode()))
    return _Variant(body, headers + extra)


async def _answer(scope: Scope, send: Send, file: _File) -> None:
    asked = dict(scope["headers"])
    variant = file.pick(asked.get(b"accept-encoding", b""))
    status, body, headers = 200, variant.body, variant.headers
    if file.etag in asked.get(b"if-none-match", b""):
        kept = (b"etag", b"cache-control", b"vary", b"content-security-policy")
        status, body = 304, b""
        headers = [(name, value) for name, value in headers if name in kept]
    if scope["method"] == "HEAD":
        body = b""
    await send({"type": "http.response.start", "status": status, "headers": headers})
    await send({"type": "http.response.body", "body": body})

"""The built front ends, served from memory in the variant the browser takes."""

import hashlib
import mimetypes
import re
from collections.abc import Iterator
from dataclasses import dataclass
from importlib.resources import files
from pathlib import Path

from starlette.types import ASGIApp, Receive, Scope, Send

from backend.api.security import DATA_POLICY, PAGE_POLICY, WORKER_POLICY

_APPS = {"chat": "/", "voice": "/voice/", "kiosk": "/kiosk/"}
_RESERVED = ("/api", "/health", "/metrics", "/v1", "/mcp", "/oauth", "/.well-known")
"""Never pages, even when no route matches."""
_RENDERED = "/ca"
"""A page that a route makes, `api/ca.py`."""
_ENCODINGS = {"br": ".br", "gzip": ".gz"}
_WEIGHT = re.compile(r"q\s*=\s*([01](?:\.\d{0,3})?)")
_TYPES = mimetypes.MimeTypes()
"""Python's own list: what a machine has in /etc/mime.types does not change what we send."""
_TYPES.add_type("font/woff2", ".woff2")
_POLICIES = {
    "text/html": PAGE_POLICY,
    "text/javascript": WORKER_POLICY,
    "application/javascript": WORKER_POLICY,
}
_FOREVER = b"public, max-age=31536000, immutable"
_ASK_AGAIN = b"no-cache"
_BUILD_HINT = (
    b"<!doctype html><title>Parlor</title><h1>Parlor is running</h1>"
    b"<p>Its pages are not built yet. In a checkout, run <code>make run</code>.</p>"
)

type _Headers = list[tuple[bytes, bytes]]


@dataclass(frozen=True, slots=True)
class _Variant:
    etag: bytes
    body: bytes
    headers: _Headers


@dataclass(frozen=True, slots=True)
class _File:
    variants: dict[str, _Variant]
    """By content encoding; "" is the plain one and always there."""

    def pick(self, accepted: bytes) -> _Variant:
        weights = _weights(accepted)
        wanted = {
            encoding: weight
            for encoding in _ENCODINGS
            if encoding in self.variants
            and (weight := weights.get(encoding, weights.get("*", 0.0))) > 0
        }
        return self.variants[max(wanted, key=wanted.__getitem__, default="")]


class Shelf:
    """All files of the front ends, in memory. Reads the disk once, when it is made."""

    def __init__(self, folders: dict[str, Path]) -> None:
        self._files: dict[str, _File] = {}
        self._pages: dict[str, _File] = {}
        for app, folder in folders.items():
            prefix = _APPS[app]
            for path, file in _read(folder):
                self._files[prefix + path] = file
            self._pages[prefix] = self._files.pop(f"{prefix}index.html")
        self._pages.setdefault("/", _file(_BUILD_HINT, {}, "text/html", hashed=False))

    def find(self, path: str) -> _File | None:
        return self._files.get(path) or self._page(path)

    def _page(self, path: str) -> _File | None:
        """The page that handles a path: these are single-page apps with routes of their own."""
        if path == _RENDERED or path.startswith(_RESERVED) or "." in path.rpartition("/")[2]:
            return None
        for prefix in ("/voice/", "/kiosk/"):
            if prefix in self._pages and (path + "/").startswith(prefix):
                return self._pages[prefix]
        return self._pages["/"]


class Frontends:
    """Answers for files and pages; everything else goes on to `inner`."""

    def __init__(self, inner: ASGIApp, shelf: Shelf) -> None:
        self._inner = inner
        self._shelf = shelf

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] == "http" and scope["method"] in ("GET", "HEAD"):
            file = self._shelf.find(scope["path"])
            if file is not None:
                await _answer(scope, send, file)
                return
        await self._inner(scope, receive, send)


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
        kind = _TYPES.guess_type(path.name)[0] or "application/octet-stream"
        yield name, _file(path.read_bytes(), packed, kind, hashed=name.startswith("assets/"))


def _file(body: bytes, packed: dict[str, bytes], kind: str, *, hashed: bool) -> _File:
    mark = hashlib.sha256(body).hexdigest()[:20]
    text = kind.startswith("text/") or kind in ("application/javascript", "application/json")
    headers: _Headers = [
        (b"content-type", f"{kind}; charset=utf-8".encode() if text else kind.encode()),
        (b"cache-control", _FOREVER if hashed else _ASK_AGAIN),
        (b"vary", b"accept-encoding"),
    ]
    headers.append((b"content-security-policy", _POLICIES.get(kind, DATA_POLICY)))
    if kind == "text/html":
        # A link in an answer must tell nobody its host's name before it is clicked.
        headers.append((b"x-dns-prefetch-control", b"off"))
    contents = {"": body, **packed}
    return _File({name: _variant(one, headers, name, mark) for name, one in contents.items()})


def _variant(body: bytes, headers: _Headers, encoding: str, mark: str) -> _Variant:
    etag = f'"{mark}{encoding and "-"}{encoding}"'.encode()
    extra: _Headers = [(b"etag", etag), (b"content-length", str(len(body)).encode())]
    if encoding:
        extra.append((b"content-encoding", encoding.encode()))
    return _Variant(etag, body, headers + extra)


async def _answer(scope: Scope, send: Send, file: _File) -> None:
    asked = dict(scope["headers"])
    variant = file.pick(asked.get(b"accept-encoding", b""))
    status, body, headers = 200, variant.body, variant.headers
    if _is_known(variant.etag, asked.get(b"if-none-match", b"")):
        kept = (b"etag", b"cache-control", b"vary", b"content-security-policy")
        status, body = 304, b""
        headers = [(name, value) for name, value in headers if name in kept]
    if scope["method"] == "HEAD":
        body = b""
    await send({"type": "http.response.start", "status": status, "headers": headers})
    await send({"type": "http.response.body", "body": body})


def _is_known(etag: bytes, if_none_match: bytes) -> bool:
    known = {one.strip().removeprefix(b"W/") for one in if_none_match.split(b",")}
    return etag in known or b"*" in known


def _weights(accepted: bytes) -> dict[str, float]:
    """Accept-Encoding (RFC 9110, 12.5.3): coding -> weight."""
    weights = {}
    for offer in accepted.decode("latin-1").lower().split(","):
        coding, _, parameter = offer.partition(";")
        weight = _WEIGHT.fullmatch(parameter.strip())
        weights[coding.strip()] = float(weight[1]) if weight else 1.0
    return weights

"""Who may talk to a tool server: its own names, no foreign page, and the token where there is one.

A page in somebody's browser can make it send requests to any address of the house, under a name
that changes its mind (DNS rebinding); so the Host and Origin headers are checked before anything.
"""

import hmac
import re
from dataclasses import dataclass

import orjson
from mcp.server.transport_security import TransportSecuritySettings
from starlette.types import ASGIApp, Receive, Scope, Send

from backend.settings.mcp import McpServerSettings

_LOOPBACK = ("127.0.0.1", "localhost", "[::1]")
_EVERYWHERE = ("0.0.0.0", "::")  # noqa: S104  # compared with, not listened on
_HOST = re.compile(rb"(\[[0-9a-f:.]+\]|[a-z0-9_.-]+)(?::[0-9]{1,5})?")

type Headers = list[tuple[bytes, bytes]]


@dataclass(frozen=True, slots=True)
class Rules:
    hosts: tuple[str, ...]
    """Lower case, IPv6 in brackets; any port."""
    origins: tuple[str, ...]
    token: str | None

    @classmethod
    def of(cls, settings: McpServerSettings) -> "Rules":
        own = () if settings.host in _EVERYWHERE else (settings.host,)
        hosts = dict.fromkeys(
            _bracketed(host.lower()) for host in (*_LOOPBACK, *own, *settings.allowed_hosts)
        )
        local = _local_origins() if settings.is_loopback else ()
        token = settings.token.get_secret_value() if settings.token else None
        allowed = (origin.rstrip("/").lower() for origin in settings.allowed_origins)
        return cls(tuple(hosts), (*local, *allowed), token)

    def for_the_sdk(self) -> TransportSecuritySettings:
        """The same once more, behind: off loopback the SDK checks nothing unless told."""
        return TransportSecuritySettings(
            allowed_hosts=[form for host in self.hosts for form in (host, f"{host}:*")],
            allowed_origins=list(self.origins),
        )

    def admits_host(self, value: bytes) -> bool:
        found = _HOST.fullmatch(value.lower())
        return found is not None and found[1].decode().removesuffix(".") in self.hosts

    def admits_origin(self, value: bytes) -> bool:
        origin = value.decode("latin-1").lower()
        scheme_and_host = re.sub(r":[0-9]{1,5}$", "", origin)
        return origin in self.origins or f"{scheme_and_host}:*" in self.origins

    def admits_token(self, values: list[bytes]) -> bool:
        if self.token is None:
            return True
        scheme, _, given = (values[0] if len(values) == 1 else b"").partition(b" ")
        return scheme.lower() == b"bearer" and hmac.compare_digest(
            given.strip(), self.token.encode()
        )


class Guard:
    """In front of one server. Answers `GET /health` itself, without a token: it tells nothing."""

    def __init__(self, inner: ASGIApp, rules: Rules, health: dict[str, str]) -> None:
        self._inner = inner
        self._rules = rules
        self._health = orjson.dumps({"status": "ok", **health})

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            return  # WebSockets are not spoken here
        refusal = self._refusal(scope)
        if refusal:
            await _answer(send, *refusal)
        elif scope["path"] == "/health" and scope["method"] in ("GET", "HEAD"):
            await _send(send, 200, self._health, [])
        elif not self._rules.admits_token(_values(scope["headers"], b"authorization")):
            await _answer(
                send, 401, "unauthorized", "This server wants the bearer token PARLOR_MCP_TOKEN."
            )
        else:
            # The parser leaves blanks around a value, which are no part of it.
            headers = [(name, value.strip(b" \t")) for name, value in scope["headers"]]
            await self._inner({**scope, "headers": headers}, receive, send)

    def _refusal(self, scope: Scope) -> tuple[int, str, str] | None:
        hosts = _values(scope["headers"], b"host")
        if len(hosts) != 1 or not self._rules.admits_host(hosts[0]):
            return (
                421,
                "wrong_host",
                "This server is not known by that name; the operator can add it to"
                " PARLOR_MCP_ALLOWED_HOSTS.",
            )
        origins = _values(scope["headers"], b"origin")
        if not all(self._rules.admits_origin(origin) for origin in origins):
            return (
                403,
                "wrong_origin",
                "Pages of that origin may not call; the operator can add it to"
                " PARLOR_MCP_ALLOWED_ORIGINS.",
            )
        return None


def _values(headers: Headers, wanted: bytes) -> list[bytes]:
    return [value for name, value in headers if name == wanted]


async def _answer(send: Send, status: int, code: str, detail: str) -> None:
    extra = [(b"www-authenticate", b"Bearer")] if status == 401 else []
    await _send(send, status, orjson.dumps({"code": code, "detail": detail}), extra)


async def _send(send: Send, status: int, body: bytes, extra: Headers) -> None:
    headers = [
        (b"content-type", b"application/json"),
        (b"content-length", str(len(body)).encode()),
        (b"cache-control", b"no-store"),
        (b"x-content-type-options", b"nosniff"),
        *extra,
    ]
    await send({"type": "http.response.start", "status": status, "headers": headers})
    await send({"type": "http.response.body", "body": body})


def _bracketed(host: str) -> str:
    return f"[{host}]" if ":" in host and not host.startswith("[") else host


def _local_origins() -> tuple[str, ...]:
    return tuple(
        f"{scheme}://{host}{port}"
        for scheme in ("http", "https")
        for host in _LOOPBACK
        for port in ("", ":*")
    )

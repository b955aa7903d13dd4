"""What comes to the door: connections as the server describes them."""

from typing import Any

from starlette.types import Scope

from backend.api.edge import Gate, gate
from backend.settings import Settings


def scope(
    *headers: tuple[str, str],
    host: str | None = "127.0.0.1:8000",
    peer: str = "127.0.0.1",
    server: Any = ("127.0.0.1", 8000),
    scheme: str = "http",
    version: str = "1.1",
) -> Scope:
    lines = [(name.lower().encode(), value.encode("latin-1")) for name, value in headers]
    if host is not None:
        lines.insert(0, (b"host", host.encode("latin-1", "replace")))
    return {
        "type": "http",
        "http_version": version,
        "method": "GET",
        "scheme": scheme,
        "path": "/",
        "raw_path": b"/",
        "query_string": b"",
        "headers": lines,
        "client": (peer, 40000) if peer else None,
        "server": server,
    }


def told(door: Gate, at: Scope) -> tuple[int, str]:
    """Status and body of the refusal; (0, "") for who is let in."""
    refusal = door.admit(at)
    return (refusal.status_code, bytes(refusal.body).decode()) if refusal else (0, "")


def status(settings: Settings, **at: Any) -> int:
    return told(gate(settings), scope(**at))[0]

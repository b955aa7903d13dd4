"""The application as everybody meets it, and a copy of its database to go back to."""

import asyncio
import sqlite3
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import orjson

from tests.security.cast import Cast, Shown

BODIES: dict[str, Any] = {
    "POST /api/chat/stream": {
        "messages": [{"role": "user", "content": "let me in"}],
        "conversation_id": "{conversation_id}",
    },
    "POST /api/chat/regenerate": {
        "conversation_id": "{conversation_id}",
        "message_id": "{message_id}",
    },
    "POST /api/chat/continue": {
        "conversation_id": "{conversation_id}",
        "message_id": "{message_id}",
    },
    "POST /api/chat/turns/{turn_id}/approvals/{approval_id}": {"decision": "allow"},
    "POST /api/chat/turns/{turn_id}/inputs/{input_id}": {"action": "cancel"},
    "POST /api/mcp/servers/connect": {"url": "stdio:ls"},
    "PUT /api/mcp/servers/{server_id}/traffic": {"recording": True},
    "PUT /api/mcp/policy": {"server_id": "", "tool_name": "x", "choice": None},
    "PUT /api/mcp/preferences/{client}": {"enabled_servers": None},
    "PATCH /api/conversations/{conversation_id}": {"title": "mine now"},
    "POST /api/conversations": {"title": "new"},
    "POST /api/memories": {"text": "new"},
    "POST /api/auth/register": {"username": "new", "password": "a new password"},
    "PATCH /api/auth/me": {"display_name": "renamed"},
    "POST /api/auth/keys": {"name": "a key", "scopes": ["read"]},
    "POST /api/auth/apps/look": {"query": "?client_id=x"},
    "POST /api/auth/apps/decide": {"request": "x", "allow": True},
    "PATCH /api/people/{person_id}": {"display_name": "renamed"},
    "POST /api/people/{person_id}/reset": {"password": "a new password"},
    "PATCH /api/devices/{device_id}": {"name": "renamed"},
}
"""Where an empty object would not do what the route is for."""
WITHOUT_END = {"/api/events", "/api/chat/test-stream"}
VOLATILE = {"last_seen_at", "last_used_at"}
"""When a credential was shown last."""


@dataclass(frozen=True)
class Answer:
    status: int
    body: str
    headers: dict[str, str]

    @property
    def code(self) -> str:
        found = orjson.loads(self.body) if self.body.startswith("{") else {}
        return str(found.get("code", ""))


class Door:
    """The application, everybody, and a copy of the database to go back to."""

    def __init__(self, app: Any, cast: Cast, path: Path) -> None:
        self._app = app
        self.cast = cast
        self._base = sqlite3.connect(":memory:")
        self._file = sqlite3.connect(path)
        self._file.backup(self._base)
        self._before = self._dump()
        self._version = self._commits()

    def close(self) -> None:
        self._base.close()
        self._file.close()

    async def ask(self, route: str, shown: Shown, given: bytes | None = None) -> Answer:
        """With a body that does what the route is for, or with `given`."""
        method, _, path = route.partition(" ")
        usual = b"" if method == "GET" else orjson.dumps(BODIES.get(route, {}))
        body = usual if given is None else given
        headers = {"host": "127.0.0.1:8000", "content-type": "application/json", **shown.headers}
        scope = {
            "type": "http",
            "http_version": "1.1",
            "method": method,
            "scheme": "http",
            "path": self._filled(path),
            "raw_path": self._filled(path).encode(),
            "query_string": shown.query.encode(),
            "root_path": "",
            "headers": [(name.encode(), value.encode()) for name, value in headers.items()],
            "client": ("127.0.0.1", 50000),
            "server": ("127.0.0.1", 8000),
        }
        return await self._answer(scope, self._filled(body.decode("latin-1")).encode("latin-1"))

    def _filled(self, text: str) -> str:
        for name, value in self.cast.ids.items():
            text = text.replace(f"{{{name}}}", value)
        return text

    async def _answer(self, scope: dict[str, Any], body: bytes) -> Answer:
        """Of a stream without end, or with a late one, the first words are enough."""
        started: dict[str, Any] = {}
        parts: list[bytes] = []
        enough = asyncio.Event()
        given = iter([{"type": "http.request", "body": body, "more_body": False}])

        async def receive() -> Any:
            if message := next(given, None):
                return message
            await enough.wait()
            return {"type": "http.disconnect"}

        async def send(message: Any) -> None:
            nonlocal started
            started = message if "status" in message else started
            parts.append(message.get("body", b""))
            if scope["path"] in WITHOUT_END and parts[-1]:
                enough.set()

        async with asyncio.timeout(5):
            await self._app(scope, receive, send)
        headers = {name.decode(): value.decode() for name, value in started["headers"]}
        return Answer(started["status"], b"".join(parts).decode(), headers)

    def changed(self) -> list[str]:
        """Tables that are not as they were; they are afterwards."""
        if self._commits() == self._version:
            return []
        now = self._dump()
        different = [name for name in now if now[name] != self._before[name]]
        if different:
            self._base.backup(self._file)
        self._version = self._commits()
        return different

    def _commits(self) -> int:
        return int(self._file.execute("PRAGMA data_version").fetchone()[0])

    def _dump(self) -> dict[str, list[Any]]:
        found = {}
        tables = "SELECT name FROM sqlite_schema WHERE type = 'table' AND name NOT GLOB '*text_*'"
        for (name,) in self._file.execute(tables).fetchall():
            rows = self._file.execute(f"SELECT * FROM {name}")  # noqa: S608  # names from the schema itself
            columns = [column[0] for column in rows.description]
            kept = [at for at, column in enumerate(columns) if column not in VOLATILE]
            found[name] = [tuple(row[at] for at in kept) for row in rows]
        return found

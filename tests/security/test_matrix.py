"""A1, A2: every route x everybody who may stand at the door x every way to say who one is.

What a route asks stands in `table.py`, by hand, and is compared with what the route itself says.
"""

import asyncio
import sqlite3
from collections.abc import AsyncGenerator, Iterator
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import orjson
import pytest
from fastapi import FastAPI
from fastapi.dependencies.models import Dependant
from fastapi.routing import APIRoute, iter_route_contexts

from backend.api.deps import AdminCaller, AnyCallerFor
from backend.app import create_app
from backend.auth import access
from backend.container import open_services
from backend.providers.demo import DemoProvider
from backend.providers.shipped import Providers
from backend.settings import Settings
from tests.api.serving import with_services
from tests.conftest import HASHER, make_settings
from tests.fakes.scripted import ScriptedProvider
from tests.security.cast import CANARY, ROLES, Cast, Home, Shown, gather
from tests.security.table import ACCESS, ASKS_INSIDE, PRIVATE, PUBLIC, RULES

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
    "PATCH /api/conversations/{conversation_id}": {"title": "mine now"},
    "POST /api/conversations": {"title": "new"},
    "POST /api/auth/register": {"username": "new", "password": "a new password"},
    "PATCH /api/auth/me": {"display_name": "renamed"},
    "POST /api/auth/keys": {"name": "a key", "scopes": ["read"]},
    "PATCH /api/people/{person_id}": {"display_name": "renamed"},
    "POST /api/people/{person_id}/reset": {"password": "a new password"},
    "PATCH /api/devices/{device_id}": {"name": "renamed"},
}
"""Where an empty object would not do what the route is for."""
WITHOUT_END = {"/api/events", "/api/chat/test-stream"}
NO_KEYS_FOR_CHILDREN = ("cleo", "POST /api/auth/keys")
NOTHING_TO_CONTINUE = (422, "POST /api/chat/continue")
"""Her answer is complete."""
VOLATILE = {"last_seen_at", "last_used_at"}
"""When a credential was shown last."""


def route_access(dependant: Dependant) -> Iterator[str]:
    """The accesses that the dependencies of a route ask for."""
    if isinstance(dependant.call, AnyCallerFor):
        yield dependant.call.access.name
    for inner in dependant.dependencies:
        yield from route_access(inner)


def stated(app: FastAPI) -> dict[str, str]:
    """What the routes of the application themselves say."""
    found = {}
    for context in iter_route_contexts(app.routes):
        route = context.original_route
        assert isinstance(route, APIRoute), f"{context.path} is no HTTP route: extend the matrix"
        asked = sorted(set(route_access(route.dependant))) or [PUBLIC]
        for method in context.methods or ():
            found[f"{method} {context.path}"] = "+".join(asked)
    return found


def test_a1_every_route_asks_what_the_table_says() -> None:
    assert stated(create_app(Settings.defaults())) == ACCESS


def test_a1_every_access_means_what_the_table_says() -> None:
    real = {
        one.name: (one.roles, one.scopes, one.devices)
        for one in vars(access).values()
        if isinstance(one, access.Access)
    }
    assert real == {name: (rule.roles, rule.scopes, rule.devices) for name, rule in RULES.items()}


@dataclass(frozen=True)
class Answer:
    status: int
    body: str
    headers: dict[str, str]

    @property
    def code(self) -> str:
        found = orjson.loads(self.body) if self.body.startswith("{") else {}
        return str(found.get("code", ""))


class Matrix:
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

    async def ask(self, route: str, shown: Shown) -> Answer:
        method, _, path = route.partition(" ")
        body = b"" if method == "GET" else orjson.dumps(BODIES.get(route, {}))
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
        return await self._answer(scope, self._filled(body.decode()).encode())

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


@pytest.fixture(scope="module")
def anyio_backend() -> str:
    """One event loop for the module: everybody is gathered once."""
    return "asyncio"


@pytest.fixture(scope="module")
async def matrix(tmp_path_factory: pytest.TempPathFactory) -> AsyncGenerator[Matrix]:
    settings = make_settings(tmp_path_factory.mktemp("state"))
    provider = ScriptedProvider()
    providers = Providers([provider, DemoProvider()])
    async with open_services(settings, providers=providers, hasher=HASHER) as services:
        await services.catalog.refresh()
        app = create_app(settings)
        home = Home(app, services, provider)
        cast = await gather(home, tmp_path_factory.mktemp("elsewhere"))
        path = settings.server.state_dir / "parlor.db"
        with closing(Matrix(with_services(app, services), cast, path)) as made:
            yield made


def refusal(access_name: str, shown: Shown) -> tuple[int, str] | None:
    """Status and code that are due; None: come in."""
    if access_name == PUBLIC:
        return None
    if not shown.who:
        return 401, "not_signed_in"
    rule = RULES[access_name]
    if shown.who == "display":
        return None if rule.devices else (403, "forbidden")
    if ROLES[shown.who] not in rule.roles:
        return 403, "forbidden"
    if shown.scopes is not None and not shown.scopes & rule.scopes:
        return 403, "scope_missing"
    return None


def concerns_anna(route: str) -> bool:
    """Whether it is about something that is hers alone."""
    named = f"{route} {BODIES.get(route, '')}"
    return any(f"{{{name}}}" in named for name in PRIVATE)


def is_right(route: str, shown: Shown, answer: Answer, changed: list[str]) -> bool:
    due = refusal(ASKS_INSIDE.get(route, ACCESS[route]), shown)
    private = concerns_anna(route)
    if due is None and private and shown.who != "anna":
        due = 404, "not_found"
    if (shown.who, route) == NO_KEYS_FOR_CHILDREN:
        due = due or (403, "forbidden")
    if due:
        silent = not (private and CANARY in answer.body)
        return (answer.status, answer.code) == due and not changed and silent
    if private:
        return answer.status < 300 or (answer.status, route) == NOTHING_TO_CONTINUE
    refused = answer.status in (403, 404) or answer.code in ("not_signed_in", "scope_missing")
    return answer.status < 500 and not refused


@pytest.mark.parametrize("route", sorted(ACCESS))
async def test_a1_a2_a_route_lets_in_whom_it_should(route: str, matrix: Matrix) -> None:
    wrong = []
    for shown in matrix.cast.shown:
        answer = await matrix.ask(route, shown)
        changed = matrix.changed()
        if not is_right(route, shown, answer, changed):
            wrong.append((shown.name, answer.status, answer.code, changed))
    assert wrong == []


@pytest.mark.parametrize("route", sorted(ACCESS))
async def test_x6_no_answer_of_a_route_is_a_page_or_kept(route: str, matrix: Matrix) -> None:
    """Opened by itself in a browser it can do nothing; with nosniff it stays what it says it is."""
    for shown in matrix.cast.shown[:12]:  # a stranger, and people in several ways
        headers = (await matrix.ask(route, shown)).headers
        matrix.changed()
        kind = headers.get("content-type", "application/json")
        assert kind.startswith(("application/json", "text/event-stream"))
        assert headers["x-content-type-options"] == "nosniff"
        rules = set(headers["content-security-policy"].split("; "))
        assert rules >= {"default-src 'none'", "frame-ancestors 'none'", "sandbox"}
        assert headers["cache-control"].startswith("no-store")
        assert headers["referrer-policy"] == "no-referrer"
        assert headers["cross-origin-resource-policy"] == "same-origin"
        assert not [name for name in headers if name.startswith("access-control-")]


def test_a1_a_route_without_an_entry_is_found() -> None:
    """The comparison itself: a new route, and one whose access has changed."""
    app = create_app(Settings.defaults())

    @app.get("/api/new")
    async def new(_: AdminCaller) -> None: ...

    @app.get("/api/open")
    async def forgotten() -> None: ...

    assert set(stated(app).items()) - set(ACCESS.items()) == {
        ("GET /api/new", "admin"),
        ("GET /api/open", PUBLIC),
    }

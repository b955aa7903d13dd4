"""schemathesis over the whole API, signed in and in process: no 500, and what is promised."""

import asyncio
import shutil
import tempfile
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import schemathesis
from hypothesis import HealthCheck, settings
from pydantic import TypeAdapter
from schemathesis.config import SchemathesisConfig
from starlette.types import Receive, Scope, Send

from backend.app import create_app
from backend.auth.people import User
from backend.chat.events import TURN_EVENT
from backend.chat.live import LiveEvent
from backend.chat.service import NewMessage, TurnOptions
from backend.container import Services, open_services
from backend.messages import ModelParameters
from backend.providers.demo import DemoProvider
from backend.providers.shipped import Providers
from backend.settings import Settings
from tests.conftest import HASHER, HERE, PASSWORD, USERNAME, make_settings

CONVERSATIONS = 30
UTC = ZoneInfo("UTC")


class SignedIn:
    """The application with a database of its own, for callers who are always the owner."""

    def __init__(self) -> None:
        self.app = create_app(Settings.defaults(), opener=self._open)
        self._cookie = b""
        self.known: list[dict[str, str]] = []

    @asynccontextmanager
    async def _open(self, _: Settings) -> AsyncGenerator[Services]:
        providers = Providers([DemoProvider(word_seconds=0, slow_word_seconds=0)])
        state = make_settings(Path(await asyncio.to_thread(tempfile.mkdtemp)))
        async with open_services(state, providers=providers, hasher=HASHER) as services:
            await services.auth.add(USERNAME, PASSWORD, "", role="owner")
            signed_in = await services.auth.login(USERNAME, PASSWORD, origin=HERE)
            self._cookie = f"parlor={signed_in.token}".encode()
            self.known = [await self._talk(services, signed_in.user) for _ in range(CONVERSATIONS)]
            yield services
        await asyncio.to_thread(shutil.rmtree, state.server.state_dir)

    async def _talk(self, services: Services, user: User) -> dict[str, str]:
        """A conversation with a question and an answer; its ids by the names of parameters."""
        options = TurnOptions(None, UTC, ModelParameters())
        turn = await services.chat.send(user, NewMessage("empty"), options)
        async for _ in await services.chat.follow(user.id, turn.id, 0):
            pass
        return {
            "conversation_id": turn.conversation_id,
            "message_id": turn.message_id,
            "turn_id": turn.id,
            "parent_id": turn.message_id,
            "leaf_id": turn.message_id,
            "edit_of": turn.parent_id or "",
        }

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] == "http":
            headers = [pair for pair in scope["headers"] if pair[0] != b"cookie"]
            scope = {**scope, "headers": [*headers, (b"cookie", self._cookie)]}
        await self.app(scope, receive, send)


LIVE_EVENT: TypeAdapter[LiveEvent] = TypeAdapter(LiveEvent)
SIGNED_IN = SignedIn()
schema = schemathesis.openapi.from_dict(
    SIGNED_IN.app.openapi(),
    config=SchemathesisConfig.from_dict(
        {"operations": [{"include-path": "/api/events", "max-stream-events": 1}]}
    ),
)
schema.app = SIGNED_IN


def with_known_ids(given: Any) -> Any:
    """Half of the made-up ids become ids of what exists, all of one conversation."""
    if not isinstance(given, dict) or not SIGNED_IN.known:
        return given
    texts = "".join(sorted(value for value in given.values() if isinstance(value, str)))
    number = sum(texts.encode("utf-8", "replace"))
    known = SIGNED_IN.known[number % CONVERSATIONS] if number % 2 else {}
    return {name: known.get(name, value) for name, value in given.items()}


@schema.hook
def map_path_parameters(context: schemathesis.HookContext, path_parameters: Any) -> Any:
    return with_known_ids(path_parameters)


@schema.hook
def map_body(context: schemathesis.HookContext, body: Any) -> Any:
    return with_known_ids(body)


# Signing out would end the session of all that follows; test_accounts.py has it.
# Looking for servers on made-up hosts would leave this machine; tool_servers/test_servers.py has it.
covered = schema.exclude(path=["/api/auth/logout", "/api/mcp/servers/discover"])


BEYOND_A_SCHEMA = (
    schemathesis.checks.CHECKS.get_one("positive_data_acceptance"),  # time zones, cursors
    schemathesis.checks.CHECKS.get_one("negative_data_rejection"),  # "0.5" is taken for 0.5
    schemathesis.checks.CHECKS.get_one("allow_header_conformance"),  # the framework's
)


@covered.parametrize()
@settings(max_examples=20, deadline=None, suppress_health_check=list(HealthCheck))
def test_the_api_keeps_its_promises(case: schemathesis.Case) -> None:
    response = case.call()
    if response.headers.get("content-type", [""])[0].startswith("text/event-stream"):
        event = LIVE_EVENT if case.path == "/api/events" else TURN_EVENT
        for line in response.text.splitlines():
            if line.startswith("data: "):
                event.validate_json(line[6:])
    else:
        case.validate_response(response, excluded_checks=list(BEYOND_A_SCHEMA))

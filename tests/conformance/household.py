"""A Parlor with nothing but its tools: a registry file, its servers, one person."""

import asyncio
import sys
from collections.abc import AsyncGenerator, Mapping
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import httpx2
import orjson

from backend.auth.oidc import Answer as Returned
from backend.db.database import open_database
from backend.kit.addresses import Openings
from backend.kit.clock import SystemClock
from backend.kit.keyring import Keyring
from backend.kit.outbound import Outbound
from backend.kit.seal import Sealer
from backend.messages import ToolCall, ToolReturn
from backend.toolbox.calls import Calls
from backend.toolbox.connection import Connection
from backend.toolbox.context import Answer, Approval, Ask, CallContext, Decision, Question, Who
from backend.toolbox.oauth_sign_in import Home, ToolSignIn, build_tool_sign_in
from backend.toolbox.options import ServersOptions
from backend.toolbox.servers import ToolServers
from backend.toolbox.service import ServerTool
from backend.toolbox.store import ToolboxStore
from backend.vault.service import Vault
from backend.vault.store import VaultStore

ANNA = Who("anna")
PERSON = (
    "INSERT INTO users (id, username, display_name, role, password_hash, created_at)"
    " VALUES ('anna', 'anna', 'Anna', 'owner', '', 0)"
)
SAMPLES = {"integer": 2, "number": 1.5, "boolean": True, "array": [], "object": {}, "null": None}
PATIENCE = 15.0

type Entry = Mapping[str, Any]


async def allow(_approval: Approval) -> Decision:
    return Decision(allowed=True)


async def say(question: Question) -> Answer:
    """As our form does: what it is filled with already, and something where that is nothing."""
    fields: dict[str, dict[str, Any]] = question.schema.get("properties", {})
    return Answer("accept", {name: _filled(one) for name, one in fields.items()})


def _filled(field: Mapping[str, Any]) -> object:
    if "default" in field:
        return field["default"]
    if "enum" in field:
        return field["enum"][0]
    if field.get("type") == "string":
        return {"email": "anna@example.com", "date": "2026-11-21"}.get(
            field.get("format", ""), "word"
        )
    return SAMPLES.get(field.get("type", ""), "word")


class Household:
    def __init__(self, servers: ToolServers, sign_in: ToolSignIn, home: Home) -> None:
        self.servers = servers
        self.calls = Calls(SystemClock())
        self._sign_in = sign_in
        self._home = home

    def connection(self, server_id: str) -> Connection:
        return self.servers.connection_of(server_id, ANNA.user_id)

    def tools(self, server_id: str) -> dict[str, ServerTool]:
        """By the names that the server gives them."""
        return {one.remote.name: one for one in self.servers.tools_of(server_id)}

    async def ready(self, server_id: str) -> None:
        """Raises TimeoutError."""
        async with asyncio.timeout(PATIENCE):
            while self.connection(server_id).session is None:  # noqa: ASYNC110  # as in until()
                await asyncio.sleep(0.01)

    async def call(
        self,
        tool: ServerTool,
        arguments: Mapping[str, Any],
        *,
        ask: Ask = say,
        steps: list[float | None] | None = None,
    ) -> ToolReturn:
        """As a turn does. `steps` hears how far it got."""
        context = CallContext(
            ANNA,
            on_progress=lambda _, part: None if steps is None else steps.append(part),
            ask=ask,
            approve=allow,
        )
        call = ToolCall("1", tool.spec.name, orjson.dumps(dict(arguments)).decode())
        return await self.servers.toolbox_for(ANNA).call(call, context)

    async def sign_in(self, server_id: str) -> None:
        """What the person's browser does. Raises AppError."""
        assert self.servers.accounts is not None
        wish = self.servers.accounts.wish(self.connection(server_id), ANNA.user_id)
        begun = await self._sign_in.begin(wish, self._home)
        async with httpx2.AsyncClient(trust_env=False) as browser:
            sent = await browser.get(begun.address)
        query = httpx2.URL(sent.headers["location"]).params
        given = (query.get(name) for name in ("state", "code", "error", "iss"))
        await self._sign_in.finish(Returned(*given, begun.browser), ANNA.user_id)
        await self.servers.accounts.signed_in(server_id, ANNA.user_id)


@asynccontextmanager
async def household(
    folder: Path, *entries: Entry, home: Home | None = None
) -> AsyncGenerator[Household]:
    """Servers as an operator would write them into the registry file."""
    clock = SystemClock()
    file = folder / "mcp_servers.json"
    file.write_bytes(orjson.dumps({"servers": entries}))
    async with open_database(folder / "parlor.db") as database:
        await database.write(lambda connection: connection.execute(PERSON))
        outbound = Outbound(Openings.of(["127.0.0.0/8", "::1/128"]))
        vault = Vault(VaultStore(database, clock), Sealer(Keyring(folder, clock)))
        sign_in = build_tool_sign_in(database, clock, vault, outbound)
        servers = ToolServers(
            ToolboxStore(database, clock),
            ServersOptions(file, folder / "homes", (sys.executable, "-m", "backend")),
            clock,
            outbound=outbound,
            grants=sign_in.grants,
        )
        await servers.start()
        made = Household(servers, sign_in, home or Home("http://127.0.0.1:8000", public=False))
        try:
            yield made
        finally:
            await made.calls.aclose()
            await servers.aclose()
            await outbound.aclose()

"""A registry of tool servers as Parlor has one, with a file of the operator."""

from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager

import orjson

from backend.db.database import Database
from backend.kit.clock import SystemClock
from backend.messages import ToolSpec
from backend.toolbox.context import CallContext, Decision, Who
from backend.toolbox.options import ServersOptions
from backend.toolbox.servers import ToolServers
from backend.toolbox.service import Tool
from backend.toolbox.store import ToolboxStore
from tests.fakes.waiting import until

CLOCK = SystemClock()
ANNA = Who("anna")


async def says_yes(_) -> Decision:
    return Decision(allowed=True)


SAYS_YES = CallContext(ANNA, approve=says_yes)


async def _clock(*_: object) -> str:
    return "noon"


OWN = Tool(ToolSpec("clock", "Tells the time.", {"type": "object", "properties": {}}), _clock)


@asynccontextmanager
async def household(database: Database, *entries: dict, **more) -> AsyncGenerator[ToolServers]:
    """Servers of a file with these entries; started."""
    folder = database.path.parent
    file = folder / "mcp_servers.json"
    file.write_bytes(orjson.dumps({"servers": entries} | more.pop("file", {})))
    options = ServersOptions(
        file, folder / "homes", ("parlor",), more.pop("hosts", ()), more.pop("ports", ())
    )
    servers = ToolServers(ToolboxStore(database, CLOCK), options, CLOCK, own_tools=[OWN], **more)
    await servers.start()
    try:
        yield servers
    finally:
        await servers.aclose()


def offered(servers: ToolServers, who: Who = ANNA) -> list[str]:
    return [spec.name for spec in servers.toolbox_for(who).specs]


async def all_ready(servers: ToolServers) -> None:
    await until(
        lambda: (
            servers.connections
            and all(one.state.name == "ready" for one in servers.connections.values())
        )
    )

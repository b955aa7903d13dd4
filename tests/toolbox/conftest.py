"""Connections to servers that really listen on this machine."""

import gc
from collections.abc import AsyncGenerator, Callable
from pathlib import Path

import pytest

# What `ToolServers` loads in a thread; an import on the event loop is a blocking call.
import backend.toolbox.session
import backend.toolbox.troubles  # noqa: F401
from backend.db.database import Database, open_database
from backend.kit.clock import SystemClock
from backend.toolbox.calls import Calls
from backend.toolbox.connection import Connection
from backend.toolbox.context import NOBODY, CallContext
from backend.toolbox.dialling import Doors
from backend.toolbox.records import Address, Command, Outcome, RemoteTool, ServerDefinition
from backend.toolbox.traffic import Traffic
from tests.fakes.waiting import until
from tests.toolbox.desk import Desk, open_desk

CLOCK = SystemClock()


class Shop:
    """Makes connections, calls tools through them, closes everything."""

    def __init__(self, doors: Doors) -> None:
        self.calls = Calls(CLOCK)
        self.doors = doors
        self.servers: list[Connection] = []
        self.seconds = 5.0

    def connect(
        self, where: Address | Command | str, traffic: Traffic | None = None, **more
    ) -> Connection:
        if isinstance(where, str):
            where = Address(where)
        definition = ServerDefinition(
            **{"id": "shop", "source": "file", "where": where, "call_seconds": self.seconds} | more
        )

        async def doors() -> Doors:
            return self.doors

        server = Connection(definition, doors, CLOCK, lambda _: None, traffic=traffic)
        self.servers.append(server)
        server.start()
        return server

    async def ready(self, where: Address | Command | str, **more) -> Connection:
        server = self.connect(where, **more)
        await until(lambda: server.session)
        return server

    async def call(
        self, server: Connection, name: str, context: CallContext = NOBODY, **arguments
    ) -> Outcome:
        known = {tool.name: tool for tool in server.listing.tools}
        tool = known.get(name) or RemoteTool(name, "", "", {"type": "object"})
        return await self.calls.call(server, tool, arguments, context)


@pytest.fixture
async def shop(tmp_path: Path) -> AsyncGenerator[Shop]:
    doors = Doors(None, tmp_path / "homes")
    made = Shop(doors)
    yield made
    await made.calls.aclose()
    for server in made.servers:
        await server.aclose()
    await doors.aclose()
    gc.collect()  # what killed servers leave behind is found here, not in somebody else's test


@pytest.fixture
async def desk(tmp_path: Path, shop: Shop) -> AsyncGenerator[Desk]:
    async with open_desk(tmp_path, shop) as opened:
        yield opened


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """The servers run in this process; killed in the middle of a call they leave streams open."""
    left_open = "ignore:Exception ignored in.*MemoryObject:pytest.PytestUnraisableExceptionWarning"
    for item in items:
        if item.path.parent == Path(__file__).parent:
            item.add_marker(pytest.mark.filterwarnings(left_open))


@pytest.fixture
def names() -> Callable[[Connection], list[str]]:
    return lambda server: [tool.name for tool in server.listing.tools]


@pytest.fixture
async def database(tmp_path: Path) -> AsyncGenerator[Database]:
    async with open_database(tmp_path / "parlor.db") as opened:
        await opened.write(
            lambda c: c.execute(
                "INSERT INTO users (id, username, display_name, role, password_hash, created_at)"
                " VALUES ('anna', 'anna', 'Anna', 'owner', '', 0)"
            )
        )
        yield opened

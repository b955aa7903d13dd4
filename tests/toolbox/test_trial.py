"""Whether tool servers are there, asked beside a Parlor that runs; the doctor shows it."""

import json
from pathlib import Path

from backend.db.database import open_database
from backend.kit.clock import SystemClock
from backend.kit.outbound import Outbound
from backend.toolbox.options import ServersOptions
from backend.toolbox.records import Address, Command, ServerDefinition
from backend.toolbox.store import ToolboxStore
from backend.toolbox.trial import known_servers, try_servers
from tests.fakes.mcp_server import modern, running

CLOCK = SystemClock()


async def test_each_server_is_tried_once_and_programs_are_only_looked_for(tmp_path: Path) -> None:
    outbound = Outbound()
    async with running(modern()) as workshop:
        servers = [
            ServerDefinition("there", "file", Address(workshop.url)),
            ServerDefinition("gone", "file", Address("http://127.0.0.1:9/mcp")),
            ServerDefinition("program", "file", Command(("python3", "-c", "raise SystemExit"))),
            ServerDefinition("missing", "file", Command(("no-such-program-here",))),
        ]
        states = await try_servers(servers, tmp_path, CLOCK, outbound)
    await outbound.aclose()
    assert {name: state.name for name, state in states.items()} == {
        "there": "ready",
        "gone": "failed",
        "program": "off",
        "missing": "failed",
    }
    assert states["gone"].reason
    assert "no-such-program-here" in states["missing"].reason


async def test_those_that_are_switched_off_are_not_asked_for(tmp_path: Path) -> None:
    file = tmp_path / "mcp_servers.json"
    listed = [{"id": name, "url": f"http://127.0.0.1:9/{name}"} for name in ("one", "two")]
    file.write_text(json.dumps({"servers": [*listed, {"id": "bad"}]}))
    async with open_database(tmp_path / "parlor.db") as database:
        store = ToolboxStore(database, CLOCK)
        await store.switch("two", {"": False}, None)
        options = ServersOptions(file, tmp_path, ("parlor",))
        found, problems = await known_servers(database, CLOCK, options)
    assert [server.id for server in found] == ["one"]
    assert len(problems) == 1

"""The registry: where servers come from, what is on offer to whom, what people switch."""

import re
import subprocess
import sys
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from pathlib import Path

import orjson
import pytest

from backend.container import open_services
from backend.db.database import Database, open_database
from backend.kit.addresses import Openings
from backend.kit.clock import SystemClock
from backend.kit.errors import ConflictError, InvalidInputError, NotFoundError, UnavailableError
from backend.kit.outbound import Outbound
from backend.messages import ToolCall, ToolSpec
from backend.toolbox.context import CallContext, Decision, Who
from backend.toolbox.options import ServersOptions
from backend.toolbox.records import Address
from backend.toolbox.servers import ToolServers
from backend.toolbox.service import Tool
from backend.toolbox.store import ToolboxStore
from tests.conftest import make_settings
from tests.fakes.mcp_odd import OddServer, text, tool
from tests.fakes.mcp_server import modern, running
from tests.fakes.waiting import until

pytestmark = pytest.mark.anyio

CLOCK = SystemClock()
ANNA = Who("anna")


async def _yes(_) -> Decision:
    return Decision(allowed=True)


SAYS_YES = CallContext(ANNA, approve=_yes)


async def _clock(*_: object) -> str:
    return "noon"


OWN = Tool(ToolSpec("clock", "Tells the time.", {"type": "object", "properties": {}}), _clock)


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


async def test_tools_of_servers_and_of_parlor_are_offered_side_by_side(database):
    async with (
        running(OddServer(tool("ping"))) as remote,
        household(database, {"id": "odd", "url": remote.url}) as servers,
    ):
        await all_ready(servers)
        assert offered(servers) == ["clock", "ping", "read_more"]
        box = servers.toolbox_for(ANNA)
        assert (await box.call(ToolCall("1", "ping", "{}"), SAYS_YES)).content == "ping done"
        assert (await box.call(ToolCall("2", "clock", "{}"))).content == "noon"


async def test_t22c_nothing_waits_for_a_server_that_is_down_at_boot(database):
    async with running(OddServer()) as remote:
        await remote.kill()
        async with household(database, {"id": "odd", "url": remote.url}) as servers:
            assert offered(servers) == ["clock", "read_more"]
            await until(lambda: servers.connections["odd"].state.name == "failed")
            [gone] = servers.outages(ANNA)
            assert gone.state.reason == "connection refused"
            await remote.start()
            await until(lambda: "ping" in offered(servers), seconds=5)


async def test_t22d_a_tool_that_went_away_during_the_turn_is_named(database):
    async with (
        running(OddServer()) as remote,
        household(database, {"id": "calendar", "url": remote.url}) as servers,
    ):
        await all_ready(servers)
        box = servers.toolbox_for(ANNA)
        await servers.switch_server("calendar", enabled=False)
        for toolbox in (box, servers.toolbox_for(ANNA)):
            result = await toolbox.call(ToolCall("1", "ping", "{}"), SAYS_YES)
            assert result.failed
            assert result.content == "Calendar is unreachable (it is switched off)."
        assert offered(servers) == ["clock", "read_more"]


async def test_a_tool_that_left_the_list_during_the_turn_is_still_tried(database):
    odd = OddServer(tool("old"))
    async with (
        running(odd) as remote,
        household(database, {"id": "odd", "url": remote.url}) as servers,
    ):
        await all_ready(servers)
        box = servers.toolbox_for(ANNA)
        odd.tools = (tool("new"),)
        odd.results["old"] = text("Unknown tool: old", isError=True)
        await servers.refresh()
        assert offered(servers) == ["clock", "new", "read_more"]
        result = await box.call(ToolCall("1", "old", "{}"), SAYS_YES)
    assert (result.failed, result.content) == (True, "Unknown tool: old")


async def test_the_same_name_on_two_servers_is_told_apart(database):
    async with running(OddServer()) as one, running(OddServer()) as two:
        entries = [{"id": "a", "url": one.url}, {"id": "b", "url": two.url}]
        async with household(database, *entries) as servers:
            await all_ready(servers)
            assert offered(servers) == ["a__ping", "b__ping", "clock", "read_more"]
            before = servers.offered_name("b", "ping")
            await one.kill()
            await until(lambda: servers.connections["a"].state.name == "failed")
            assert servers.offered_name("b", "ping") == before


async def test_a_thousand_tools_are_offered_and_called(database):
    odd = OddServer(*(tool(f"tool_{number:04}") for number in range(1000)))
    async with (
        running(odd) as remote,
        household(database, {"id": "odd", "url": remote.url}) as servers,
    ):
        await all_ready(servers)
        assert len(offered(servers)) == 1002
        box = servers.toolbox_for(ANNA)
        assert (
            await box.call(ToolCall("1", "tool_0500", ""), SAYS_YES)
        ).content == "tool_0500 done"


async def test_a_long_result_is_read_on_by_the_model(database):
    odd = OddServer()
    odd.results["ping"] = text("".join(f"{number:05}" for number in range(10_000)))
    context = CallContext(ANNA, approve=_yes)
    async with (
        running(odd) as remote,
        household(database, {"id": "odd", "url": remote.url}) as servers,
    ):
        await all_ready(servers)
        box = servers.toolbox_for(ANNA)
        first = await box.call(ToolCall("1", "ping", ""), context)
        found = re.search(r'id "(\w+)" and offset (\d+)', first.content)
        assert found
        more = orjson.dumps({"id": found[1], "offset": int(found[2])}).decode()
        second = await box.call(ToolCall("2", "read_more", more), context)
        assert second.content.startswith("04800")
        elsewhere = await box.call(ToolCall("3", "read_more", more), CallContext(Who("ben")))
        assert elsewhere.failed


async def test_a_person_s_limits_apply_by_name_and_by_server(database):
    async with (
        running(OddServer(tool("ping"), tool("pong"))) as remote,
        household(database, {"id": "odd", "url": remote.url}) as servers,
    ):
        await all_ready(servers)
        assert offered(servers, Who("ben", tools=("odd/po*",))) == ["pong", "read_more"]
        assert offered(servers, Who("ben", tools=("clock",))) == ["clock", "read_more"]
        assert offered(servers, Who("ben", tools=())) == []
        box = servers.toolbox_for(Who("ben", tools=("clock",)))
        assert (await box.call(ToolCall("1", "ping", ""), SAYS_YES)).failed


async def test_switches_and_preferences_hold_after_a_restart(database):
    async with running(OddServer(tool("ping"), tool("pong"))) as remote:
        entry = {"id": "odd", "url": remote.url, "disabled_tools": ["pong"]}
        async with household(database, entry) as servers:
            await all_ready(servers)
            assert offered(servers) == ["clock", "ping", "read_more"]
            await servers.switch_tools("odd", {"ping": False, "pong": True})
            await servers.choices.prefer("anna", "voice", [])
        async with household(database, entry) as servers:
            await all_ready(servers)
            assert offered(servers) == ["clock", "pong", "read_more"]
            assert offered(servers, Who("anna", "voice")) == ["clock", "read_more"]
            await servers.choices.prefer("anna", "voice", None)
            assert offered(servers, Who("anna", "voice")) == ["clock", "pong", "read_more"]


async def test_a_server_that_is_switched_off_is_not_contacted(database):
    async with running(OddServer()) as remote:
        entry = {"id": "odd", "url": remote.url, "enabled": False}
        async with household(database, entry) as servers:
            assert servers.connections["odd"].state.name == "off"
            assert remote.requests == []
            await servers.switch_server("odd", enabled=True)
            await all_ready(servers)
        async with household(database, entry) as servers:
            await all_ready(servers)  # what was switched here counts more than the file


async def test_a_wrong_entry_leaves_the_others_working(database):
    async with running(OddServer()) as remote:
        entries = [{"id": "bad"}, {"id": "odd", "url": remote.url}]
        async with household(database, *entries) as servers:
            await all_ready(servers)
            assert [problem.entry for problem in servers.roster.definitions.problems] == ["bad"]


async def test_a_refresh_reads_the_file_again(database):
    async with (
        running(OddServer()) as one,
        running(OddServer()) as two,
        household(database, {"id": "one", "url": one.url}) as servers,
    ):
        await all_ready(servers)
        file = database.path.parent / "mcp_servers.json"
        file.write_bytes(orjson.dumps({"servers": [{"id": "two", "url": two.url}]}))
        await servers.refresh()
        await all_ready(servers)
        assert list(servers.connections) == ["two"]


async def test_s2_a_person_s_server_inside_the_house_needs_the_operator_s_word(database):
    async with (
        running(OddServer()) as remote,
        household(database, outbound=Outbound()) as servers,
    ):
        with pytest.raises(UnavailableError, match="cannot be reached"):
            await servers.roster.add(remote.url, added_by="anna")
        assert remote.requests == []
        assert servers.connections == {}


async def test_s2_what_cannot_be_reached_sounds_the_same_whatever_the_reason(database):
    async with (
        running(OddServer()) as remote,
        household(database, outbound=Outbound()) as servers,
    ):
        words = set()
        for url in (remote.url, "http://127.0.0.1:9/mcp", "http://[::1]:8080/mcp"):
            with pytest.raises(UnavailableError) as refused:
                await servers.roster.add(url, added_by="anna")
            words.add(refused.value.detail)
    assert len(words) == 1


async def test_a_server_that_a_person_adds_is_there_after_a_restart(database):
    outbound = Outbound(Openings.of(["127.0.0.0/8"]))
    async with running(OddServer()) as remote:
        async with household(database, outbound=outbound) as servers:
            added = await servers.roster.add(remote.url, added_by="anna")
            assert added.definition.id == "odd-server"
            assert "ping" in offered(servers)
            again = await servers.roster.add(remote.url, added_by="anna")
            assert again is added
        async with household(database, outbound=outbound) as servers:
            await all_ready(servers)
            assert "ping" in offered(servers)
            await servers.remove("odd-server")
            assert offered(servers) == ["clock", "read_more"]
        async with household(database, outbound=outbound) as servers:
            assert servers.connections == {}
    await outbound.aclose()


async def test_nothing_that_a_person_types_is_filled_in_from_the_environment(database, monkeypatch):
    monkeypatch.setenv("OPENROUTER_API_KEY", "sk-or-canary")
    outbound = Outbound(Openings.of(["127.0.0.0/8"]))
    paths: list[str] = []
    odd = OddServer()

    async def noting(scope, receive, send) -> None:
        if scope["type"] == "http":
            paths.append(scope["raw_path"].decode() + "?" + scope["query_string"].decode())
        await odd(scope, receive, send)

    async with running(noting) as remote, household(database, outbound=outbound) as servers:
        words = "${OPENROUTER_API_KEY}$OPENROUTER_API_KEY%OPENROUTER_API_KEY%"
        added = await servers.roster.add(
            f"{remote.url}/{words}?key={words}", added_by="anna", title=words
        )
        assert added.definition.title == words
        asked = [*paths, *(str(request) for request in remote.requests)]
    await outbound.aclose()
    assert paths
    assert not [one for one in asked if "canary" in one]


@pytest.mark.parametrize(
    "url", ["file:///etc/passwd", "stdio:ls", "ls -la", "", "http://me:secret@host/mcp"]
)
async def test_people_add_web_addresses_and_nothing_else(database, url):
    async with household(database) as servers:
        with pytest.raises(InvalidInputError):
            await servers.roster.add(url, added_by="anna")


async def test_a_server_of_the_file_is_not_removed_from_here(database):
    async with household(database, {"id": "odd", "url": "http://127.0.0.1:9/mcp"}) as servers:
        with pytest.raises(ConflictError, match="operator's file"):
            await servers.remove("odd")
        with pytest.raises(NotFoundError):
            await servers.remove("nobody")


async def test_servers_on_the_operator_s_hosts_are_found(database):
    async with running(OddServer()) as one, running(OddServer()) as two:
        ports = (one.port, two.port, 9)
        async with household(database, hosts=("127.0.0.1",), ports=ports) as servers:
            await until(lambda: len(servers.connections) == 2)
            assert list(servers.connections) == ["odd-server", "odd-server-2"]
            assert {one.definition.source for one in servers.connections.values()} == {"discovery"}
            where = servers.connections["odd-server"].definition.where
            assert isinstance(where, Address)
            assert where.url == one.url


async def test_what_a_server_gives_is_checked_against_its_schema_in_a_turn(database):
    async with (
        running(modern()) as remote,
        household(database, {"id": "shop", "url": remote.url}) as servers,
    ):
        await all_ready(servers)
        box = servers.toolbox_for(ANNA)
        result = await box.call(ToolCall("1", "add", '{"a": 1, "b": "x"}'), SAYS_YES)
        assert result.failed
        assert (await box.call(ToolCall("2", "add", '{"a": 1, "b": 2}'), SAYS_YES)).failed is False


async def test_parlor_uses_the_servers_of_its_file(tmp_path):
    async with running(OddServer()) as remote:
        file = tmp_path / "mcp_servers.json"
        file.write_bytes(orjson.dumps({"servers": [{"id": "odd", "url": remote.url}]}))
        async with open_services(make_settings(tmp_path)) as services:
            await until(lambda: "ping" in offered(services.tool_servers))


def test_without_servers_the_sdk_is_never_loaded(tmp_path):
    program = """
import asyncio, sys
from pathlib import Path
from backend.container import open_services
from backend.toolbox.context import Who
from tests.conftest import make_settings

async def main():
    async with open_services(make_settings(Path(sys.argv[1]))) as services:
        servers = services.tool_servers
        await servers.start()
        servers.toolbox_for(Who())
        await servers.refresh()

asyncio.run(main())
print(sorted(name for name in ("mcp", "mcp_types", "jsonschema") if name in sys.modules))
"""
    done = subprocess.run(
        [sys.executable, "-c", program, str(tmp_path)], capture_output=True, text=True, check=True
    )
    assert done.stdout.splitlines()[-1] == "[]"

"""The registry: which servers there are, what is on offer to whom, what people switch."""

import re
import subprocess
import sys

import orjson
import pytest

from backend.container import open_services
from backend.messages import ToolCall
from backend.toolbox.context import CallContext, Who
from tests.conftest import make_settings
from tests.fakes.mcp_odd import OddServer, text, tool
from tests.fakes.mcp_server import modern, running
from tests.fakes.waiting import until
from tests.toolbox.registry import ANNA, SAYS_YES, all_ready, household, offered, says_yes


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


async def test_a_tool_that_is_switched_off_during_the_turn_does_not_run_any_more(database):
    odd = OddServer()
    async with (
        running(odd) as remote,
        household(database, {"id": "calendar", "url": remote.url}) as servers,
    ):
        await all_ready(servers)
        box = servers.toolbox_for(ANNA)
        await servers.switch_tools("calendar", {"ping": False})
        result = await box.call(ToolCall("1", "ping", "{}"), SAYS_YES)
        assert (result.failed, result.content) == (True, "ping is switched off.")
        assert "tools/call" not in odd.asked


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
            (before,) = (one.spec.name for one in servers.tools_of("b"))
            await one.kill()
            await until(lambda: servers.connections["a"].state.name == "failed")
            assert [one.spec.name for one in servers.tools_of("b")] == [before]


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


@pytest.mark.parametrize("number", [2**64, -(2**63) - 1, 10**400], ids=["64", "63", "huge"])
async def test_a_number_that_is_too_large_to_be_sent_on_spoils_nobody_s_turn(database, number):
    """JavaScript writes 2**64 like that; one such schema took all tools from everybody."""
    schema = {"type": "object", "properties": {"n": {"enum": [1, number]}}}
    odd = OddServer(tool("ping") | {"inputSchema": schema, "outputSchema": schema}, tool("pong"))
    async with (
        running(odd) as remote,
        household(database, {"id": "odd", "url": remote.url}) as servers,
    ):
        await all_ready(servers)
        assert offered(servers) == ["clock", "ping", "pong", "read_more"]
        specs = {spec.name: spec for spec in servers.toolbox_for(ANNA).specs}
        assert orjson.dumps(specs["ping"].parameters)
        await servers.decisions.choose("anna", ("odd", "ping"), "allow")


async def test_a_long_result_is_read_on_by_the_model(database):
    odd = OddServer()
    odd.results["ping"] = text("".join(f"{number:05}" for number in range(10_000)))
    context = CallContext(ANNA, approve=says_yes)
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


async def test_a_server_that_makes_up_new_names_all_the_time_does_not_fill_the_memory(database):
    """What is gone is remembered, to be named when a model calls it; but not without end."""
    odd = OddServer(tool("first"))
    async with (
        running(odd) as remote,
        household(database, {"id": "odd", "url": remote.url}) as servers,
    ):
        await all_ready(servers)
        gate, told = servers.gate_for(ANNA), []
        for generation in range(5):
            assert offered(servers)
            told.append(gate.missing("first") != "")
            names = (f"tool_{generation}_{number}" for number in range(400))
            odd.tools = [tool(name) for name in names]
            await servers.connections["odd"].refresh(5)
        assert told == [True, True, True, True, False]


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

"""T2.2c: Parlor starts while its tool servers are down."""

import pytest

from backend.chat.events import ToolFinished
from tests.fakes.mcp_household import HouseholdServer
from tests.fakes.mcp_server import Running
from tests.fakes.scripted import calls, text, tool
from tests.fakes.waiting import until


@pytest.fixture
async def remote(server: HouseholdServer):
    started = Running(server.app)
    await started.start()
    await started.kill()
    yield started
    await started.kill()


async def test_t22c_chat_is_ready_at_once_and_the_tools_come_with_their_server(
    talk, services, provider, remote
):
    provider.says(text("Hi."))
    await talk.say("Hi")
    assert "thermometer" not in [spec.name for spec in provider.requests[-1].tools]
    servers = services.tool_servers.connections
    await until(lambda: "household" in servers and servers["household"].state.name == "failed")
    household = servers["household"]
    remote.app = HouseholdServer().app
    await remote.start()
    await until(lambda: household.listing.tools, seconds=5)
    provider.says(calls(tool("thermometer")), text("Warm."))
    heard = await talk.say("How warm is it?")
    assert [one.result for one in heard.of(ToolFinished)] == ["21 degrees"]

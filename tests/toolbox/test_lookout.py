"""T2.2c holds after a long outage as well, when whole tries have become rare."""

import asyncio

import pytest

from backend.toolbox.lookout import Lookout
from backend.toolbox.records import Address, Command, ServerDefinition
from tests.fakes.mcp_odd import OddServer
from tests.fakes.mcp_server import running


def lookout_for(url: str, source="file") -> Lookout:
    return Lookout(ServerDefinition("shop", source, Address(url)))


async def test_t22c_a_port_that_opens_again_is_noticed_within_5_seconds():
    async with running(OddServer()) as remote:
        await remote.kill()
        resting = asyncio.ensure_future(lookout_for(remote.url).rest(60, asyncio.Event()))
        await asyncio.sleep(0)
        await remote.start()
        async with asyncio.timeout(5):
            assert await resting


async def test_a_port_that_is_open_all_the_time_hastens_nothing():
    async with running(OddServer()) as remote:
        lookout = lookout_for(remote.url)
        assert await lookout.rest(10, asyncio.Event())
        assert not await lookout.rest(
            2.2, asyncio.Event()
        )  # something is there, but no server of tools


@pytest.mark.parametrize("source", ["person", "file"])
async def test_who_wants_it_now_does_not_wait(source):
    wanted = asyncio.Event()
    wanted.set()
    async with asyncio.timeout(1):
        assert not await lookout_for("http://127.0.0.1:9/mcp", source).rest(60, wanted)


async def test_s2_an_address_that_a_person_gave_is_not_knocked_at():
    knocks = 0

    async def count(*_: object) -> None:
        nonlocal knocks
        knocks += 1

    listening = await asyncio.start_server(count, "127.0.0.1", 0)
    url = f"http://127.0.0.1:{listening.sockets[0].getsockname()[1]}/mcp"
    assert not await lookout_for(url, "person").rest(2.2, asyncio.Event())
    assert knocks == 0
    listening.close()


async def test_a_command_has_no_port():
    definition = ServerDefinition("shop", "file", Command(("true",)))
    assert not await Lookout(definition).rest(0.1, asyncio.Event())

"""How long a session is kept: while it is of use, and no reason to open one after the other."""

import asyncio

import pytest

from backend.toolbox.records import Address, CallFailedError
from tests.fakes.mcp_odd import OddServer, tool
from tests.fakes.mcp_server import oldest, running
from tests.fakes.waiting import until


async def test_a_session_that_never_lasts_is_opened_less_and_less_often(shop):
    """A proxy may cut each stream of events at once; the server is ready each time."""
    app, streams = oldest(), []

    async def hangs_up() -> dict[str, str]:
        await until(lambda: server.session)
        return {"type": "http.disconnect"}

    async def cutting(scope, receive, send) -> None:
        if scope["type"] == "http" and scope["method"] == "GET":
            streams.append(scope)
            receive = hangs_up
        await app(scope, receive, send)

    async with running(cutting) as remote:
        server = shop.connect(Address(remote.url, "sse"))
        await asyncio.sleep(1.5)
        assert 2 <= len(streams) <= 4  # after a quarter of a second, a half, one, two


async def test_a_server_that_does_one_thing_at_a_time_keeps_its_session_while_it_works(shop):
    """It cannot tell its tools meanwhile; that it hangs would show at the deadline of the call."""
    odd, turn = OddServer(), asyncio.Lock()

    async def one_at_a_time(scope, receive, send) -> None:
        async with turn:
            await odd(scope, receive, send)

    async with running(odd) as remote:
        server = await shop.ready(Address(remote.url, "http"), list_seconds=0.2)
        remote.app = one_at_a_time
        odd.delays["tools/call"] = 3
        calling = asyncio.ensure_future(shop.call(server, "ping"))
        await until(lambda: "tools/call" in odd.asked)
        server.changed()
        assert (await calling).text == "ping done"
        assert odd.handshakes == 1


async def test_a_server_that_hangs_is_left_when_a_call_met_its_deadline(shop):
    shop.seconds = 0.5
    odd = OddServer(tool("ping"), tool("pong"))
    async with running(odd) as remote:
        server = await shop.ready(Address(remote.url, "http"), list_seconds=0.2)
        odd.hangs = {"tools/call", "tools/list"}
        with pytest.raises(CallFailedError, match="no answer within"):
            await shop.call(server, "ping")
        await until(lambda: not server.session)


async def test_switched_off_and_on_again_it_is_on(shop):
    odd = OddServer()
    async with running(odd) as remote:
        server = await shop.ready(remote.url)
        odd.delays["goodbye"] = 0.5
        closing = asyncio.ensure_future(server.aclose())
        await until(lambda: not server.is_on)
        server.start()
        await until(lambda: server.session)
        await closing
        assert (server.state.name, server.is_on) == ("ready", True)

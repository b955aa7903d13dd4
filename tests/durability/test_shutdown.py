"""Asked to stop: screens are told, short answers end, long ones keep what was said."""

import asyncio

import pytest

from backend.container import open_services
from backend.providers.shipped import Providers
from tests.chat.routed import read
from tests.chat.talk import Heard
from tests.conftest import HASHER, make_settings
from tests.durability.process import Server, Timed, make_owner
from tests.fakes.answers import stall, text
from tests.fakes.scripted import ScriptedProvider
from tests.fakes.upstream import FakeUpstream
from tests.fakes.waiting import until

pytestmark = pytest.mark.timeout(60)

ENDED_WELL = (0, -15)
"""A supervisor takes the signal itself for a good end."""


async def test_a_stopping_server_lets_answers_end_and_then_interrupts(tmp_path):
    cookies = await make_owner(tmp_path)
    async with (
        FakeUpstream() as upstream,
        Server.running(tmp_path, upstream, cookies, PARLOR_DRAIN_SECONDS=1) as server,
    ):
        screen = server.screen
        news = await screen.http.get("/api/events")
        upstream.says(text(*(f"{number} " for number in range(20)), delay=0.02))
        short = asyncio.create_task(read(await screen.send("Short?")))
        long = Timed(1, 0.004)
        upstream.says(long.scenario())
        answer = await screen.send("Long?")
        conversation_id = answer.headers["X-Conversation-Id"]
        following = asyncio.create_task(read(answer))
        await until(lambda: len(long.said) > 20)
        asked_at = asyncio.get_running_loop().time()
        server.is_asked_to_stop()
        async with asyncio.timeout(0.9):
            await news.read()  # ends before the answers do
        heard = Heard.of_bytes(await short)
        interrupted = Heard.of_bytes(await following)
        async with asyncio.timeout(5):
            code = await server.process.wait()
        took = asyncio.get_running_loop().time() - asked_at
    assert heard.text == "".join(f"{number} " for number in range(20))
    assert heard.end.status == "completed"
    assert interrupted.end.status == "interrupted"
    assert code in ENDED_WELL
    assert 0.9 < took < 4
    async with open_services(
        make_settings(tmp_path), providers=Providers([ScriptedProvider()]), hasher=HASHER
    ) as services:
        (owner,) = await services.auth.people()
        conversation = await services.chat.get(owner.id, conversation_id)
    kept = conversation.messages[1]
    assert kept.status == "interrupted"
    assert kept.parts == interrupted.reduced().parts


async def test_an_idle_server_stops_at_once_though_a_screen_listens(tmp_path):
    cookies = await make_owner(tmp_path)
    async with (
        FakeUpstream() as upstream,
        Server.running(tmp_path, upstream, cookies) as server,
    ):
        news = await server.screen.http.get("/api/events")
        server.is_asked_to_stop()
        async with asyncio.timeout(2):
            await news.read()
            assert await server.process.wait() in ENDED_WELL


async def test_a_screen_that_comes_back_while_the_server_drains_does_not_hold_it_up(tmp_path):
    cookies = await make_owner(tmp_path)
    async with (
        FakeUpstream(always=stall()) as upstream,
        Server.running(tmp_path, upstream, cookies, PARLOR_DRAIN_SECONDS=1) as server,
    ):
        news = await server.screen.http.get("/api/events")
        answer = await server.screen.send("Go")
        server.is_asked_to_stop()
        await news.read()
        again = await server.screen.http.get("/api/events")
        async with asyncio.timeout(4):
            await again.read()
            assert Heard.of_bytes(await read(answer)).end.status == "interrupted"
            assert await server.process.wait() in ENDED_WELL

"""`kill -9` at any moment: nothing older than a quarter of a second is lost."""

import asyncio
import random
import sqlite3
from contextlib import AsyncExitStack, closing, suppress

import aiohttp
import pytest

from tests.chat.routed import read
from tests.chat.talk import Heard
from tests.durability.process import Server, Timed, make_owner
from tests.fakes.answers import stall, text
from tests.fakes.upstream import FakeUpstream
from tests.fakes.waiting import until

pytestmark = pytest.mark.timeout(60)

MAY_BE_LOST = 0.25
KILLS = 5


class Asked:
    """A question to a server that will be killed."""

    def __init__(self, timed: Timed) -> None:
        self.timed = timed
        self.conversation_id = ""
        self.heard = b""
        self._reading: asyncio.Task[None] | None = None

    async def ask(self, server: Server, upstream: FakeUpstream) -> None:
        before = len(upstream.chats)
        upstream.says(self.timed.scenario())
        response = await server.screen.send("Count for ever.")
        self.conversation_id = response.headers["X-Conversation-Id"]
        self._reading = asyncio.create_task(self._read(response))
        await upstream.has_requests(before + 1)

    async def _read(self, response) -> None:
        with suppress(aiohttp.ClientError, OSError):  # killed
            async with response:
                while data := await response.content.readany():
                    self.heard += data

    async def check(self, server: Server, killed_at: float, *, how: str) -> None:
        assert self._reading
        await self._reading
        conversation = await server.conversation(self.conversation_id)
        question, answer = conversation["messages"]
        assert question["parts"] == [{"type": "text", "text": "Count for ever."}]
        assert (answer["status"], conversation["running_turn_id"]) == ("interrupted", None)
        kept = "".join(part["text"] for part in answer["parts"])
        assert kept.startswith(self.timed.until(killed_at - MAY_BE_LOST))
        assert self.timed.until(killed_at + 1).startswith(kept)
        await self._go_on(server, how, answer["id"], kept)

    async def _go_on(self, server: Server, how: str, message_id: str, kept: str) -> None:
        heard = Heard.of_bytes(await server.again(how, self.conversation_id, message_id))
        assert heard.end.status == "completed"
        messages = (await server.conversation(self.conversation_id))["messages"]
        expected = [kept + "and so on."] if how == "continue" else [kept, "and so on."]
        answers = [one for one in messages if one["role"] == "assistant"]
        assert ["".join(part["text"] for part in one["parts"]) for one in answers] == expected
        assert answers[-1]["status"] == "complete"


@pytest.mark.parametrize("seed", range(4))
async def test_a_killed_server_has_kept_what_was_said(tmp_path, seed):
    chance = random.Random(seed)  # noqa: S311  # a seed makes it repeatable
    cookies = await make_owner(tmp_path)
    clock = asyncio.get_running_loop().time
    asked: list[Asked] = []
    killed_at = 0.0
    async with FakeUpstream() as upstream:
        for round_number in range(KILLS + 1):
            async with Server.running(tmp_path, upstream, cookies) as server:
                upstream.always = text("and so on.")
                for one, how in zip(asked, ("continue", "regenerate"), strict=False):
                    await one.check(server, killed_at, how=how)
                if round_number == KILLS:
                    break
                asked = [Asked(Timed(1, 0.004)), Asked(Timed(40, 0.1))]
                for one in asked:
                    await one.ask(server, upstream)
                await until(lambda: all(one.timed.said for one in asked))  # noqa: B023  # awaited within its round
                await asyncio.sleep(chance.uniform(0, 0.9))  # the moment itself
                killed_at = clock()
                await server.is_killed()
    _is_sound(tmp_path)


async def test_the_question_is_kept_when_the_server_dies_as_it_asks(tmp_path):
    cookies = await make_owner(tmp_path)
    async with FakeUpstream() as upstream:
        upstream.says(stall(head=False))
        async with Server.running(tmp_path, upstream, cookies) as server:
            response = await server.screen.send("Are you there?")
            await upstream.has_requests(1)
            await server.is_killed()
            response.close()
        async with Server.running(tmp_path, upstream, cookies) as server:
            conversation = await server.conversation(response.headers["X-Conversation-Id"])
            question, answer = conversation["messages"]
            assert question["parts"][0]["text"] == "Are you there?"
            assert (answer["status"], answer["parts"]) == ("interrupted", [])
            turn_id = response.headers["X-Turn-Id"]
            events = Heard.of_bytes(await read(await server.screen.follow(turn_id)))
            assert events.end.status == "interrupted"
            upstream.says(text("Yes."))
            again = await server.again("regenerate", conversation["id"], answer["id"])
            assert Heard.of_bytes(again).text == "Yes."


async def test_of_two_processes_the_second_takes_over_what_the_killed_one_left(tmp_path):
    cookies = await make_owner(tmp_path)
    clock = asyncio.get_running_loop().time
    async with FakeUpstream() as upstream, AsyncExitStack() as stack:
        first, second = [
            await stack.enter_async_context(Server.running(tmp_path, upstream, cookies))
            for _ in range(2)
        ]
        theirs, ours = Asked(Timed(1, 0.004)), Asked(Timed(1, 0.004))
        await theirs.ask(first, upstream)
        await ours.ask(second, upstream)
        await until(lambda: len(theirs.timed.said) > 50 and len(ours.timed.said) > 50)
        for server in (first, second):
            for one in (theirs, ours):
                found = await server.conversation(one.conversation_id)
                assert found["running_turn_id"]
        killed_at = clock()
        await first.is_killed()
        while (await second.conversation(theirs.conversation_id))["running_turn_id"]:
            assert clock() < killed_at + 5
        upstream.always = text("and so on.")
        await theirs.check(second, killed_at, how="continue")
        running = (await second.conversation(ours.conversation_id))["running_turn_id"]
        assert (await second.screen.stop(running))["status"] == "stopped"
    _is_sound(tmp_path)


def _is_sound(state_dir) -> None:
    with closing(sqlite3.connect(state_dir / "parlor.db")) as connection:
        assert connection.execute("PRAGMA integrity_check").fetchall() == [("ok",)]
        assert connection.execute("PRAGMA foreign_key_check").fetchall() == []

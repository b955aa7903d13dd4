"""Turns that a process left running: closed by the leader alone, from the journal."""

import asyncio
from contextlib import asynccontextmanager

import pytest

from backend.chat.events import TextDelta as Said
from backend.chat.events import ToolStarted, TurnFinished
from backend.chat.journal import Journal
from backend.chat.records import TextPart
from backend.container import Services, open_services
from backend.kit.claims import Claims
from backend.kit.leader import Leader
from backend.messages import Usage
from backend.providers.base import ReasoningDetails, TextDelta, UsageReport
from backend.providers.shipped import Providers
from tests.chat.talk import Talk
from tests.conftest import HASHER
from tests.fakes.clock import NOON, StillClock
from tests.fakes.scripted import ScriptedProvider, text
from tests.fakes.waiting import until


class Killed:
    """A process that was killed: its turns are in the database as running, nobody runs them."""

    def __init__(self, services: Services) -> None:
        self._services = services

    async def leaves_running(self, turn_id: str) -> None:
        await self._services.database.write(
            lambda c: c.execute(
                "UPDATE turns SET status = 'running', finished_at = NULL, cost = NULL WHERE id = ?",
                (turn_id,),
            )
        )

    async def has_written(self, turn_id: str, *events) -> None:
        """Put these events in place of the journal."""
        journal = Journal(turn_id, on_append=lambda _: None)
        for event in events:
            journal.append(event)
        rows = journal.take()
        assert rows

        def write(connection) -> None:
            connection.execute(
                "DELETE FROM journal WHERE turn = (SELECT number FROM turns WHERE id = ?)",
                (turn_id,),
            )
            connection.execute(
                "INSERT INTO journal (turn, last_number, frames) SELECT number, ?, ? FROM turns WHERE id = ?",
                (rows.last_number, rows.frames, turn_id),
            )

        await self._services.database.write(write)


@pytest.fixture
async def killed(services) -> Killed:
    return Killed(services)


@asynccontextmanager
async def another_process(settings, provider, **more):
    """Another Parlor on the same state folder."""
    async with open_services(
        settings, providers=Providers([provider]), hasher=HASHER, **more
    ) as other:
        yield other


async def test_a_turn_that_was_left_running_is_closed_with_its_text(talk, provider, killed):
    provider.says(text("Never seen"))
    heard = await talk.say("Go")
    started, turn = heard.events[0], heard.turn
    await talk.services.database.write(
        lambda c: c.execute("DELETE FROM messages WHERE id = ?", (turn.message_id,))
    )
    await killed.has_written(
        turn.id, started, Said("Half"), Said(" an"), ToolStarted("a", "x", "{}", 0)
    )
    await killed.leaves_running(turn.id)
    await talk.services.turns.recover()
    stored = await talk.answer(turn)
    assert (stored.status, stored.parts[0]) == ("interrupted", TextPart("Half an"))
    assert stored.parts[1].status == "cancelled"
    again = await talk.hear(turn)
    assert again.numbers == [1, 2, 3, 4, 5, 6]
    assert again.end == TurnFinished("interrupted", None)
    assert (await talk.conversation(turn.conversation_id)).running_turn_id is None


async def test_a_continued_message_keeps_what_it_had_when_its_process_dies(talk, provider, killed):
    details = ({"type": "a", "data": "1"},)
    provider.says(
        [ReasoningDetails(details), *text("Once", reason="length", cost=0.25)],
        text(" upon", reason="length"),
        text("Next"),
    )
    first = (await talk.say("Go")).turn
    provider.books.clear()
    second = await talk.proceed(first.conversation_id, first.message_id)
    # The process died before the end of the second turn was written.
    await talk.services.database.write(
        lambda c: c.execute(
            'UPDATE messages SET parts = \'[{"text":"Once","type":"text"}]\','
            " usage = ? WHERE id = ?",
            (Usage(prompt_tokens=10, cost=0.25).model_dump_json(), first.message_id),
        )
    )
    await killed.has_written(second.turn.id, *second.events[:-2])
    await killed.leaves_running(second.turn.id)
    await talk.services.turns.recover()
    stored = await talk.answer(first)
    assert stored.parts == [TextPart("Once upon")]
    assert stored.usage == Usage(prompt_tokens=20, completion_tokens=1, cost=0.25)
    await talk.say("And?", to=first.conversation_id)
    assert provider.requests[-1].messages[1].reasoning_details == details


async def test_an_event_of_a_newer_release_keeps_nothing_from_being_recovered(
    talk, provider, killed, services
):
    provider.says(text("One"))
    heard = await talk.say("Go")
    unknown = b'id: 2\nevent: new.thing\ndata: {"type":"new.thing"}\n\n'
    await killed.has_written(heard.turn.id, heard.events[0])
    await services.database.write(
        lambda c: c.execute(
            "INSERT INTO journal (turn, last_number, frames)"
            " SELECT number, 3, ? FROM turns WHERE id = ?",
            (
                unknown + b'id: 3\nevent: text.delta\ndata: {"text":"x","type":"text.delta"}\n\n',
                heard.turn.id,
            ),
        )
    )
    await services.database.write(
        lambda c: c.execute("DELETE FROM messages WHERE id = ?", (heard.turn.message_id,))
    )
    await killed.leaves_running(heard.turn.id)
    await services.turns.recover()
    assert (await talk.answer(heard.turn)).parts == [TextPart("x")]
    frames = await services.chat.follow(talk.owner_id, heard.turn.id, 0)
    raw = b"".join([one async for one in frames])
    assert unknown in raw
    assert raw.count(b"id: ") == 5


async def test_a_second_process_leaves_running_turns_alone_and_can_follow_them(
    talk, provider, settings
):
    go_on = asyncio.Event()
    provider.says([TextDelta("Half"), go_on, *text(" whole")])
    turn = await talk.send("Go")
    await talk.hear_until(turn, 2)
    async with another_process(settings, ScriptedProvider()) as other:
        elsewhere = Talk(other, talk.owner)
        assert (await other.chat.turn(talk.owner_id, turn.id)).status == "running"
        following = asyncio.create_task(elsewhere.hear(turn))
        await elsewhere.hear_until(turn, 2)  # the half is there before the whole exists
        go_on.set()
        heard = await following
    assert heard.text == "Half whole"
    assert heard.end.status == "completed"
    assert (await talk.hear(turn)).events == heard.events


async def test_a_message_to_a_conversation_that_another_process_answers_is_refused(
    talk, provider, settings
):
    provider.says([asyncio.Event()])
    turn = await talk.send("Go")
    async with another_process(settings, ScriptedProvider()) as other:
        with pytest.raises(Exception, match="still being written"):
            await Talk(other, talk.owner).send("Me too", to=turn.conversation_id)


async def test_the_next_leader_closes_the_turns_of_the_one_that_died_and_not_its_own(
    settings, talk, provider, killed, services
):
    """The old leader dies while this process is running turns of its own."""
    provider.says(text("Old"))
    old = (await talk.say("Old")).turn
    mine = ScriptedProvider()
    mine.says([TextDelta("Mine"), asyncio.Event()])
    async with another_process(settings, mine) as other:
        running = await Talk(other, talk.owner).send("New")
        await Talk(other, talk.owner).hear_until(running, 2)
        await killed.leaves_running(old.id)
        await other.turns.recover()
        assert (await talk.services.chat.turn(talk.owner_id, old.id)).status == "interrupted"
        assert (await other.chat.turn(talk.owner_id, running.id)).status == "running"
        await other.chat.stop(talk.owner_id, running.id)


async def test_only_the_leader_recovers(settings, provider, tmp_path):
    async with another_process(settings, provider) as first:
        anna = await first.auth.add("anna", "correct horse", "", role="owner")
        talk = Talk(first, anna)
        provider.says(text("Old"))
        old = (await talk.say("Old")).turn
        await Killed(first).leaves_running(old.id)
    holder = Leader(tmp_path / "leader.lock")
    assert holder.try_lead()
    async with another_process(settings, ScriptedProvider()) as second:
        assert (await second.chat.turn(anna.id, old.id)).status == "running"
        holder.close()
        statuses = []

        async def look() -> None:
            statuses.append((await second.chat.turn(anna.id, old.id)).status)

        async with asyncio.timeout(5):
            while "interrupted" not in statuses:
                await look()
    assert set(statuses) == {"running", "interrupted"}


async def test_a_new_leader_leaves_the_turns_of_a_third_process_alone_while_it_lives(
    settings, talk, provider, services
):
    """Two upgrades in a row: whoever gets the lead is not the only one at work."""
    go_on = asyncio.Event()
    provider.says([TextDelta("Half"), go_on, *text(" whole")])
    turn = await talk.send("Go")
    await talk.hear_until(turn, 2)
    async with another_process(settings, ScriptedProvider()) as leader:
        assert await leader.turns.recover() == 1
        assert (await services.chat.turn(talk.owner_id, turn.id)).status == "running"
        go_on.set()
        assert (await talk.hear(turn)).end.status == "completed"
        assert await leader.turns.recover() == 0
    assert (await talk.answer(turn)).parts == [TextPart("Half whole")]


async def test_a_third_process_that_dies_later_is_noticed(settings, provider, tmp_path):
    holder = Leader(tmp_path / "leader.lock")
    assert holder.try_lead()
    claims = Claims(tmp_path / "turns.lock")
    async with another_process(settings, provider) as first:
        anna = await first.auth.add("anna", "correct horse", "", role="owner")
        provider.says(text("Old"))
        old = (await Talk(first, anna).say("Old")).turn
        await Killed(first).leaves_running(old.id)
        assert claims.take(old.id)
        assert await first.turns.recover() == 1
        holder.close()
        tasks = first.background._tasks
        await until(lambda: any("of others" in task.get_name() for task in tasks))
        assert (await first.chat.turn(anna.id, old.id)).status == "running"
        claims.close()
        await until(lambda: not any("of others" in task.get_name() for task in tasks))
        assert (await first.chat.turn(anna.id, old.id)).status == "interrupted"


async def test_a_turn_that_was_closed_is_not_ended_again(talk, provider, killed, services):
    """Whoever comes second changes nothing."""
    go_on = asyncio.Event()
    provider.says([TextDelta("Half"), go_on, *text(" whole")])
    turn = await talk.send("Go")
    await talk.hear_until(turn, 2)
    await services.database.write(
        lambda c: c.execute(
            "UPDATE turns SET status = 'interrupted', finished_at = 1 WHERE id = ?", (turn.id,)
        )
    )
    go_on.set()
    await until(lambda: not services.turns.running_count)
    assert (await services.chat.turn(talk.owner_id, turn.id)).status == "interrupted"
    assert [one.id for one in (await talk.conversation(turn.conversation_id)).messages] == [
        turn.parent_id
    ]


async def test_shutting_down_lets_a_short_answer_end_and_keeps_the_text_of_a_long_one(
    talk, provider, services
):
    go_on = asyncio.Event()
    provider.says([TextDelta("Short"), go_on, *text(".")], [TextDelta("Long"), asyncio.Event()])
    short = await talk.send("One")
    await talk.hear_until(short, 2)
    long = await talk.send("Two")
    await talk.hear_until(long, 2)
    draining = asyncio.create_task(services.shut_down(0.2))
    await asyncio.sleep(0)
    go_on.set()
    await draining
    assert (await talk.answer(short)).status == "complete"
    stored = await talk.answer(long)
    assert (stored.status, stored.parts) == ("interrupted", [TextPart("Long")])
    assert (await talk.hear(long)).end.status == "interrupted"


async def test_journals_of_long_ended_turns_are_pruned_and_their_answers_stay(settings, provider):
    clock = StillClock()
    async with another_process(settings, provider, clock=clock) as services:
        anna = await services.auth.add("anna", "correct horse", "", role="owner")
        talk = Talk(services, anna)
        provider.says(text("Old"), text("New"))
        old = (await talk.say("Old")).turn
        clock.forward(days=6)
        new = (await talk.say("New")).turn
        clock.forward(days=1.5)
        await services.turns.prune()
        left = await services.database.read(
            lambda c: [
                row[0]
                for row in c.execute(
                    "SELECT DISTINCT t.id FROM journal j JOIN turns t ON t.number = j.turn"
                )
            ]
        )
        assert left == [new.id]
        assert (await talk.answer(old)).parts == [TextPart("Old")]
        assert old.created_at == NOON


async def test_a_crash_while_usage_was_known_keeps_the_usage(talk, provider, killed):
    provider.says([UsageReport(Usage(prompt_tokens=3, cost=0.5)), *text("x")])
    heard = await talk.say("Go")
    await talk.services.database.write(
        lambda c: c.execute("DELETE FROM messages WHERE id = ?", (heard.turn.message_id,))
    )
    await killed.has_written(heard.turn.id, *heard.events[:3])
    await killed.leaves_running(heard.turn.id)
    await talk.services.turns.recover()
    assert (await talk.answer(heard.turn)).usage == Usage(prompt_tokens=3, cost=0.5)

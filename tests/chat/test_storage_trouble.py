"""A full disk: people are told, nothing is lost, and it goes on when there is room again."""

import asyncio
import sqlite3
from contextlib import closing

import pytest
import structlog

from backend.chat.events import Notice
from backend.chat.records import ConversationChange
from backend.db.database import StorageError
from backend.providers.base import TextDelta
from tests.chat.talk import Heard, shown
from tests.fakes.scripted import text
from tests.fakes.waiting import until

BIG = "x" * 20_000


class Disk:
    """What SQLite may fill, by its own limit."""

    def __init__(self, services) -> None:
        self._database = services.database

    async def is_full(self) -> None:
        await self._limit("PRAGMA page_count")

    async def has_room(self) -> None:
        await self._limit(None)

    async def _limit(self, query: str | None) -> None:
        def apply(connection) -> None:
            pages = connection.execute(query).fetchone()[0] if query else 10**9
            connection.execute(f"PRAGMA max_page_count = {pages}").fetchone()

        await self._database.write(apply)


@pytest.fixture
async def disk(services) -> Disk:
    return Disk(services)


@pytest.fixture
def logged():
    """Names of what was logged."""
    names = []

    def note(_logger, _method, event):
        names.append(event["event"])
        raise structlog.DropEvent

    before = structlog.get_config()["processors"]
    structlog.configure(processors=[note])
    yield names
    structlog.configure(processors=before)


async def test_a_message_that_cannot_be_stored_is_refused_and_asked_of_nobody(talk, provider, disk):
    provider.says(text("Hi"), text("Hello"))
    to = (await talk.say("One")).turn.conversation_id
    await disk.is_full()
    with pytest.raises(StorageError) as refused:
        await talk.send(BIG, to=to)
    assert refused.value.code == "storage_failed"
    await disk.has_room()
    assert await talk.path(to) == ["One", "Hi"]
    assert len(provider.requests) == 1
    await talk.say("Again", to=to)
    assert await talk.path(to) == ["One", "Hi", "Again", "Hello"]


async def test_an_answer_that_cannot_be_stored_is_told_and_stored_later(
    talk, provider, disk, logged
):
    fill, go_on = asyncio.Event(), asyncio.Event()
    provider.says([TextDelta("Start "), fill, TextDelta(BIG), go_on, *text(" end")])
    turn = await talk.send("Go")
    listening = asyncio.create_task(talk.hear(turn))
    await provider.was_asked()
    await disk.is_full()
    fill.set()
    go_on.set()
    await until(lambda: "turn_not_stored" in logged)
    await disk.has_room()
    heard = await listening
    assert [one.code for one in heard.of(Notice)] == ["storage_failed"]
    assert heard.text == f"Start {BIG} end"
    assert heard.numbers == list(range(1, len(heard.events) + 1))
    assert heard.end.status == "completed"
    stored = await talk.answer(turn)
    assert shown(stored) == shown(heard.reduced())
    assert (await talk.hear(turn)).events == heard.events  # from the disk now


async def test_a_journal_commit_that_failed_leaves_no_gap_in_what_is_kept(
    talk, provider, disk, logged
):
    fill, go_on = asyncio.Event(), asyncio.Event()
    provider.says([TextDelta("Start "), fill, TextDelta(BIG), go_on, *text(" end")])
    turn = await talk.send("Go")
    await provider.was_asked()
    await disk.is_full()
    fill.set()
    await until(lambda: "journal_not_stored" in logged)
    await disk.has_room()  # the turn ends before the journal is tried again
    go_on.set()
    live = await talk.hear(turn)
    await until(lambda: not talk.services.turns.running_count)
    kept = await talk.hear(turn)
    assert kept.numbers == list(range(1, len(kept.events) + 1))
    assert kept.events == live.events
    assert live.of(Notice) == []


async def test_the_journal_is_tried_again_while_the_answer_goes_on(
    talk, provider, disk, services, logged
):
    fill, go_on = asyncio.Event(), asyncio.Event()
    provider.says([TextDelta("Start "), fill, TextDelta(BIG), go_on, *text(" end")])
    turn = await talk.send("Go")
    await provider.was_asked()
    await disk.is_full()
    fill.set()
    await until(lambda: "journal_not_stored" in logged)
    await disk.has_room()

    def stored() -> Heard:
        with closing(sqlite3.connect(services.database.path)) as connection:
            rows = connection.execute(
                "SELECT frames FROM journal WHERE turn = (SELECT number FROM turns WHERE id = ?) ORDER BY last_number",
                (turn.id,),
            ).fetchall()
        return Heard.of_bytes(b"".join(row[0] for row in rows))

    await until(lambda: stored().text == f"Start {BIG}")
    go_on.set()
    assert (await talk.hear(turn)).text == f"Start {BIG} end"


async def test_a_full_disk_does_not_keep_the_process_from_ending(
    talk, provider, disk, services, logged
):
    fill = asyncio.Event()
    provider.says([TextDelta("Start"), fill, TextDelta(BIG), asyncio.Event()])
    turn = await talk.send("Go")
    await provider.was_asked()
    await disk.is_full()
    fill.set()
    await talk.hear_until(turn, 3)
    async with asyncio.timeout(5):
        await services.turns.drain(0)
    assert "turn_not_stored" in logged
    assert services.turns.running_count == 1  # the next start closes it
    await disk.has_room()
    await until(lambda: not services.turns.running_count)
    assert (await talk.answer(turn)).status == "interrupted"


async def test_a_log_that_cannot_be_written_hangs_no_turn(talk, provider):
    def full(*_):
        raise OSError(28, "No space left on device")

    before = structlog.get_config()["processors"]
    structlog.configure(processors=[full])
    try:
        provider.says([TextDelta("Half"), lambda: {}["a bug"]])
        heard = await talk.say("Go")
    finally:
        structlog.configure(processors=before)
    assert (heard.text, heard.end.status) == ("Half", "failed")


async def test_reading_still_works_on_a_full_disk(talk, provider, disk, services):
    provider.says(text("Hi"))
    to = (await talk.say("One")).turn.conversation_id
    await disk.is_full()
    assert await talk.path(to) == ["One", "Hi"]
    change = ConversationChange(system_prompt="x" * 90_000)
    with pytest.raises(StorageError):
        await services.chat.update(talk.owner, to, change)
    await disk.has_room()
    assert (await talk.conversation(to)).system_prompt is None

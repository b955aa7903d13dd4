"""Branches: continue, regenerate, edit, choose, delete."""

import asyncio
import sqlite3
from contextlib import closing

import pytest
from pydantic import ValidationError

from backend.chat.history import CONTINUE_REQUEST
from backend.chat.records import ConversationChange, TextPart
from backend.kit.errors import InvalidInputError, NotFoundError
from backend.messages import AssistantStep, Usage, UserPrompt
from backend.providers.base import ProviderUnreachableError, TextDelta
from tests.chat.talk import shown
from tests.fakes.scripted import calls, text, tool


async def test_continuing_appends_to_the_same_message_and_sums_what_it_cost(talk, provider):
    provider.says(text("Once upon", reason="length", cost=0.25), text(" a time.", cost=0.5))
    first = await talk.say("Tell me")
    second = await talk.proceed(first.turn.conversation_id, first.turn.message_id)
    assert (second.turn.message_id, second.turn.kind) == (first.turn.message_id, "continue")
    stored = await talk.answer(first.turn)
    assert stored.parts == [TextPart("Once upon a time.")]
    assert stored.usage == Usage(prompt_tokens=20, completion_tokens=2, cost=0.75)
    assert (stored.status, stored.finish_reason) == ("complete", "stop")
    assert second.end.cost == 0.5  # of this turn
    before = first.reduced().parts
    assert second.reduced(before).parts == stored.parts
    assert await talk.path(first.turn.conversation_id) == ["Tell me", "Once upon a time."]


async def test_the_model_sees_what_it_is_to_continue(talk, provider):
    provider.says([TextDelta("Once"), ProviderUnreachableError("Gone.")], text(" upon"))
    first = await talk.say("Tell me")
    await talk.proceed(first.turn.conversation_id, first.turn.message_id)
    question, answer, request = provider.requests[1].messages
    assert (question, answer) == (UserPrompt("Tell me"), AssistantStep("Once"))
    assert request.text == CONTINUE_REQUEST
    assert "Current time" in request.context


async def test_a_continued_answer_counts_its_steps_on(talk, provider):
    provider.says(
        calls(tool("x", call_id="a")),
        [TextDelta("Half"), ProviderUnreachableError("Gone.")],
        calls(tool("x", call_id="b")),
        text("Whole"),
    )
    first = await talk.say("Go")
    await talk.proceed(first.turn.conversation_id, first.turn.message_id)
    parts = (await talk.answer(first.turn)).parts
    assert [part.step for part in parts if part.type == "tool"] == [0, 1]


async def test_an_answer_that_is_whole_cannot_be_continued(talk, provider):
    provider.says(text("All of it."))
    turn = (await talk.say("Go")).turn
    for message_id in (turn.message_id, turn.parent_id):
        with pytest.raises(InvalidInputError):
            await talk.proceed(turn.conversation_id, message_id)
    assert (await talk.answer(turn)).status == "complete"


async def test_regenerating_makes_a_sibling_and_shows_it(talk, provider):
    provider.says(text("One"), text("Two"), text("Three"))
    first = await talk.say("Go")
    conversation_id = first.turn.conversation_id
    second = await talk.regenerate(conversation_id, first.turn.message_id)
    assert second.turn.parent_id == first.turn.parent_id
    assert second.turn.message_id != first.turn.message_id
    assert await talk.path(conversation_id) == ["Go", "Two"]
    assert provider.requests[1].messages[0].text == "Go"
    assert len(provider.requests[1].messages) == 1  # not the answer that was not liked
    third = await talk.regenerate(conversation_id, first.turn.parent_id)  # by its question
    assert third.turn.parent_id == first.turn.parent_id
    assert await talk.path(conversation_id) == ["Go", "Three"]


async def test_an_answer_is_regenerated_by_the_model_that_is_chosen(talk, provider):
    provider.says(text("One"), text("Two"))
    first = await talk.say("Go")
    second = await talk.regenerate(
        first.turn.conversation_id, first.turn.message_id, model="scripted:second"
    )
    assert (await talk.answer(second.turn)).model == "scripted:second"
    assert [asked.model for asked in provider.requests] == ["model", "second"]


async def test_editing_makes_a_sibling_of_the_question(talk, provider):
    provider.says(text("One"), text("Two"), text("Three"))
    first = await talk.say("Go")
    to = first.turn.conversation_id
    second = await talk.say("More", to=to)
    edited = await talk.say("Less", to=to, edit_of=second.turn.parent_id)
    assert await talk.path(to) == ["Go", "One", "Less", "Three"]
    by_id = {one.id: one for one in (await talk.conversation(to)).messages}
    parents = [by_id[turn.parent_id].parent_id for turn in (second.turn, edited.turn)]
    assert parents == [first.turn.message_id] * 2
    assert [message.text for message in provider.requests[2].messages] == ["Go", "One", "Less"]


async def test_the_first_question_can_be_edited(talk, provider):
    provider.says(text("One"), text("Two"))
    first = await talk.say("Go")
    to = first.turn.conversation_id
    await talk.say("Come", to=to, edit_of=first.turn.parent_id)
    assert await talk.path(to) == ["Come", "Two"]
    assert len((await talk.conversation(to)).messages) == 4


async def test_a_chosen_branch_is_shown_to_its_newest_end(talk, provider, services):
    provider.says(*(text(word) for word in ("One", "Two", "Three", "Four")))
    first = await talk.say("Go")
    to = first.turn.conversation_id
    await talk.say("On", to=to)
    await talk.regenerate(to, first.turn.message_id)
    assert await talk.path(to) == ["Go", "Three"]
    change = ConversationChange(leaf_id=first.turn.message_id)
    await services.chat.update(talk.owner, to, change)
    assert await talk.path(to) == ["Go", "One", "On", "Two"]
    await talk.say("Further", to=to)
    assert await talk.path(to) == ["Go", "One", "On", "Two", "Further", "Four"]


async def test_a_message_can_be_hung_below_any_other(talk, provider):
    provider.says(text("One"), text("Two"), text("Three"))
    first = await talk.say("Go")
    to = first.turn.conversation_id
    await talk.say("On", to=to)
    await talk.say("Instead", to=to, parent_id=first.turn.message_id)
    assert await talk.path(to) == ["Go", "One", "Instead", "Three"]


async def test_a_branch_chosen_while_an_answer_is_written_stays_chosen(talk, provider, services):
    go_on = asyncio.Event()
    provider.says(text("One"), [go_on, *text("Two")])
    first = await talk.say("Go")
    to = first.turn.conversation_id
    turn = await talk.send("Other", to=to, edit_of=first.turn.parent_id)
    change = ConversationChange(leaf_id=first.turn.message_id)
    await services.chat.update(talk.owner, to, change)
    go_on.set()
    await talk.hear(turn)
    assert await talk.path(to) == ["Go", "One"]


async def test_a_leaf_that_is_not_there_is_refused_and_changes_nothing(talk, provider, services):
    provider.says(text("One"), text("Two"))
    to = (await talk.say("Go")).turn.conversation_id
    with pytest.raises(NotFoundError):
        await services.chat.update(talk.owner, to, ConversationChange(leaf_id="msg_none"))
    with pytest.raises(ValidationError):
        ConversationChange(leaf_id="")
    await talk.say("More", to=to)
    assert await talk.path(to) == ["Go", "One", "More", "Two"]


async def test_deleting_a_message_takes_all_below_it_and_shows_what_is_left(
    talk, provider, services
):
    provider.says(*(text(word) for word in ("One", "Two", "Three")))
    first = await talk.say("Go")
    to = first.turn.conversation_id
    await talk.say("On", to=to)
    await talk.regenerate(to, first.turn.message_id)
    await services.chat.update(talk.owner, to, ConversationChange(leaf_id=first.turn.message_id))
    await services.chat.delete_message(talk.owner_id, to, first.turn.message_id)
    assert await talk.path(to) == ["Go", "Three"]
    assert len((await talk.conversation(to)).messages) == 2
    await services.chat.delete_message(talk.owner_id, to, first.turn.parent_id)
    conversation = await talk.conversation(to)
    assert (conversation.messages, conversation.leaf_id) == ([], None)
    provider.says(text("Four"))
    await talk.say("Anew", to=to)
    assert await talk.path(to) == ["Anew", "Four"]


async def test_deleting_on_another_branch_leaves_the_shown_one(talk, provider, services):
    provider.says(text("One"), text("Two"))
    first = await talk.say("Go")
    to = first.turn.conversation_id
    await talk.regenerate(to, first.turn.message_id)
    await services.chat.delete_message(talk.owner_id, to, first.turn.message_id)
    assert await talk.path(to) == ["Go", "Two"]


async def test_deleting_stops_the_answer_that_is_being_written(talk, provider, services):
    provider.says([TextDelta("Never"), asyncio.Event()])
    turn = await talk.send("Go")
    await talk.hear_until(turn, 2)
    await services.chat.delete(talk.owner_id, turn.conversation_id)
    await provider.is_idle()
    with pytest.raises(NotFoundError):
        await talk.conversation(turn.conversation_id)
    with pytest.raises(NotFoundError):
        await talk.hear(turn)
    assert services.turns.running_count == 0


async def test_a_very_long_conversation_can_be_deleted(talk, provider, services):
    """SQLite itself follows a chain of deletes for a thousand messages only."""
    provider.says(text("One"), text("Two"))
    keep = await talk.say("Keep")
    turns = [(await talk.say("Go")).turn, keep.turn]
    with closing(sqlite3.connect(services.database.path, isolation_level=None)) as connection:
        for turn in turns:
            _lengthen(connection, turn, 2500)
    await services.chat.delete_message(
        talk.owner_id, keep.turn.conversation_id, keep.turn.message_id
    )
    assert await talk.path(keep.turn.conversation_id) == ["Keep"]
    await services.chat.delete(talk.owner_id, turns[0].conversation_id)
    with closing(sqlite3.connect(services.database.path)) as connection:
        counts = [
            connection.execute(query).fetchone()[0]
            for query in ("SELECT count(*) FROM messages", "SELECT count(*) FROM message_text")
        ]
    assert counts == [1, 1]


def _lengthen(connection, turn, count):
    connection.execute("BEGIN")
    parent = turn.message_id
    for number in range(count):
        message_id = f"{turn.id}_{number}"
        connection.execute(
            "INSERT INTO messages (id, conversation_id, parent_id, role, status, parts, created_at)"
            " VALUES (?, ?, ?, 'user', 'complete', '[]', 0)",
            (message_id, turn.conversation_id, parent),
        )
        parent = message_id
    connection.execute("COMMIT")


async def test_a_continued_message_keeps_what_a_screen_shows(talk, provider):
    provider.says([TextDelta("Half"), ProviderUnreachableError("Gone.")], text(" whole"))
    first = await talk.say("Go")
    second = await talk.proceed(first.turn.conversation_id, first.turn.message_id)
    stored = await talk.answer(first.turn)
    assert stored.error is None
    assert shown(stored)["parts"] == shown(second.reduced(first.reduced().parts))["parts"]

"""A turn from the question to its end, as the person sees it."""

import asyncio
import sqlite3
from contextlib import closing

import pytest

from backend.catalog.service import ModelUnknownError
from backend.chat.events import (
    ErrorOccurred,
    MessageSaved,
    Notice,
    TurnFinished,
    TurnStarted,
    UsageReported,
)
from backend.chat.records import ConversationChange, TextPart
from backend.chat.turn_begin import TurnRunningError
from backend.chat.turn_order import EarlierMessage
from backend.kit.errors import InvalidInputError, NotFoundError
from backend.messages import AssistantStep, SystemPrompt, ToolCall, Usage, UserPrompt
from backend.providers.base import (
    Finished,
    ProviderBusyError,
    ProviderNotice,
    ReasoningDelta,
    TextDelta,
    UsageReport,
)
from tests.chat.talk import shown
from tests.fakes.scripted import calls, text, thought, tool


async def test_the_message_is_on_disk_before_the_model_is_asked(talk, provider, services):
    found = []

    def look() -> None:
        with closing(sqlite3.connect(services.database.path)) as connection:
            found.extend(connection.execute("SELECT parts, status FROM messages"))
            found.extend(connection.execute("SELECT status FROM turns"))

    provider.says([look, *text("Hi")])
    await talk.say("Are you there?")
    assert found == [('[{"text":"Are you there?","type":"text"}]', "complete"), ("running",)]


async def test_events_are_numbered_from_one_without_a_gap(talk, provider):
    provider.says(thought("Hm. ", "One", " two", " three"))
    heard = await talk.say("Count")
    assert heard.numbers == list(range(1, len(heard.events) + 1))
    first, *middle, saved, end = heard.events
    assert isinstance(first, TurnStarted)
    assert (first.message_id, first.kind) == (heard.turn.message_id, "send")
    assert saved == MessageSaved(heard.turn.message_id)
    assert end == TurnFinished("completed", None, "stop")
    assert not [one for one in middle if isinstance(one, TurnStarted | TurnFinished)]


@pytest.mark.parametrize(
    "scripts",
    [
        [text("Plain")],
        [thought("Let me see. ", "It ", "is."), text()],
        [calls(tool("nothing"), tool("no", call_id="b"), saying="Wait. "), text("Done.")],
        [[TextDelta("Half"), ProviderBusyError("Too many.", retry_after=7)]],
        [[ProviderNotice("retrying", "Again."), ReasoningDelta("r"), *text("x", reason="length")]],
    ],
)
async def test_what_is_stored_is_what_a_follower_reduced(talk, provider, scripts):
    provider.says(*scripts)
    heard = await talk.say("Go")
    reduced, stored = heard.reduced(), await talk.answer(heard.turn)
    assert shown(stored) == shown(reduced)
    assert (stored.id, stored.parent_id) == (reduced.message_id, reduced.parent_id)
    assert stored.turn_id == heard.turn.id


async def test_usage_is_the_sum_of_all_steps(talk, provider):
    provider.says(calls(tool("x"), cost=0.25), text("a", "b", cost=0.5))
    heard = await talk.say("Go")
    assert [one.cost for one in heard.of(UsageReported)] == [0.25, 0.75]
    assert heard.end.cost == 0.75
    stored = await talk.answer(heard.turn)
    assert stored.usage == Usage(prompt_tokens=20, completion_tokens=3, cost=0.75)
    assert (await talk.services.chat.turn(talk.owner_id, heard.turn.id)).cost == 0.75


async def test_a_provider_error_is_an_event_and_never_text(talk, provider):
    provider.says([TextDelta("Half"), ProviderBusyError("Too many questions.", retry_after=7)])
    heard = await talk.say("Go")
    assert heard.of(ErrorOccurred) == [
        ErrorOccurred("provider_busy", "Too many questions.", True, 7)
    ]
    assert heard.end.status == "failed"
    stored = await talk.answer(heard.turn)
    assert (stored.parts, stored.status) == ([TextPart("Half")], "failed")
    assert stored.error is not None
    assert stored.error.code == "provider_busy"


async def test_a_bug_ends_the_turn_with_an_error(talk, provider):
    provider.says([lambda: {}["a bug"]])
    heard = await talk.say("Go")
    assert [one.code for one in heard.of(ErrorOccurred)] == ["internal"]
    assert heard.end.status == "failed"


async def test_text_that_cannot_be_written_fails_the_turn_and_keeps_what_came_before(
    talk, provider
):
    provider.says([TextDelta("Good"), TextDelta("\ud800"), *text("never")])
    heard = await talk.say("Go")
    assert (heard.text, heard.end.status) == ("Good", "failed")
    assert (await talk.answer(heard.turn)).parts == [TextPart("Good")]


async def test_a_notice_of_the_provider_is_told_and_kept(talk, provider):
    provider.says([ProviderNotice("tools_unsupported", "No tools."), *text("Hi")])
    heard = await talk.say("Go")
    assert heard.of(Notice) == [Notice("tools_unsupported", "No tools.")]
    assert (await talk.answer(heard.turn)).notices[0].code == "tools_unsupported"


async def test_the_first_words_become_the_title(talk, provider):
    provider.says(text("Hi"))
    heard = await talk.say("\n## How do I   bake bread?\nAnd cake?")
    conversation = await talk.conversation(heard.turn.conversation_id)
    assert (conversation.title, conversation.title_source) == ("How do I bake bread?", "auto")


async def test_a_title_that_a_person_gave_is_never_overwritten(talk, provider):
    created = await talk.services.chat.create(talk.owner, ConversationChange(title="Bread"))
    provider.says(text("One"), text("Two"))
    await talk.say("Something else", to=created.id)
    renamed = ConversationChange(title="My bread")
    await talk.services.chat.update(talk.owner, created.id, renamed)
    await talk.say("More", to=created.id)
    conversation = await talk.conversation(created.id)
    assert (conversation.title, conversation.title_source) == ("My bread", "person")


async def test_a_renamed_conversation_is_the_persons(talk, provider, services):
    provider.says(text("One"))
    to = (await talk.say("Automatic")).turn.conversation_id
    renamed = await services.chat.update(talk.owner, to, ConversationChange(title="Mine"))
    assert (renamed.title, renamed.title_source) == ("Mine", "person")


async def test_an_untitled_conversation_gets_its_title_from_the_first_message(talk, provider):
    created = await talk.services.chat.create(talk.owner, ConversationChange())
    provider.says(text("One"), text("Two"))
    await talk.say("First", to=created.id)
    await talk.say("Second", to=created.id)
    assert (await talk.conversation(created.id)).title == "First"


async def test_a_second_message_in_a_running_conversation_is_refused(talk, provider):
    go_on = asyncio.Event()
    provider.says([go_on, *text("First")])
    turn = await talk.send("One")
    with pytest.raises(TurnRunningError) as refused:
        await talk.send("Two", to=turn.conversation_id)
    assert refused.value.code == "turn_running"
    go_on.set()
    await talk.hear(turn)
    assert await talk.path(turn.conversation_id) == ["One", "First"]


async def test_sending_the_same_message_twice_is_one_turn(talk, provider):
    go_on = asyncio.Event()
    provider.says([go_on, *text("Once")])
    first, second = await asyncio.gather(
        talk.send("Go", client_message_id="c1"), talk.send("Go", client_message_id="c1")
    )
    go_on.set()
    assert first.id == second.id
    assert (await talk.hear(second)).text == "Once"
    again = await talk.say("Go", client_message_id="c1", to=first.conversation_id)
    assert again.turn.id == first.id
    assert again.text == "Once"
    assert len(provider.requests) == 1
    assert await talk.path(first.conversation_id) == ["Go", "Once"]


async def test_a_new_conversation_takes_earlier_messages_and_a_system_prompt_along(talk, provider):
    provider.says(text("Blue."), text("Yes."))
    heard = await talk.say(
        "And the sea?",
        system_prompt="Be brief.",
        earlier=(EarlierMessage("user", "The sky?"), EarlierMessage("assistant", "Blue.")),
    )
    asked = provider.requests[0].messages
    assert asked[:3] == (SystemPrompt("Be brief."), UserPrompt("The sky?"), AssistantStep("Blue."))
    assert isinstance(asked[3], UserPrompt)
    conversation = await talk.conversation(heard.turn.conversation_id)
    assert conversation.system_prompt == "Be brief."
    assert conversation.title == "The sky?"
    assert await talk.path(conversation.id) == ["The sky?", "Blue.", "And the sea?", "Blue."]
    await talk.say("Sure?", to=conversation.id)
    assert provider.requests[1].messages[0] == SystemPrompt("Be brief.")


async def test_the_model_of_a_conversation_stays_until_another_is_chosen(talk, provider):
    provider.says(text("One"), text("Two"), text("Three"))
    to = (await talk.say("1")).turn.conversation_id
    await talk.say("2", to=to, model="scripted:second")
    await talk.say("3", to=to)
    assert [asked.model for asked in provider.requests] == ["model", "second", "second"]


async def test_a_model_that_nobody_offers_is_refused_and_nothing_is_stored(talk, services):
    with pytest.raises(ModelUnknownError):
        await talk.send("Hi", model="scripted:other")
    page = await services.chat.page(
        talk.owner_id, limit=10, cursor=None, search=None, archived=False
    )
    assert page.conversations == []


@pytest.mark.parametrize(
    ("wrong", "error"),
    [
        ({"to": "conv_none"}, NotFoundError),
        ({"parent_id": "msg_none"}, NotFoundError),
        ({"edit_of": "msg_none"}, NotFoundError),
    ],
)
async def test_a_refused_message_leaves_nothing_behind(talk, provider, services, wrong, error):
    provider.says(text("Hi"))
    known = (await talk.say("Hello")).turn.conversation_id
    with pytest.raises(error):
        await talk.send("More", **({"to": known} | wrong))
    assert await talk.path(known) == ["Hello", "Hi"]
    assert (await talk.conversation(known)).running_turn_id is None


async def test_only_own_messages_can_be_edited(talk, provider):
    provider.says(text("Hi"))
    turn = (await talk.say("Hello")).turn
    with pytest.raises(InvalidInputError):
        await talk.send("Better", to=turn.conversation_id, edit_of=turn.message_id)


async def test_nobody_else_can_see_follow_or_stop_a_turn(talk, provider, services):
    go_on = asyncio.Event()
    provider.says([go_on, *text("Secret")])
    turn = await talk.send("Mine")
    chat = services.chat
    for attempt in (
        chat.follow("user_other", turn.id, 0),
        chat.stop("user_other", turn.id),
        chat.turn("user_other", turn.id),
        chat.get("user_other", turn.conversation_id),
        chat.delete("user_other", turn.conversation_id),
        chat.delete_message("user_other", turn.conversation_id, turn.parent_id),
    ):
        with pytest.raises(NotFoundError):
            await attempt
    go_on.set()
    assert (await talk.hear(turn)).end.status == "completed"


async def test_a_wish_for_tools_of_a_model_that_ends_there_is_kept(talk, provider):
    """Some servers end with `stop` although they called a tool."""
    provider.says([ToolCall("a", "nothing", "{}"), UsageReport(Usage()), Finished("stop")])
    provider.says(text("Then."))
    assert (await talk.say("Go")).text == "Then."

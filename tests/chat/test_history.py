"""What the model is asked: as much of the past as fits, and the time last."""

import asyncio
from datetime import UTC, datetime
from itertools import pairwise
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from backend.chat.events import Notice
from backend.chat.history import CONTINUE_REQUEST, build_window, time_context
from backend.chat.records import PathMessage, ReasoningPart, StepReasoning, TextPart, ToolPart
from backend.container import open_services
from backend.messages import (
    AssistantStep,
    ModelInfo,
    SystemPrompt,
    ToolCall,
    ToolReturn,
    UserPrompt,
)
from backend.providers.openai_request import chat_body
from backend.providers.shipped import Providers
from tests.chat.talk import Talk
from tests.conftest import HASHER
from tests.fakes.clock import StillClock
from tests.fakes.scripted import text

BERLIN, NEW_YORK = ZoneInfo("Europe/Berlin"), ZoneInfo("America/New_York")


def asked(words: str) -> PathMessage:
    return PathMessage("user", [TextPart(words)])


def answered(words: str, *parts) -> PathMessage:
    return PathMessage("assistant", [*parts, TextPart(words)])


def window(path, *, length=None, system=None, context="", continued=False):
    return build_window(
        path,
        system_prompt=system,
        context=context,
        continued=continued,
        context_length=length,
    )


def test_the_time_is_told_in_the_persons_zone():
    moment = datetime(2026, 7, 1, 22, 30, tzinfo=UTC)
    assert time_context(moment, BERLIN) == (
        "[Current time: Thursday, 02 July 2026, 00:30 (Europe/Berlin, UTC+0200)]"
    )
    assert "Wednesday, 01 July 2026, 18:30 (America/New_York" in time_context(moment, NEW_YORK)


def test_only_the_last_question_carries_the_time():
    path = [asked("One"), answered("Two"), asked("Three")]
    *before, last = window(path, context="[now]", system="Be brief.").messages
    assert before == [SystemPrompt("Be brief."), UserPrompt("One"), AssistantStep("Two")]
    assert last == UserPrompt("Three", "[now]")


def test_without_a_known_limit_everything_is_sent():
    path = [asked("x" * 100_000), answered("y"), asked("z")]
    assert window(path).dropped == 0


def test_the_oldest_messages_are_left_out_and_a_window_begins_with_a_question():
    path = [
        asked("a" * 100),
        answered("b" * 100),
        asked("c" * 100),
        answered("d" * 100),
        asked("e"),
    ]
    found = window(path, length=100)  # 225 characters
    assert [message.text[0] for message in found.messages] == ["c", "d", "e"]
    assert found.dropped == 2
    narrow = window(path, length=60)  # 135: the answer would fit, its question not
    assert [message.text[0] for message in narrow.messages] == ["e"]
    assert narrow.dropped == 4


def test_the_system_prompt_is_always_kept_and_takes_its_share():
    path = [asked("a" * 100), answered("b" * 100), asked("c")]
    assert window(path, length=100).dropped == 0
    found = window(path, length=100, system="s" * 100)
    assert found.messages == (SystemPrompt("s" * 100), UserPrompt("c"))


def test_the_last_question_is_kept_though_it_does_not_fit():
    found = window([asked("a"), answered("b"), asked("c" * 1000)], length=10)
    assert found.messages == (UserPrompt("c" * 1000),)


def test_a_continued_answer_is_kept_with_its_question_though_it_does_not_fit():
    path = [asked("old"), answered("older"), asked("Tell me."), answered("x" * 1000)]
    found = window(path, length=10, continued=True, context="[now]")
    assert found.messages == (
        UserPrompt("Tell me."),
        AssistantStep("x" * 1000),
        UserPrompt(CONTINUE_REQUEST, "[now]"),
    )
    assert found.dropped == 2


@pytest.mark.parametrize("parts", [[], [ReasoningPart("hm")]])
def test_an_answer_cut_short_before_its_first_word_is_asked_for_anew(parts):
    """Nothing can be continued exactly where it stopped."""
    path = [asked("Hello"), answered("Hi"), asked("Tell me."), PathMessage("assistant", parts)]
    assert window(path, continued=True, context="[now]").messages == (
        UserPrompt("Hello"),
        AssistantStep("Hi"),
        UserPrompt("Tell me.", "[now]"),
    )


def test_a_call_that_was_left_without_a_result_is_given_one():
    path = [
        asked("Go"),
        PathMessage("assistant", [TextPart("Wait."), ToolPart("a", "echo", "{}", 0, "cancelled")]),
        asked("Well?"),
    ]
    assert window(path).messages[1:3] == (
        AssistantStep("Wait.", calls=(ToolCall("a", "echo", "{}"),)),
        ToolReturn("a", "echo", "(no result: the call was cancelled)", failed=True),
    )


def test_an_answer_without_text_is_still_an_answer():
    assert window([asked("Go"), PathMessage("assistant", []), asked("?")]).messages[1] == (
        AssistantStep("(no answer)")
    )


def test_steps_are_told_as_they_happened():
    parts = [
        ReasoningPart("hm"),
        TextPart("A"),
        ToolPart("1", "x", "{}", 0, "ok", "r1", 1),
        ToolPart("2", "y", "{}", 0, "error", "r2", 1),
        ToolPart("3", "z", "{}", 1, "ok", "r3", 1),
        ReasoningPart("aha"),
        TextPart("B"),
    ]
    reasoning = (
        StepReasoning(0, "m", ({"i": 0},)),
        StepReasoning(2, "m", ({"i": 2},)),
    )
    path = [asked("Go"), PathMessage("assistant", parts, reasoning), asked("?")]
    assert window(path).messages[1:-1] == (
        AssistantStep("A", (ToolCall("1", "x", "{}"), ToolCall("2", "y", "{}")), ({"i": 0},), "m"),
        ToolReturn("1", "x", "r1"),
        ToolReturn("2", "y", "r2", failed=True),
        AssistantStep("", (ToolCall("3", "z", "{}"),)),
        ToolReturn("3", "z", "r3"),
        AssistantStep("B", (), ({"i": 2},), "m"),
    )


@given(
    st.lists(st.tuples(st.booleans(), st.integers(0, 300)), max_size=12),
    st.integers(1, 400),
    st.integers(0, 300),
)
def test_a_trimmed_window_ends_in_the_question_and_begins_with_one(earlier, length, last):
    path = [
        asked("q" * size) if is_question else answered("a" * size) for is_question, size in earlier
    ]
    path.append(asked("Q" * last))
    found = window(path, length=length)
    assert found.messages[-1] == UserPrompt("Q" * last)
    if found.dropped:
        assert isinstance(found.messages[0], UserPrompt)
    if sum(len(message.text) for message in found.messages[:-1]):
        assert sum(len(message.text) for message in found.messages) <= length * 3 * 0.75


SMALL = ModelInfo(id="model", name="Small", provider="scripted", context_length=100)


async def test_what_was_left_out_is_told_to_the_person(talk, provider, services):
    provider.offered = (SMALL,)
    await services.catalog.refresh()
    provider.says(text("b" * 200), text("c"))
    first = await talk.say("a" * 200)
    assert first.of(Notice) == []
    second = await talk.say("d", to=first.turn.conversation_id)
    (notice,) = second.of(Notice)
    assert notice.code == "history_trimmed"
    assert "2 messages" in notice.detail
    assert [message.text for message in provider.requests[1].messages] == ["d"]


async def test_everything_before_the_time_is_the_same_bytes_in_the_next_turn(settings, provider):
    """So a provider's prompt cache holds."""
    clock = StillClock()
    async with (
        asyncio.timeout(5),
        open_services(
            settings, providers=Providers([provider]), clock=clock, hasher=HASHER
        ) as services,
    ):
        anna = await services.auth.add("anna", "correct horse", "", role="owner")
        talk = Talk(services, anna)
        provider.says(text("One."), text("Two."), text("Three."))
        first = await talk.say("First", system_prompt="Be brief.", zone=BERLIN)
        for question in ("Second", "Third"):
            clock.forward(hours=1)
            await talk.say(question, to=first.turn.conversation_id, zone=BERLIN)
    bodies = [
        repr(chat_body(one, {}, with_reasoning=True)["messages"]) for one in provider.requests
    ]
    for earlier, later in pairwise(bodies):
        stable, time_line = earlier.split("\\n\\n[Current time: ")
        assert later.startswith(stable)
        assert time_line.endswith("(Europe/Berlin, UTC+0100)]'}]")
    assert "13:00" in bodies[0]
    assert "14:00" in bodies[1]

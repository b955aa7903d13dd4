"""The loop: ask, run what the model calls, ask again, until it stops or reaches a limit."""

import asyncio

import pytest

from backend.chat.events import Notice, ToolFinished, ToolStarted
from backend.chat.records import ToolPart
from backend.kit.errors import AppError
from backend.messages import AssistantStep, ToolReturn, ToolSpec, UserPrompt
from backend.providers.base import Finished, ReasoningDetails
from backend.toolbox.context import CallContext
from backend.toolbox.service import Tool, Toolbox
from tests.fakes.scripted import calls, text, tool


class FussyError(AppError):
    code = "fussy"


class Meeting:
    """Two tools that end only once both are running, in the order the test wants."""

    def __init__(self) -> None:
        self.here: list[str] = []
        self.both = asyncio.Event()
        self.left = {"first": asyncio.Event(), "second": asyncio.Event()}

    async def attend(self, arguments: dict, _: CallContext) -> str:
        name = arguments["name"]
        self.here.append(name)
        if len(self.here) == 2:
            self.both.set()
        await self.both.wait()
        if name == "first":
            await self.left["second"].wait()
        self.left[name].set()
        return f"{name} is done"


async def _echo(arguments: dict, _: CallContext) -> str:
    return str(arguments["text"])


async def _fuss(*_: object) -> str:
    raise FussyError("Not like this.")


async def _break(*_: object) -> str:
    raise ZeroDivisionError


async def _hang(*_: object) -> str:
    await asyncio.Event().wait()
    return "never"


def _tool(name, run):
    return Tool(ToolSpec(name, f"Does {name}.", {"type": "object", "properties": {}}), run)


@pytest.fixture
async def toolbox() -> Toolbox:
    tools = [
        _tool("meet", Meeting().attend),
        _tool("echo", _echo),
        _tool("fuss", _fuss),
        _tool("break", _break),
        _tool("hang", _hang),
    ]
    return Toolbox(tools, deadline=0.05)


async def test_calls_of_a_step_run_at_once_and_return_in_their_order(talk, provider):
    first = tool("meet", '{"name": "first"}', call_id="a")
    second = tool("meet", '{"name": "second"}', call_id="b")
    provider.says(calls(first, second, saying="Meet. "), text("Met."))
    heard = await talk.say("Go")
    assert [one.call_id for one in heard.of(ToolStarted)] == ["a", "b"]
    assert [one.call_id for one in heard.of(ToolFinished)] == ["b", "a"]
    asked = provider.requests[1].messages
    assert asked[-3:] == (
        AssistantStep("Meet. ", calls=(first, second), model="model"),
        ToolReturn("a", "meet", "first is done"),
        ToolReturn("b", "meet", "second is done"),
    )
    assert heard.end.finish_reason == "stop"


async def test_steps_are_counted_from_zero(talk, provider):
    provider.says(calls(tool("echo", '{"text": "x"}')), calls(tool("fuss")), text("End"))
    heard = await talk.say("Go")
    assert [one.step for one in heard.of(ToolStarted)] == [0, 1]
    parts = (await talk.answer(heard.turn)).parts
    assert [part.step for part in parts if isinstance(part, ToolPart)] == [0, 1]


@pytest.mark.parametrize(
    ("call", "result"),
    [
        (tool("fuss"), "Not like this."),
        (tool("break"), "The tool failed unexpectedly."),
        (tool("missing"), "There is no tool named missing."),
        (tool("echo", "{oops"), "The arguments are not valid JSON."),
        (tool("echo", "[1]"), "The arguments must be a JSON object."),
        (tool("hang"), "The tool gave no answer within 0.05 seconds."),
    ],
)
async def test_a_call_that_fails_is_told_to_the_model_and_the_turn_goes_on(
    talk, provider, call, result
):
    provider.says(calls(call), text("I see."))
    heard = await talk.say("Go")
    (finished,) = heard.of(ToolFinished)
    assert (finished.status, finished.result) == ("error", result)
    assert provider.requests[1].messages[-1] == ToolReturn(call.id, call.name, result, failed=True)
    assert (heard.text, heard.end.status) == ("I see.", "completed")


async def test_half_a_character_from_a_tool_does_not_end_the_turn(talk, provider):
    provider.says(calls(tool("echo", '{"text": "\\ud83d\\ude00"}')), text("End"))
    heard = await talk.say("Go")
    assert heard.of(ToolFinished)[0].result == "😀"
    assert heard.end.status == "completed"


@pytest.mark.parametrize("chat_settings", [{"step_limit": 2}])
async def test_a_turn_pauses_at_the_step_limit_and_can_go_on(talk, provider):
    provider.always = calls(tool("echo", '{"text": "again"}'))
    heard = await talk.say("Go")
    assert len(provider.requests) == 2
    assert [one.code for one in heard.of(Notice)] == ["step_limit"]
    assert (heard.end.status, heard.end.finish_reason) == ("completed", "step_limit")
    provider.always = text("Enough.")
    more = await talk.proceed(heard.turn.conversation_id, heard.turn.message_id)
    assert more.text == "Enough."
    assert [one.step for one in more.of(ToolStarted)] == []


@pytest.mark.parametrize("chat_settings", [{"tool_error_limit": 3}])
async def test_a_turn_pauses_after_too_many_failed_calls_in_a_row(talk, provider):
    good = tool("echo", '{"text": "fine"}')
    provider.says(calls(tool("fuss")), calls(tool("fuss")), calls(good))
    provider.always = calls(tool("fuss"))
    heard = await talk.say("Go")
    assert len(provider.requests) == 6  # the good call began the count anew
    assert [one.code for one in heard.of(Notice)] == ["tool_error_limit"]
    assert heard.end.finish_reason == "tool_error_limit"


@pytest.mark.parametrize("chat_settings", [{"cost_limit": 0.5}])
async def test_a_turn_pauses_when_it_has_cost_enough(talk, provider):
    provider.always = calls(tool("echo", '{"text": "x"}'), cost=0.25)
    heard = await talk.say("Go")
    assert len(provider.requests) == 2
    assert [one.code for one in heard.of(Notice)] == ["cost_limit"]
    assert (heard.end.finish_reason, heard.end.cost) == ("cost_limit", 0.5)


async def test_reasoning_details_go_back_unmodified_in_this_turn_and_the_next(talk, provider):
    blocks = (
        {"type": "reasoning.encrypted", "data": "opaque==", "id": "r1", "index": 0},
        {"type": "reasoning.text", "text": "Hm", "signature": "s", "nested": {"a": [1, None]}},
    )
    last = ({"type": "reasoning.summary", "summary": "So."},)
    wanted = tool("echo", '{"text": "x"}')
    provider.says(
        [ReasoningDetails(blocks), *calls(wanted)],
        [ReasoningDetails(last), *text("Done.")],
        text("Bye."),
    )
    heard = await talk.say("Go")
    assert provider.requests[1].messages[-2].reasoning_details == blocks
    await talk.say("And now?", to=heard.turn.conversation_id)
    question, step, returned, answer, _ = provider.requests[2].messages
    assert question == UserPrompt("Go")
    assert step == AssistantStep(calls=(wanted,), reasoning_details=blocks, model="model")
    assert returned == ToolReturn(wanted.id, "echo", "x")
    assert answer == AssistantStep("Done.", reasoning_details=last, model="model")


async def test_reasoning_details_of_a_continued_answer_are_all_kept(talk, provider):
    early, late = ({"type": "a", "data": "1"},), ({"type": "b", "data": "2"},)
    provider.says(
        [ReasoningDetails(early), *text("One", reason="length")],
        [ReasoningDetails(late), *text(" two")],
        text("Three"),
    )
    heard = await talk.say("Go")
    await talk.proceed(heard.turn.conversation_id, heard.turn.message_id)
    await talk.say("And?", to=heard.turn.conversation_id)
    answer = provider.requests[2].messages[1]
    assert answer == AssistantStep("One two", reasoning_details=(*early, *late), model="model")


async def test_a_model_is_offered_the_tools_in_a_stable_order(talk, provider):
    provider.says(text("Hi"), text("Hi"))
    await talk.say("One")
    await talk.say("Two")
    names = [[spec.name for spec in asked.tools] for asked in provider.requests]
    assert names == [["break", "echo", "fuss", "hang", "meet"]] * 2


async def test_a_reason_that_is_not_stop_is_kept(talk, provider):
    provider.says([Finished("content_filter")])
    heard = await talk.say("Go")
    assert (await talk.answer(heard.turn)).finish_reason == "content_filter"

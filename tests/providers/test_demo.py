"""The demo: a newcomer's first impression, and the fixture of every end-to-end test."""

import asyncio
from contextlib import aclosing

import pytest

from backend.chat.history import CONTINUE_REQUEST
from backend.kit.errors import AppError, InvalidInputError
from backend.messages import AssistantStep, ToolReturn, UserPrompt
from backend.providers.base import (
    EmptyAnswerError,
    GenerationStarted,
    ProviderBusyError,
    ReasoningDetails,
    UsageReport,
)
from backend.providers.demo import DemoProvider
from backend.providers.demo_tools import DEMO_TOOLS
from backend.providers.scripts import essay, greeting
from tests.providers.asking import Waits, hear, request

TOOLS = tuple(tool.spec for tool in DEMO_TOOLS)


@pytest.fixture
def demo() -> DemoProvider:
    return DemoProvider(word_seconds=0)


async def test_it_says_what_it_is_and_what_can_be_tried(demo):
    heard = await hear(demo, request("Hello there"))
    assert heard.text == greeting.FIRST
    assert "demo" in heard.text
    assert all(f"`{word}`" in heard.text for word in ("markdown", "long", "think", "tool", "fail"))


async def test_the_second_greeting_is_another(demo):
    spoken = (UserPrompt("Hello"), AssistantStep(text=greeting.FIRST), UserPrompt("Really?"))
    assert (await hear(demo, request(messages=spoken))).text == greeting.AGAIN


async def test_markdown_shows_every_kind_of_markup(demo):
    shown = (await hear(demo, request("Show me some Markdown"))).text
    wanted = (
        "\n## ",
        "|---",
        "- [x]",
        "```python",
        "```ts",
        "$$\n",
        "$r$",
        "\n> ",
        "](https://",
        "![",
    )
    assert [mark for mark in wanted if mark not in shown] == []


async def test_the_long_answer_is_long_and_arrives_word_by_word(demo):
    heard = await hear(demo, request("a long one please"))
    assert heard.text == essay.TEXT
    assert 1400 < len(heard.text.split()) < 1600
    assert len(heard.events) > 1400


async def test_words_come_at_the_pace_of_a_model():
    waits = Waits()
    await hear(DemoProvider(wait=waits), request("Hello"))
    assert set(waits.seconds) == {0.025}
    waits.seconds.clear()
    await hear(DemoProvider(wait=waits), request("slow, please"))
    assert set(waits.seconds) == {1.0}


async def test_it_costs_nothing_and_says_so(demo):
    heard = await hear(demo, request("think"))
    spent = heard.of(UsageReport)[0].usage
    assert spent.cost == 0
    assert 0 < spent.reasoning_tokens < spent.completion_tokens
    assert heard.of(ReasoningDetails)[0].items[0]["text"] == heard.reasoning
    books = await demo.generation(heard.of(GenerationStarted)[0].id)
    assert books is not None
    assert (books.total_cost, books.cancelled) == (0, False)
    assert books.completion_tokens == spent.completion_tokens


async def test_a_stopped_answer_is_in_the_books_as_cancelled(demo):
    async with aclosing(demo.stream(request("long"))) as batches:
        started = await anext(batches)
        await anext(batches)
    books = await demo.generation(started[0].id)
    assert books is not None
    assert (books.cancelled, books.completion_tokens) == (True, 1)


async def test_cancelling_ends_it_at_once():
    demo = DemoProvider(word_seconds=60)
    reader = asyncio.create_task(hear(demo, request("long")))
    await asyncio.sleep(0)
    reader.cancel()
    with pytest.raises(asyncio.CancelledError):
        await asyncio.wait_for(reader, 5)


@pytest.mark.parametrize(
    ("word", "kind"),
    [("busy", ProviderBusyError), ("fail early", ProviderBusyError), ("empty", EmptyAnswerError)],
)
async def test_it_fails_on_request_before_the_first_word(demo, word, kind):
    heard = await hear(demo, request(word))
    assert type(heard.failure) is kind
    assert heard.events == []


async def test_tools_run_with_what_it_asks_for_and_it_reports_them(demo):
    asked = await hear(demo, request("use a tool for 0 seconds and let one fail", tools=TOOLS))
    assert [call.name for call in asked.calls] == ["demo_echo", "demo_wait", "demo_fail"]
    assert asked.calls[1].arguments == '{"seconds":0.0}'
    returns = (
        ToolReturn(asked.calls[0].id, "demo_echo", "Hello from the demo"),
        ToolReturn(asked.calls[1].id, "demo_wait", "x" * 500),
        ToolReturn(asked.calls[2].id, "demo_fail", "On purpose.", failed=True),
    )
    step = AssistantStep(text=asked.text, calls=tuple(asked.calls))
    done = await hear(demo, request(messages=(UserPrompt("tool"), step, *returns), tools=TOOLS))
    assert "`demo_echo` answered: `Hello from the demo`" in done.text
    assert "`demo_fail` failed" in done.text
    assert "x" * 300 not in done.text


async def test_without_tools_it_says_that_none_was_offered(demo):
    heard = await hear(demo, request("use a tool"))
    assert heard.calls == []
    assert "none of mine was offered" in heard.text


@pytest.mark.parametrize(
    "order",
    ["Continue", "Your answer was interrupted, please go on.", CONTINUE_REQUEST],
)
async def test_going_on_brings_new_words(demo, order):
    cut = essay.TEXT[:700]
    spoken = (UserPrompt("long"), AssistantStep(text=cut), UserPrompt(order))
    more = (await hear(demo, request(messages=spoken))).text
    paragraphs = [each for each in more.split("\n\n") if each]
    assert len(paragraphs) > 1
    assert not any(each in essay.TEXT for each in paragraphs)
    twice = (*spoken[:1], AssistantStep(text=cut + more), UserPrompt(order))
    again = (await hear(demo, request(messages=twice))).text
    assert not set(paragraphs[1:]) & set(again.split("\n\n"))


async def test_its_tools_do_what_they_say():
    echo, wait, fail = DEMO_TOOLS
    assert await echo.run({"text": "Hi"}) == "Hi"
    assert "0" in await wait.run({"seconds": 0})
    with pytest.raises(AppError):
        await fail.run({})
    for wrong in ({}, {"seconds": "1"}, {"seconds": 61}, {"seconds": -1}, {"seconds": True}):
        with pytest.raises(InvalidInputError):
            await wait.run(wrong)
    with pytest.raises(InvalidInputError):
        await echo.run({"text": 1})

"""What every provider promises, whoever runs the model."""

from collections.abc import AsyncGenerator

import pytest

from backend.messages import (
    AssistantStep,
    ModelInfo,
    SystemPrompt,
    ToolReturn,
    UserPrompt,
)
from backend.providers.base import (
    Finished,
    ModelProvider,
    ProviderError,
    ReasoningDelta,
    ReasoningDetails,
    TextDelta,
    UsageReport,
)
from backend.providers.demo import DemoProvider
from backend.providers.demo_tools import DEMO_TOOLS
from tests.fakes.answers import DONE, answer, broken, call, details, finish, said, thought, usage
from tests.providers.asking import hear, request

TOOLS = tuple(tool.spec for tool in DEMO_TOOLS)
BLOCK = {"type": "reasoning.text", "text": "Let me see.", "index": 0}
ANSWERS = {
    "hello": answer(said("Hel"), said("lo"), finish(), usage(), DONE, delay=0.005),
    "think": answer(thought("Let me see."), details(BLOCK), said("Yes"), finish(), usage(), DONE),
    "tool": answer(
        said("One moment."),
        call('{"text":"Hi"}', index=0, call_id="c1", name="demo_echo"),
        call('{"seconds":1}', index=1, call_id="c2", name="demo_wait"),
        finish("tool_calls"),
        usage(),
        DONE,
    ),
    "fail": answer(said("It happens in about"), broken(500, "Internal", "server")),
    "busy": answer(broken(400, "wrong", "invalid_request")),
}


@pytest.fixture(params=["openrouter", "compatible", "demo"])
async def provider(request, upstream, openrouter, compatible) -> AsyncGenerator[ModelProvider]:
    """All of them answer the demo's words; the fake upstream has the same script."""
    match request.param:
        case "openrouter":
            yield openrouter
        case "compatible":
            yield compatible
        case _:
            async with DemoProvider(word_seconds=0) as demo:
                yield demo


@pytest.fixture
def ask(upstream, provider):
    async def ask(word: str, **more: object):
        upstream.says(ANSWERS[word])
        return await hear(provider, request(word, **more))

    return ask


async def test_an_answer_is_text_then_usage_then_its_end(ask):
    heard = await ask("hello")
    assert heard.text
    assert heard.reason == "stop"
    assert len(heard.of(UsageReport)) == 1
    assert isinstance(heard.events[-2], UsageReport)
    assert heard.of(UsageReport)[0].usage.completion_tokens > 0


async def test_text_comes_as_it_arrives(ask):
    assert len((await ask("hello")).of(TextDelta)) > 1


async def test_reasoning_comes_before_the_text_and_its_blocks_at_the_end(ask):
    heard = await ask("think")
    kinds = [type(event) for event in heard.events]
    assert kinds.index(ReasoningDelta) < kinds.index(TextDelta) < kinds.index(ReasoningDetails)
    blocks = heard.of(ReasoningDetails)
    assert len(blocks) == 1
    assert blocks[0].items[0]["text"].strip() in heard.reasoning


async def test_calls_are_whole_and_say_why_the_answer_ends(ask):
    heard = await ask("tool", tools=TOOLS)
    assert [made.name for made in heard.calls] == ["demo_echo", "demo_wait"]
    assert len({made.id for made in heard.calls}) == 2
    assert all(made.arguments.startswith("{") for made in heard.calls)
    assert heard.reason == "tool_calls"


async def test_a_failure_after_text_keeps_the_text_and_has_no_end(ask):
    heard = await ask("fail")
    assert heard.text
    assert isinstance(heard.failure, ProviderError)
    assert heard.of(Finished) == []


async def test_a_failure_before_text_says_nothing(ask):
    heard = await ask("busy")
    assert isinstance(heard.failure, ProviderError)
    assert heard.text == ""


async def test_results_of_tools_can_be_given_back(ask):
    asked = await ask("tool", tools=TOOLS)
    step = AssistantStep(text=asked.text, calls=tuple(asked.calls))
    returns = [ToolReturn(made.id, made.name, "done") for made in asked.calls]
    messages = (SystemPrompt("Be brief."), UserPrompt("tool"), step, *returns)
    heard = await ask("hello", messages=messages, tools=TOOLS)
    assert heard.reason == "stop"
    assert heard.text


async def test_models_carry_the_provider_and_its_own_ids(provider):
    models = await provider.models()
    assert models
    assert all(isinstance(model, ModelInfo) for model in models)
    assert {model.provider for model in models} == {provider.id}


async def test_unknown_books_are_none(provider):
    assert await provider.generation("gen-unknown") is None


async def test_closing_before_use_is_harmless(provider):
    await provider.aclose()
    await provider.aclose()

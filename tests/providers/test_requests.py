"""What goes over the wire to a provider."""

import orjson

from backend.messages import (
    AssistantStep,
    ModelParameters,
    Reasoning,
    SystemPrompt,
    ToolCall,
    ToolReturn,
    UserPrompt,
)
from backend.providers import openai_compatible, openrouter
from backend.providers.base import GenerationStarted, TextDelta
from backend.providers.openrouter import OpenRouter
from tests.fakes.answers import DONE, answer, finish, said, text
from tests.providers.asking import CLOCK_TOOL, KEY, hear, request

SEALED = {"type": "reasoning.encrypted", "data": "c2VhbGVk", "id": "rs_1", "index": 0}
CONVERSATION = (
    SystemPrompt("Be brief."),
    UserPrompt("What time is it?"),
    AssistantStep(
        calls=(ToolCall("c1", "clock", '{"zone": "UTC"}'),),
        reasoning_details=(SEALED,),
        model="vendor/model",
    ),
    ToolReturn("c1", "clock", "12:00"),
)


async def test_a_conversation_is_sent_in_the_protocols_words(upstream, openrouter):
    upstream.says(text("Noon"))
    await hear(openrouter, request(messages=CONVERSATION, tools=(CLOCK_TOOL,), session_id="conv_1"))
    assert upstream.chats[0].path == "/api/v1/chat/completions"
    assert upstream.chats[0].body == {
        "model": "vendor/model",
        "stream": True,
        "tools": [
            {
                "type": "function",
                "function": {
                    "name": "clock",
                    "description": "Tells the time.",
                    "parameters": {"type": "object", "properties": {}},
                },
            }
        ],
        "messages": [
            {"role": "system", "content": "Be brief."},
            {"role": "user", "content": "What time is it?"},
            {
                "role": "assistant",
                "content": None,
                "tool_calls": [
                    {
                        "id": "c1",
                        "type": "function",
                        "function": {"name": "clock", "arguments": '{"zone": "UTC"}'},
                    }
                ],
                "reasoning_details": [SEALED],
            },
            {"role": "tool", "tool_call_id": "c1", "content": "12:00"},
        ],
        "session_id": "conv_1",
    }


async def test_the_key_and_the_attribution_travel_as_headers(upstream, openrouter):
    upstream.says(text("Hi"))
    await hear(openrouter)
    headers = upstream.chats[0].headers
    assert headers["authorization"] == f"Bearer {KEY}"
    assert headers["x-openrouter-title"] == "Parlor"
    assert headers["http-referer"] == "https://example.org/parlor"
    assert headers["accept-encoding"] == "identity"


async def test_attribution_can_be_switched_off(upstream):
    upstream.says(text("Hi"))
    async with OpenRouter(api_key=KEY, base_url=upstream.base_url, app_url=None) as provider:
        await hear(provider)
    headers = upstream.chats[0].headers
    assert "x-openrouter-title" not in headers
    assert "http-referer" not in headers


async def test_a_server_without_a_key_gets_none(upstream, compatible):
    upstream.says(text("Hi"))
    await hear(compatible)
    assert "authorization" not in upstream.chats[0].headers


async def test_the_answers_id_is_known_before_its_first_token(upstream, openrouter):
    headers = {"X-Generation-Id": "gen-from-header"}
    upstream.says(answer(said("Hi"), finish(), DONE, headers=headers))
    heard = await hear(openrouter)
    assert heard.events[:2] == [GenerationStarted("gen-from-header"), TextDelta("Hi")]
    assert len(heard.of(GenerationStarted)) == 1


def test_the_same_question_is_the_same_bytes_and_growth_is_at_the_end():
    asked = request(messages=CONVERSATION, tools=(CLOCK_TOOL,), session_id="s")
    longer = request(
        messages=(*CONVERSATION, UserPrompt("Thanks")), tools=(CLOCK_TOOL,), session_id="s"
    )
    first = orjson.dumps(openrouter.request_body(asked))
    assert orjson.dumps(openrouter.request_body(asked)) == first
    shared = first[: first.rindex(b"]")]
    assert orjson.dumps(openrouter.request_body(longer)).startswith(shared)


def test_facts_of_the_moment_follow_the_question():
    asked = request(messages=(UserPrompt("What time is it?", "[Current time: noon]"),))
    (sent,) = openrouter.request_body(asked)["messages"]
    assert sent["content"] == "What time is it?\n\n[Current time: noon]"


def test_reasoning_blocks_go_back_to_their_own_model_only():
    other = request(model="vendor/other", messages=CONVERSATION)
    assert "reasoning_details" not in openrouter.request_body(other)["messages"][2]
    own = request(messages=CONVERSATION)
    assert openrouter.request_body(own)["messages"][2]["reasoning_details"] == [SEALED]
    assert "reasoning_details" not in openai_compatible.request_body(own)["messages"][2]


def test_anthropics_cache_is_asked_for_and_no_others():
    anthropic = openrouter.request_body(request(model="anthropic/claude-sonnet-4.5"))
    assert anthropic["cache_control"] == {"type": "ephemeral"}
    assert "cache_control" not in openrouter.request_body(request(model="openai/gpt-5"))


def test_parameters_are_passed_by_the_names_each_side_knows():
    parameters = ModelParameters(
        temperature=0.5, top_k=40, min_p=0.1, repetition_penalty=1.1, max_tokens=100, seed=7
    )
    shared = parameters.given()
    thinking = parameters.model_copy(update={"reasoning": Reasoning(effort="xhigh")})
    asked = request(parameters=thinking, session_id="s")
    there = openrouter.request_body(asked)
    assert there["reasoning"] == {"effort": "xhigh"}
    assert "stream_options" not in there
    here = openai_compatible.request_body(asked)
    assert here.items() >= shared.items()
    assert here["reasoning_effort"] == "high"
    assert here["stream_options"] == {"include_usage": True}
    assert not here.keys() & {"reasoning", "session_id", "cache_control"}

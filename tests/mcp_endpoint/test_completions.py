"""`chat.completions`: OpenRouter's schema in, the final message out, by clients of the SDK."""

import asyncio
import json
from contextlib import suppress
from typing import Any

import orjson
import pytest

from backend.auth.people import Caller, User
from backend.chat.completion_schema import CompletionRequest
from backend.container import Services
from backend.kit.errors import AppError
from backend.mcp_endpoint.completion_tool import CompletionTool
from backend.mcp_endpoint.message import checked
from backend.mcp_endpoint.progress import Progress
from backend.messages import AssistantStep, SystemPrompt, ToolReturn, ToolSpec, UserPrompt
from backend.providers import openrouter
from backend.providers.base import ProviderBusyError, ReasoningDetails, TextDelta
from tests.api.asking import stored
from tests.fakes.scripted import ScriptedProvider, calls, text, tool
from tests.mcp_endpoint.programs import (
    COMPLETIONS,
    Programs,
    answer,
    asking,
    completions_of,
    request,
    words,
)

WRONG: list[Any] = [
    *(None, True, -1, 1e308, 10**30, "", "\0", "\u202e", "x" * 300_000, "scripted:model"),
    *([], ["x"] * 300, [[[[[]]]]], {}, {"$ref": "#"}, {"a": {"b": 10**30}}, [{"role": "user"}]),
]
LIGHT = {
    "type": "function",
    "function": {
        "name": "switch_light",
        "description": "Switches a light.",
        "parameters": {"type": "object", "properties": {"on": {"type": "boolean"}}},
        "strict": True,
    },
}


@pytest.mark.parametrize("mode", ["auto", "legacy"])
async def test_a_model_answers_a_program(
    programs: Programs, provider: ScriptedProvider, mode: str
) -> None:
    provider.says(text("Hello", " there", cost=0.02))
    async with programs.connected(mode=mode) as client:
        said = answer(await client.call_tool(COMPLETIONS, asking()))
    assert said["message"] == {
        "role": "assistant",
        "content": "Hello there",
        "reasoning": None,
        "reasoning_details": [],
        "tool_calls": [],
    }
    assert (said["model"], said["finish_reason"]) == ("scripted:model", "stop")
    assert said["usage"]["total_tokens"] == 12
    assert said["usage"]["cost"] == 0.02


async def test_tools_are_passed_on_and_their_calls_come_back_unrun(
    programs: Programs, provider: ScriptedProvider
) -> None:
    provider.says(calls(tool("switch_light", '{"on": true}'), saying="One moment."))
    wish = asking("Light!", tools=[LIGHT], tool_choice="required", parallel_tool_calls=False)
    async with programs.connected() as client:
        said = answer(await client.call_tool(COMPLETIONS, wish))
    [asked] = provider.requests
    schema = LIGHT["function"]["parameters"]  # type: ignore[index]
    assert asked.tools == (ToolSpec("switch_light", "Switches a light.", schema, strict=True),)
    assert asked.extras == {"tool_choice": "required", "parallel_tool_calls": False}
    assert said["finish_reason"] == "tool_calls"
    assert said["message"]["content"] == "One moment."
    assert said["message"]["tool_calls"] == [
        {
            "id": "call_switch_light",
            "type": "function",
            "function": {"name": "switch_light", "arguments": '{"on": true}'},
        }
    ]


async def test_the_message_of_an_answer_can_be_sent_back_with_the_results(
    programs: Programs, provider: ScriptedProvider
) -> None:
    details = ReasoningDetails(({"type": "reasoning.text", "text": "hm", "signature": "s"},))
    provider.says([details, *calls(tool("switch_light"))], text("It is on."))
    async with programs.connected() as client:
        first = answer(await client.call_tool(COMPLETIONS, asking("Light!", tools=[LIGHT])))
        messages = [
            {"role": "developer", "content": "Be brief."},
            {"role": "user", "content": [{"type": "text", "text": "Light!"}]},
            first["message"],
            {"role": "tool", "tool_call_id": "call_switch_light", "content": "done"},
        ]
        answer(await client.call_tool(COMPLETIONS, asking(messages=messages, tools=[LIGHT])))
    assert provider.requests[1].messages == (
        SystemPrompt("Be brief."),
        UserPrompt("Light!"),
        AssistantStep("", (tool("switch_light"),), details.items, "model"),
        ToolReturn("call_switch_light", "switch_light", "done"),
    )


async def test_settings_of_the_request_reach_the_provider(
    programs: Programs, provider: ScriptedProvider
) -> None:
    provider.says(text("{}"))
    form = {"type": "json_schema", "json_schema": {"name": "x", "schema": {"type": "object"}}}
    wish = asking(
        temperature=0.5,
        max_completion_tokens=100,
        stop="END",
        response_format=form,
        provider={"sort": "price"},
        user="somebody",
        stream=True,
    )
    async with programs.connected() as client:
        answer(await client.call_tool(COMPLETIONS, wish))
    [asked] = provider.requests
    assert asked.parameters.given() == {"temperature": 0.5, "max_tokens": 100, "stop": ["END"]}
    assert asked.extras == {"response_format": form, "provider": {"sort": "price"}}


@pytest.mark.parametrize("mode", ["auto", "legacy"])
async def test_a_program_hears_how_far_the_answer_is(
    programs: Programs, provider: ScriptedProvider, mode: str
) -> None:
    heard: list[tuple[float, float | None, str | None]] = []
    was_heard = asyncio.Event()
    provider.says([TextDelta("x" * 1500), was_heard, *text("!")])

    async def on_progress(progress: float, total: float | None, message: str | None) -> None:
        heard.append((progress, total, message))
        was_heard.set()

    async with programs.connected(mode=mode) as client:
        answer(await client.call_tool(COMPLETIONS, asking(), progress_callback=on_progress))
    assert heard[0] == (1500, None, "1,500 characters so far")


@pytest.mark.parametrize(
    ("wrong", "hint"),
    [
        ({"messages": []}, "messages"),
        ({"messages": [{"role": "wizard", "content": "x"}]}, "wizard"),
        ({"messages": [{"role": "user", "content": [{"type": "image_url"}]}]}, "content"),
        ({"messages": [{"role": "tool", "tool_call_id": "x", "content": "y"}]}, "no call 'x'"),
        ({"model": "scripted:nonsense"}, "No provider offers"),
        ({"temperatur": 1}, "temperatur: Extra inputs"),
        ({"temperature": 9}, "temperature"),
        ({"models": ["scripted:second"]}, "only OpenRouter"),
        ({"tools": [{"type": "openrouter:web_search"}]}, "tools.0"),
    ],
)
async def test_what_is_wrong_with_a_request_is_said_in_words(
    programs: Programs, provider: ScriptedProvider, wrong: dict[str, object], hint: str
) -> None:
    async with programs.connected() as client:
        said = words(await client.call_tool(COMPLETIONS, asking() | wrong))
    assert hint in said
    assert "pydantic" not in said
    assert provider.requests == []


async def test_a_failure_of_the_provider_is_said_in_words(
    programs: Programs, provider: ScriptedProvider
) -> None:
    provider.says([TextDelta("Half a"), ProviderBusyError("The provider is busy.")])
    async with programs.connected() as client:
        assert words(await client.call_tool(COMPLETIONS, asking())) == "The provider is busy."


async def test_half_a_character_harms_nothing(
    programs: Programs, provider: ScriptedProvider
) -> None:
    provider.says(text("fine"))
    message, headers = request("tools/call", name=COMPLETIONS, arguments=asking("HALF"))
    body = json.dumps(message).encode().replace(b"HALF", b"\\ud83d")
    said = (await programs.post(body, **headers)).json()
    assert said["result"]["structuredContent"]["message"]["content"] == "fine"
    assert provider.requests[0].messages == (UserPrompt("?"),)


async def test_every_value_of_every_field_is_taken_or_refused_in_words(
    provider: ScriptedProvider, services: Services, owner: User
) -> None:
    provider.always = text("fine")
    tool = CompletionTool(completions_of(services))
    caller = Caller(owner, "token", "session_of_a_test")
    for field in CompletionRequest.model_fields:
        for wrong in WRONG:
            message, _ = request("tools/call", arguments=asking() | {field: wrong})
            given = orjson.loads(checked(json.dumps(message).encode()))["params"]["arguments"]
            with suppress(AppError):  # anything else would be an unexpected failure
                await tool.run(caller, given, Progress(unheard))
    assert len(provider.requests) > 20
    for asked in provider.requests:
        assert orjson.dumps(openrouter.request_body(asked))


async def unheard(_: float, __: float | None, ___: str | None) -> None: ...


async def test_nothing_of_a_completion_is_kept(
    programs: Programs, provider: ScriptedProvider, services: Services
) -> None:
    async with programs.connected() as client:
        await client.list_tools()
        before = await stored(services)
        provider.says(text("a secret answer"))
        answer(await client.call_tool(COMPLETIONS, asking("a secret question")))
        after = await stored(services)
    for kept in (before, after):
        kept.pop("api_keys")  # when it was used last
    assert after == before


async def test_the_models_that_may_be_asked_for_are_listed(programs: Programs) -> None:
    async with programs.connected() as client:
        [resource] = (await client.list_resources()).resources
        read = await client.read_resource(resource.uri)
    listed = json.loads(read.contents[0].text)  # type: ignore[union-attr]
    assert listed["default"] == "scripted:model"
    assert {"scripted:model", "scripted:second"} <= {one["id"] for one in listed["models"]}

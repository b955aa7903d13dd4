"""A tool's every failure is an answer that the model can read; only cancellation is not."""

import asyncio

import pytest

from backend.messages import ToolCall, ToolReturn, ToolSpec
from backend.toolbox.service import Tool, Toolbox

SPEC = ToolSpec("say", "Says it.", {"type": "object", "properties": {}})


def box(run, **more):
    return Toolbox([Tool(SPEC, run)], **more)


async def _said(arguments, _) -> str:
    return arguments.get("text", "nothing")


@pytest.mark.parametrize("arguments", ["", "{}"])
async def test_no_arguments_are_no_error(arguments):
    assert await box(_said).call(ToolCall("1", "say", arguments)) == ToolReturn(
        "1", "say", "nothing"
    )


async def test_a_long_result_is_cut_and_says_so():
    result = await box(_said).call(ToolCall("1", "say", '{"text": "%s"}' % ("x" * 30_000)))
    assert len(result.content) < 24_100
    assert result.content.endswith("[6000 more characters were left out]")
    assert not result.failed


async def test_half_a_character_becomes_a_question_mark():
    async def run(*_) -> str:
        return "a\ud800b"

    assert (await box(run).call(ToolCall("1", "say", ""))).content == "a?b"


async def test_a_tool_that_takes_too_long_is_ended():
    ended = []

    async def run(*_) -> str:
        try:
            await asyncio.Event().wait()
        finally:
            ended.append(True)
        return ""

    result = await box(run, deadline=0.01).call(ToolCall("1", "say", ""))
    assert result.failed
    assert "within 0.01 seconds" in result.content
    assert ended


async def test_cancellation_goes_through():
    async def run(*_) -> str:
        await asyncio.Event().wait()
        return ""

    calling = asyncio.ensure_future(box(run).call(ToolCall("1", "say", "")))
    await asyncio.sleep(0)
    calling.cancel()
    with pytest.raises(asyncio.CancelledError):
        await calling


async def test_the_message_of_a_bug_is_not_shown_to_the_model():
    async def run(*_) -> str:
        raise ValueError("secret path")

    result = await box(run).call(ToolCall("1", "say", ""))
    assert (result.failed, result.content) == (True, "The tool failed unexpectedly.")

"""The test toolkit over real HTTP, with clients of both generations of the protocol."""

import asyncio
import time

import pytest
from mcp_types import ElicitRequestParams, ElicitResult, ImageContent, ResourceLink

from tests.mcp_servers.conftest import PATIENCE, Running

MODES = pytest.mark.parametrize("mode", ["auto", "legacy"])


@MODES
async def test_it_echoes_and_knows_the_time(servers: Running, mode: str) -> None:
    async with servers.client("test-toolkit", mode=mode) as toolkit:
        assert await toolkit.ok("test_echo", message="hällo") == {"message": "hällo"}
        assert (await toolkit.ok("current_time"))["time"].endswith("+00:00")


@MODES
async def test_failures_are_told_and_crashes_keep_their_secrets(
    servers: Running, mode: str
) -> None:
    async with servers.client("test-toolkit", mode=mode) as toolkit:
        assert await toolkit.refused("fail", message="no milk") == "no milk"
        assert await toolkit.refused("crash") == "Error executing tool crash"
        assert "seconds" in await toolkit.refused("wait", seconds=301)


@MODES
async def test_progress_arrives_before_the_answer(servers: Running, mode: str) -> None:
    seen: list[tuple[float, float | None, str | None]] = []

    async def note(progress: float, total: float | None, message: str | None) -> None:
        seen.append((progress, total, message))

    async with servers.client("test-toolkit", mode=mode) as toolkit:
        result = await toolkit.client.call_tool(
            "count", {"steps": 3, "seconds_each": 0}, progress_callback=note
        )
    assert result.structured_content == {"steps": 3}
    assert seen == [(step, 3, f"step {step} of 3") for step in (1, 2, 3)]


@MODES
async def test_a_call_that_is_given_up_leaves_the_client_usable(
    servers: Running, mode: str
) -> None:
    async with servers.client("test-toolkit", mode=mode) as toolkit:
        with pytest.raises(TimeoutError):
            async with asyncio.timeout(0.2):
                await toolkit.ok("wait", seconds=200)
        assert await toolkit.ok("test_echo", message="still here")


async def test_calls_run_at_the_same_time(servers: Running) -> None:
    async with servers.client("test-toolkit") as toolkit:
        begun = time.monotonic()
        await asyncio.gather(*(toolkit.ok("wait", seconds=0.5) for _ in range(20)))
        assert time.monotonic() - begun < 5


async def test_a_person_is_asked_with_a_form(servers: Running) -> None:
    asked: list[ElicitRequestParams] = []

    async def answer(_context: object, question: ElicitRequestParams) -> ElicitResult:
        asked.append(question)
        return ElicitResult(action="accept", content={"drink": "tea", "cups": 2})

    async with servers.client("test-toolkit", elicitation_callback=answer) as toolkit:
        assert await toolkit.ok("ask") == {"order": "2 x tea"}
    assert asked[0].message == "What would you like to drink?"


async def test_a_person_may_refuse_the_question(servers: Running) -> None:
    async def refuse(_context: object, _question: ElicitRequestParams) -> ElicitResult:
        return ElicitResult(action="decline")

    async with servers.client("test-toolkit", elicitation_callback=refuse) as toolkit:
        assert await toolkit.refused("ask")


async def test_an_old_connection_is_told_that_it_carries_no_questions(servers: Running) -> None:
    async def answer(_context: object, _question: ElicitRequestParams) -> ElicitResult:
        return ElicitResult(action="accept", content={"drink": "tea"})

    async with servers.client(
        "test-toolkit", mode="legacy", elicitation_callback=answer
    ) as toolkit:
        assert "2026-07-28" in await toolkit.refused("ask")


async def test_ten_megabytes_are_answered_and_forgotten(servers: Running) -> None:
    async with servers.client("test-toolkit") as toolkit:
        assert len((await toolkit.ok("big_output", size=10_000_000))["text"]) == 10_000_000
        assert "size" in await toolkit.refused("big_output", size=10_000_001)


async def test_pictures_links_resources_and_prompts_come_as_what_they_are(
    servers: Running,
) -> None:
    async with asyncio.timeout(PATIENCE), servers.client("test-toolkit") as toolkit:
        picture = (await toolkit.client.call_tool("show_picture", {})).content[0]
        assert isinstance(picture, ImageContent)
        assert picture.mime_type == "image/png"
        link = (await toolkit.client.call_tool("link_resource", {})).content[0]
        assert isinstance(link, ResourceLink)
        read = await toolkit.client.read_resource(link.uri)
        assert "Hello" in read.contents[0].text  # type: ignore[union-attr]
        prompt = await toolkit.client.get_prompt("greet", {"name": "Anna"})
        assert "Anna" in prompt.messages[0].content.text  # type: ignore[union-attr]

"""Stop means stop: the socket is closed, the pool stays usable, nothing is left behind."""

import asyncio
from contextlib import aclosing

import pytest

from backend.providers.base import GenerationStarted, TextDelta
from backend.providers.openai_compatible import OpenAICompatible
from tests.fakes.answers import COMMENT, DONE, answer, finish, said, stall, text
from tests.providers.asking import Heard, hear, request

SOON = 0.5


async def _cancel(task: asyncio.Task[Heard]) -> float:
    """When the cancellation was asked for, by the loop's clock."""
    at = asyncio.get_running_loop().time()
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    return at


async def test_closing_the_generator_closes_the_socket(upstream, openrouter):
    upstream.says(stall(said("Once")))
    async with aclosing(openrouter.stream(request())) as batches:
        async for batch in batches:
            assert batch == [GenerationStarted("gen-1"), TextDelta("Once")]
            break
        at = asyncio.get_running_loop().time()
    assert (await upstream.has_closed()).at - at < SOON


@pytest.mark.parametrize("scenario", [stall(said("Once")), stall(COMMENT), stall(head=False)])
async def test_cancelling_the_reader_closes_the_socket(upstream, openrouter, scenario):
    upstream.says(scenario)
    reader = asyncio.create_task(hear(openrouter))
    await upstream.has_requests(1)
    at = await _cancel(reader)
    assert (await upstream.has_closed()).at - at < SOON


async def test_cancelling_in_a_flood_of_tokens_closes_the_socket(upstream, openrouter):
    upstream.says(answer(*[said("x" * 1000)] * 20_000, DONE))
    heard = asyncio.Event()

    async def listen() -> Heard:
        async with aclosing(openrouter.stream(request())) as batches:
            async for _ in batches:
                heard.set()
                await asyncio.Event().wait()
        return Heard()

    reader = asyncio.create_task(listen())
    await asyncio.wait_for(heard.wait(), 5)
    at = await _cancel(reader)
    await upstream.is_idle()
    assert asyncio.get_running_loop().time() - at < SOON


async def test_many_stopped_answers_leave_nothing_open(upstream, openrouter):
    upstream.always = stall(said("Once"))
    before = asyncio.all_tasks()
    readers = [asyncio.create_task(hear(openrouter)) for _ in range(200)]
    await upstream.has_requests(200)
    assert upstream.connections == 200  # nobody had to queue for a connection
    for reader in readers:
        reader.cancel()
    await asyncio.wait(readers, timeout=5)
    await upstream.is_idle()
    left = {task for task in asyncio.all_tasks() - before if not task.done()}
    assert not [task for task in left if "fakes/upstream.py" not in repr(task)]


async def test_a_finished_answer_leaves_its_connection_for_the_next(upstream, openrouter):
    upstream.says(text("One"), text("Two"), answer(said("Three"), finish(), DONE))
    heard = [(await hear(openrouter)).text for _ in range(3)]
    assert heard == ["One", "Two", "Three"]
    assert {chat.connection for chat in upstream.chats} == {0}


async def test_a_refused_question_leaves_no_connection_open(upstream, policy):
    async with OpenAICompatible(id="local", base_url=upstream.base_url, policy=policy) as provider:
        upstream.says(stall(head=False))
        reader = asyncio.create_task(hear(provider))
        await upstream.has_requests(1)
        await _cancel(reader)
    await upstream.is_idle()

"""News: to everybody who listens, at their own pace, to nobody else."""

import asyncio

import pytest

from backend.kit.hub import _BACKLOG, Hub
from backend.kit.sse import PING, data_of


async def _listening(hub, topic="anna"):
    """A follower that is registered and waits."""
    frames = hub.follow(topic)
    waiting = asyncio.ensure_future(anext(frames))
    await asyncio.sleep(0)
    return frames, waiting


async def test_every_follower_of_a_topic_hears_its_news():
    hub = Hub()
    followers = [await _listening(hub) for _ in range(3)]
    hub.publish("anna", {"n": 1}, "news")
    for frames, waiting in followers:
        assert data_of(await waiting) == b'{"n":1}'
        await frames.aclose()


async def test_other_topics_hear_nothing():
    hub = Hub()
    frames, waiting = await _listening(hub, "bob")
    hub.publish("anna", {"n": 1}, "news")
    hub.publish("bob", {"n": 2}, "news")
    assert data_of(await waiting) == b'{"n":2}'
    await frames.aclose()


async def test_a_follower_that_goes_leaves_nothing():
    hub = Hub()
    frames, waiting = await _listening(hub)
    assert (hub.subscriber_count, hub.has_followers("anna")) == (1, True)
    waiting.cancel()
    with pytest.raises(asyncio.CancelledError):
        await waiting
    await frames.aclose()
    assert (hub.subscriber_count, hub.has_followers("anna")) == (0, False)


async def test_one_that_reads_slowly_gets_all_at_once_and_one_that_does_not_is_cut_off():
    hub = Hub()
    frames, waiting = await _listening(hub)
    for number in range(10):
        hub.publish("anna", number, "news")
    assert (await waiting).count(b"\n\n") == 10
    for number in range(_BACKLOG + 1):
        hub.publish("anna", number, "news")
    with pytest.raises(StopAsyncIteration):
        await anext(frames)
    assert hub.subscriber_count == 0


async def test_a_tick_is_a_sign_of_life():
    hub = Hub()
    frames, waiting = await _listening(hub)
    hub.tick()
    assert await waiting == PING
    await frames.aclose()


async def test_closing_lets_everybody_go_and_nobody_in():
    hub = Hub()
    _, waiting = await _listening(hub)
    hub.close()
    with pytest.raises(StopAsyncIteration):
        await waiting
    async with asyncio.timeout(1):
        assert [raw async for raw in hub.follow("anna")] == []
    assert hub.subscriber_count == 0

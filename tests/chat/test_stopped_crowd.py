"""A crowd that stops its answers: what is left behind shows in the sum."""

import asyncio
import gc
import os
from pathlib import Path

import pytest

from tests.chat.routed import Routed, Screen
from tests.chat.talk import Talk
from tests.chat.test_stop import costs_are_known
from tests.fakes.answers import said, stall


@pytest.fixture
async def routed(settings):
    crowd = settings.edge.model_copy(update={"streams_per_person": 200})
    settings = settings.model_copy(update={"edge": crowd})
    async with Routed.opened(settings) as opened:
        yield opened


def _held(talk: Talk) -> dict[str, int]:
    """What a leak would show in."""
    gc.collect()
    services = talk.services
    return {
        "tasks": sum("FakeUpstream" not in repr(task) for task in asyncio.all_tasks()),
        "owned tasks": len(services.background),
        "turns": services.turns.running_count,
        "followers": services.turns.follower_count + services.hub.subscriber_count,
        "sockets": sum(link.startswith("socket:") for link in _open_files()),
        "files": sum(not link.startswith("socket:") for link in _open_files()),
    }


def _open_files() -> list[str]:
    return [str(one.readlink()) for one in Path("/proc/self/fd").iterdir() if one.is_symlink()]


def _megabytes() -> float:
    gc.collect()
    pages = int(Path("/proc/self/statm").read_text().split()[1])
    return pages * os.sysconf("SC_PAGE_SIZE") / 1e6


async def _begin_and_stop(screen: Screen) -> None:
    response = await screen.send("Go")
    data = b""
    while b" upon" not in data:
        data += await response.content.readany()
    assert (await screen.stop(response.headers["X-Turn-Id"]))["status"] == "stopped"
    while data:
        data = await response.content.readany()
    response.release()


async def _many(routed: Routed, hundreds: int) -> None:
    """That many stopped streams, and then nothing that is still at rest on purpose."""
    async with routed.screen() as screen:
        for _ in range(hundreds):
            await asyncio.gather(*(_begin_and_stop(screen) for _ in range(100)))
            assert len(routed.upstream.chats) == 100
            # The fake remembers every question with all its tools: 15 MB for a thousand.
            routed.upstream.requests.clear()
            routed.upstream.closed.clear()
    await costs_are_known(routed)
    await routed.provider.aclose()  # connections that wait for the next question
    await routed.upstream.is_idle()


@pytest.mark.timeout(60)
async def test_a_thousand_stopped_streams_leave_nothing_behind(routed):
    routed.upstream.generations["gen-1"] = {"id": "gen-1", "total_cost": 0.25}
    routed.upstream.always = stall(said("Once"), said(" upon"))
    await _many(routed, 1)
    before, memory = _held(routed.talk), _megabytes()
    await _many(routed, 9)
    assert _held(routed.talk) == before
    # What 900 look-ups of costs at once leave in the allocator; the next thousand adds 2 MB, and the
    # one after it nothing.
    assert _megabytes() - memory < 20

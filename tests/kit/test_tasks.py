"""Tasks that nobody's request owns: background work, duties, the leader."""

import asyncio
import inspect
import os
import signal
import subprocess
import sys

import pytest

from backend.kit.background import Background
from backend.kit.leader import Leader
from backend.kit.schedule import every
from tests.fakes.waiting import until


async def test_closing_ends_every_task_and_waits_for_it():
    background, ended = Background(), []

    async def work(name: str) -> None:
        try:
            await asyncio.Event().wait()
        finally:
            await asyncio.sleep(0)
            ended.append(name)

    background.start(work("a"), name="a")
    background.start(work("b"), name="b")
    await asyncio.sleep(0)
    await background.aclose()
    assert sorted(ended) == ["a", "b"]
    assert len(background) == 0


async def test_a_task_started_by_one_that_is_closed_is_closed_as_well():
    background = Background()
    late = []

    async def work() -> None:
        try:
            await asyncio.Event().wait()
        finally:
            late.append(background.start(asyncio.Event().wait(), name="late"))  # type: ignore[arg-type]  # any coroutine serves here

    background.start(work(), name="work")
    await asyncio.sleep(0)
    await background.aclose()
    assert late[0].done()
    assert len(background) == 0


async def test_a_task_that_is_closed_before_its_first_step_leaves_no_warning():
    background = Background()
    work = asyncio.Event().wait()
    background.start(work, name="work")  # type: ignore[arg-type]  # any coroutine serves here
    await background.aclose()
    assert inspect.getcoroutinestate(work) == inspect.CORO_CLOSED


async def test_a_task_that_fails_is_forgotten_and_harms_no_other():
    background = Background()

    async def fail() -> None:
        raise ValueError("no")

    other = background.start(asyncio.Event().wait(), name="other")  # type: ignore[arg-type]  # any coroutine serves here
    await background.start(fail(), name="fails")
    assert not other.done()
    assert len(background) == 1
    await background.aclose()


async def test_a_duty_that_fails_once_is_done_again():
    done = []

    async def duty() -> None:
        done.append(len(done))
        if len(done) == 1:
            raise OSError("disk full")

    doing = asyncio.ensure_future(every(0.001, duty))
    await until(lambda: len(done) >= 3)
    doing.cancel()
    with pytest.raises(asyncio.CancelledError):
        await doing


async def test_there_is_one_leader(tmp_path):
    first, second = Leader(tmp_path / "lock"), Leader(tmp_path / "lock")
    assert first.try_lead()
    assert first.try_lead()
    assert not second.try_lead()
    first.close()
    assert second.try_lead()
    second.close()


async def test_a_killed_leader_is_followed_by_the_next(tmp_path):
    program = (
        "import sys, pathlib; from backend.kit.leader import Leader\n"
        "leader = Leader(pathlib.Path(sys.argv[1])); print(leader.try_lead(), flush=True)\n"
        "sys.stdin.read()"
    )
    led = []

    async def duties() -> None:
        led.append(True)

    def start() -> subprocess.Popen:
        pipes = {"stdin": subprocess.PIPE, "stdout": subprocess.PIPE}
        return subprocess.Popen([sys.executable, "-c", program, tmp_path / "lock"], **pipes)

    with await asyncio.to_thread(start) as process:
        assert await asyncio.to_thread(process.stdout.readline) == b"True\n"
        leader = Leader(tmp_path / "lock")
        waiting = asyncio.ensure_future(leader.lead(duties))
        await asyncio.sleep(0)
        assert not led
        os.kill(process.pid, signal.SIGKILL)
        async with asyncio.timeout(5):
            await waiting
    assert led
    leader.close()

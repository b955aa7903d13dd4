"""Tasks that no request owns: started here, awaited here, never lost."""

import asyncio
from collections.abc import Coroutine

import structlog

_log = structlog.get_logger()


class Background:
    """Owner of tasks. A task that fails is logged with its name; closing cancels the rest."""

    def __init__(self) -> None:
        self._tasks: set[asyncio.Task[None]] = set()

    def __len__(self) -> int:
        return len(self._tasks)

    def start(self, work: Coroutine[None, None, None], *, name: str) -> asyncio.Task[None]:
        task = asyncio.get_running_loop().create_task(self._guarded(work, name), name=name)
        self._tasks.add(task)
        task.add_done_callback(lambda done: self._forget(done, work))
        return task

    def _forget(self, task: asyncio.Task[None], work: Coroutine[None, None, None]) -> None:
        self._tasks.discard(task)
        work.close()  # of a task that was cancelled before its first step nobody else would
        if not task.cancelled():
            task.exception()  # only a log that could not be written; `_guarded` has done the rest

    async def _guarded(self, work: Coroutine[None, None, None], name: str) -> None:
        try:
            await work
        except Exception:  # noqa: BLE001  # the top of a task: nobody above can handle it
            _log.exception("task_failed", task=name)

    async def aclose(self) -> None:
        while tasks := list(self._tasks):  # a task that ends may have started another one
            for task in tasks:
                task.cancel()
            await asyncio.gather(*tasks, return_exceptions=True)

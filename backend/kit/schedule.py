"""Waiting on purpose: the only place that sleeps."""

import asyncio
from collections.abc import Awaitable, Callable

import structlog

_log = structlog.get_logger()


async def pause(seconds: float) -> None:
    await asyncio.sleep(seconds)  # noqa: TID251  # the one place that sleeps


class Coalesced:
    """Many reasons, one action: some time after the first of them."""

    def __init__(self, seconds: float, action: Callable[[], None]) -> None:
        self._seconds = seconds
        self._action = action
        self._timer: asyncio.TimerHandle | None = None

    def __call__(self) -> None:
        if self._timer is None:
            loop = asyncio.get_running_loop()
            self._timer = loop.call_later(self._seconds, self._act)

    def _act(self) -> None:
        self._timer = None
        self._action()


async def every(
    seconds: float | Callable[[], float], action: Callable[[], Awaitable[None]]
) -> None:
    """Run `action` now and then every `seconds` after its end (asked anew each time), until
    cancelled.

    One that fails is logged and has its next turn like any other.
    """
    while True:
        try:
            await action()
        except Exception:  # noqa: BLE001  # a duty that fails once is not given up for good
            _log.exception("duty_failed", duty=getattr(action, "__qualname__", repr(action)))
        await pause(seconds() if callable(seconds) else seconds)

"""Waiting on purpose: the only place that sleeps."""

import asyncio
from collections.abc import Awaitable, Callable


async def pause(seconds: float) -> None:
    await asyncio.sleep(seconds)  # noqa: TID251  # the one place that sleeps


async def every(seconds: float, action: Callable[[], Awaitable[None]]) -> None:
    """Run `action` now and then every `seconds` after its end, until cancelled."""
    while True:
        await action()
        await pause(seconds)

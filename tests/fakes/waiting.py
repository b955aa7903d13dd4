"""Waiting for what nobody announces, with an end."""

import asyncio
from collections.abc import Callable

PATIENCE = 5


async def until(condition: Callable[[], object], *, seconds: float = PATIENCE) -> None:
    """Look again and again; raises TimeoutError."""
    async with asyncio.timeout(seconds):
        while not condition():  # noqa: ASYNC110  # nobody sets an event for it
            await asyncio.sleep(0.005)

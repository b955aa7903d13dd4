"""Noticing that a server is back, for the price of a knock at its port: after a long outage whole
tries are rare, and people should not wait for the next one."""

import asyncio
from contextlib import suppress
from urllib.parse import urlsplit

from backend.toolbox.discovery import open_places
from backend.toolbox.records import Address, ServerDefinition

_LOOK_SECONDS = 2.0


class Lookout:
    def __init__(self, definition: ServerDefinition) -> None:
        self._place = _place_of(definition)
        self._was_open = False

    async def rest(self, seconds: float, nudged: asyncio.Event) -> bool:
        """Until it is time for the next try, or somebody wants it now, or the port opens that was
        closed: whether that was it."""
        loop = asyncio.get_running_loop()
        end = loop.time() + seconds
        while (left := end - loop.time()) > 0:
            with suppress(TimeoutError):
                async with asyncio.timeout(min(left, _LOOK_SECONDS) if self._place else left):
                    await nudged.wait()
            if nudged.is_set():
                return False
            if self._place is not None and await self._opens(*self._place):
                return True
        return False

    async def _opens(self, host: str, port: int) -> bool:
        was_open, self._was_open = self._was_open, bool(await open_places([host], [port]))
        return self._was_open and not was_open


def _place_of(definition: ServerDefinition) -> tuple[str, int] | None:
    """Of the operator's servers; others are reached through the guard alone."""
    if not isinstance(definition.where, Address) or not definition.is_trusted:
        return None
    parts = urlsplit(definition.where.url)
    port = parts.port or (443 if parts.scheme == "https" else 80)
    return (parts.hostname, port) if parts.hostname else None

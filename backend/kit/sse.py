"""Server-sent event frames (WHATWG HTML, section 9.2), built once as bytes."""

import asyncio
from collections.abc import Awaitable, Callable

import orjson

from backend.kit.schedule import pause

MEDIA_TYPE = "text/event-stream"
PING = b": ping\n\n"
"""A comment: keeps proxies from cutting a silent stream, and readers ignore it."""

HEARTBEAT_SECONDS = 10
"""Below the 15 s promised, so that a late timer still keeps the promise."""


def frame(number: int, event: object, kind: str) -> bytes:
    """One numbered event. JSON holds no raw line break, so one `data:` line is enough."""
    return b"id: %d\nevent: %b\ndata: %b\n\n" % (number, kind.encode(), orjson.dumps(event))


def data_of(raw: bytes) -> bytes:
    """The JSON of a frame built by `frame`."""
    return raw[raw.index(b"\ndata: ") + 7 : -2]


class Waiters:
    """Readers of a growing list, asleep until somebody wakes them all."""

    def __init__(self) -> None:
        self._futures: list[asyncio.Future[bool]] = []

    def __len__(self) -> int:
        return len(self._futures)

    async def wait(self) -> bool:
        """True when there is something new, False when it is only time for a sign of life."""
        future = self.sleep()
        try:
            return await future
        except asyncio.CancelledError:
            self.forget(future)
            raise

    def sleep(self) -> asyncio.Future[bool]:
        """`wait` for whoever counts every call: `forget` it when it is not awaited to its end."""
        future: asyncio.Future[bool] = asyncio.get_running_loop().create_future()
        self._futures.append(future)
        return future

    def forget(self, future: asyncio.Future[bool]) -> None:
        self._futures = [other for other in self._futures if other is not future]

    def wake(self, news: bool = True) -> None:
        if self._futures:
            woken, self._futures = self._futures, []
            for future in woken:
                if not future.done():
                    future.set_result(news)


async def beat(tick: Callable[[], None] | Callable[[], Awaitable[None]]) -> None:
    """Call `tick` every heartbeat, until cancelled. One timer serves all streams."""
    while True:
        await pause(HEARTBEAT_SECONDS)
        result = tick()
        if result is not None:
            await result

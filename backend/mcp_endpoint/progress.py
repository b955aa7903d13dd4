"""What a program hears while it waits: the latest, a few times a second, always a bit further."""

import asyncio
from collections.abc import AsyncGenerator, Awaitable, Callable
from contextlib import asynccontextmanager

from backend.kit.schedule import pause

_PAUSE_SECONDS = 0.25
_STEP = 0.001
"""Progress has to grow, also where nobody says by how much."""

type Send = Callable[[float, float | None, str | None], Awaitable[None]]


class Progress:
    def __init__(self, send: Send) -> None:
        self._send = send
        self._text = ""
        self._value = 0.0
        self._total: float | None = None
        self._sent = 0.0
        self._news = asyncio.Event()

    def tell(self, text: str, value: float | None, total: float | None = None) -> None:
        """Never waits; what comes too quickly to be sent replaces what came before it."""
        self._text = text
        if value is not None:
            self._value, self._total = value, total
        self._news.set()

    def tell_part(self, text: str, part: float | None) -> None:
        """`part`: of the whole, 0 to 1."""
        self.tell(text, part, None if part is None else 1.0)

    @asynccontextmanager
    async def going_out(self) -> AsyncGenerator[None]:
        sending = asyncio.ensure_future(self._go_on())
        try:
            yield
        finally:
            sending.cancel()
            await asyncio.wait({sending})

    async def _go_on(self) -> None:
        while True:
            await self._news.wait()
            self._news.clear()
            self._sent = max(self._value, self._sent + _STEP)
            total = None if self._total is None else max(self._total, self._sent)
            await self._send(self._sent, total, self._text or None)
            await pause(_PAUSE_SECONDS)

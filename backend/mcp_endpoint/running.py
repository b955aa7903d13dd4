"""Calls of programs that are running: a few for each person, and an end in words when Parlor stops."""

import asyncio
from collections import Counter
from collections.abc import Generator
from contextlib import contextmanager, suppress

import anyio

from backend.toolbox.records import CallFailedError

_STOPPING = "Parlor is restarting and ended this call. Try again in a moment."
_LAST_WORDS_SECONDS = 1.0


class RunningCalls:
    """`most`: of one person at once."""

    def __init__(self, most: int) -> None:
        self._most = most
        self._by_person: Counter[str] = Counter()
        self._scopes: set[anyio.CancelScope] = set()
        self._is_stopping = False
        self._idle = asyncio.Event()
        self._idle.set()

    @contextmanager
    def one_of(self, person: str) -> Generator[None]:
        """What runs inside is one of them. Raises CallFailedError."""
        if self._is_stopping:
            raise CallFailedError(_STOPPING)
        if self._by_person[person] >= self._most:
            raise CallFailedError(
                f"{self._most} calls of yours are running, which is the most at a time."
                " Wait for one of them."
            )
        self._by_person[person] += 1
        scope = anyio.CancelScope()
        self._scopes.add(scope)
        self._idle.clear()
        try:
            with scope:
                yield
        finally:
            self._scopes.discard(scope)
            self._by_person[person] -= 1
            if not self._by_person[person]:
                del self._by_person[person]
            if not self._scopes:
                self._idle.set()
        if scope.cancelled_caught:
            raise CallFailedError(_STOPPING)

    async def drain(self, seconds: float) -> None:
        """Let them end for a while, then end them."""
        await self._until_idle(seconds)
        self._is_stopping = True
        for scope in self._scopes:
            scope.cancel()
        await self._until_idle(_LAST_WORDS_SECONDS)

    async def _until_idle(self, seconds: float) -> None:
        with suppress(TimeoutError):
            async with asyncio.timeout(seconds):
                await self._idle.wait()

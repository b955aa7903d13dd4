"""One call on its way: its deadline, whom it may ask, and what the wire saw of it.

It travels in a context variable. The SDK runs each outgoing message in its sender's context, so
the HTTP transport far below and the callbacks far above find the call they serve.
"""

import asyncio
from collections.abc import AsyncGenerator, Iterator
from contextlib import asynccontextmanager, contextmanager, suppress
from contextvars import ContextVar
from dataclasses import dataclass, field

from backend.toolbox.context import NO, NOBODY, Answer, CallContext, Question

_LONGEST_FACTOR = 10
"""Progress extends a deadline, but not for ever."""


class IdleClock:
    """A deadline that signs of life push back and that stands still while a person is asked."""

    def __init__(self, seconds: float) -> None:
        self.seconds = seconds
        self._timeout: asyncio.Timeout | None = None
        self._pauses = 0
        self._remaining = seconds
        """Of the deadline that stands still."""
        self._left = seconds * _LONGEST_FACTOR

    @asynccontextmanager
    async def running(self) -> AsyncGenerator[None]:
        """Raises TimeoutError."""
        async with asyncio.timeout(self.seconds) as self._timeout:
            yield

    def extend(self) -> None:
        if self._timeout is None or self._pauses:
            return
        now, due = asyncio.get_running_loop().time(), self._timeout.when()
        gained = now + self.seconds - (due if due is not None else now)
        if 0 < gained <= self._left:
            self._left -= gained
            self._move(now + self.seconds)

    @contextmanager
    def paused(self) -> Iterator[None]:
        """An answer counts as a sign of life and as no more: who asks again and again, and is
        refused by itself, must come to an end too."""
        loop = asyncio.get_running_loop()
        due = self._timeout.when() if self._timeout is not None else None
        if not self._pauses and due is not None:
            self._remaining = due - loop.time()
        self._pauses += 1
        self._move(None)
        try:
            yield
        finally:
            self._pauses -= 1
            if not self._pauses:
                self._move(loop.time() + self._remaining)
                self.extend()

    def _move(self, when: float | None) -> None:
        if self._timeout is not None:
            with suppress(RuntimeError):  # over already
                self._timeout.reschedule(when)


@dataclass(eq=False, slots=True)
class Attempt:
    """`refused`: why the server surely did not run it. `lost`: why nobody knows whether it did.
    `unusable`: what is wrong with the answer that came. `unsigned`: why it was not sent, or was
    refused, for want of a sign-in that still stands."""

    clock: IdleClock
    context: CallContext = NOBODY
    refused: str = ""
    lost: str = ""
    unusable: str = ""
    unsigned: str = ""
    sent: bool = False
    """Over HTTP: whether any of it went out."""
    status: int = 0
    """Of the last answer over HTTP that was no success."""
    received: int = 0
    """Bytes of answers over HTTP so far."""
    challenge: str = ""
    """The latest WWW-Authenticate header of a refusal."""
    _asking: set[asyncio.Future[Answer]] = field(default_factory=set)

    async def on_progress(self, progress: float, total: float | None, message: str | None) -> None:
        self.clock.extend()
        part = min(max(progress / total, 0.0), 1.0) if total and total > 0 else None
        self.context.on_progress((message or "")[:500], part)

    async def ask(self, question: Question) -> Answer:
        """The deadline stands still meanwhile. The end of the call ends the question."""
        asking = asyncio.ensure_future(self.context.ask(question))
        self._asking.add(asking)
        try:
            with self.clock.paused():
                await asyncio.wait({asking})
        finally:
            self._asking.discard(asking)
            asking.cancel()
        if asking.cancelled() or asking.exception() is not None:
            return NO
        return asking.result()

    def end(self) -> None:
        for asking in self._asking:
            asking.cancel()


current: ContextVar[Attempt | None] = ContextVar("tool_call", default=None)


@contextmanager
def made(attempt: Attempt) -> Iterator[Attempt]:
    """Everything sent inside the block belongs to `attempt`."""
    token = current.set(attempt)
    try:
        yield attempt
    finally:
        current.reset(token)
        attempt.end()

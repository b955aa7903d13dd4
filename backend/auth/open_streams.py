"""Answers that stay open: counted for each person, and closed when who opened them may not stay.

A stream costs nothing while it sends. It is found again by the credential that opened it.
"""

import asyncio
from collections import Counter
from collections.abc import Callable, Collection
from contextlib import suppress
from types import TracebackType
from typing import ClassVar, Protocol, Self

from backend.auth.people import AnyCaller, Caller
from backend.kit.errors import AppError

CHECK_SECONDS = 2.0


class TooManyStreamsError(AppError):
    code: ClassVar[str] = "too_many_streams"
    status = 429


class Credentials(Protocol):
    async def still_good(self, credential_ids: Collection[str]) -> set[str]:
        """Those that would still let somebody in."""
        ...


class OpenStream:
    """A place among the open streams. As a context: given up when what comes before it fails."""

    def __init__(self, holder: str, credential_id: str, streams: "OpenStreams") -> None:
        self.holder = holder
        self.credential_id = credential_id
        self.revoked = False
        """Closed from here; the reader has to show who they are anew."""
        self._streams = streams
        self._cancel: Callable[[], object] | None = None

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, _: TracebackType | None
    ) -> None:
        if kind is not None:
            self.close()

    def sends(self, cancel: Callable[[], object]) -> None:
        """`cancel` ends the sending. It is called at once if that had to happen meanwhile."""
        self._cancel = cancel
        if self.revoked:
            cancel()

    def close(self) -> None:
        """Over, for whatever reason; harmless twice."""
        self._cancel = None
        self._streams.forget(self)

    def revoke(self) -> None:
        self.revoked = True
        if self._cancel is not None:
            self._cancel()


class OpenStreams:
    def __init__(self, credentials: Credentials, *, per_person: int) -> None:
        self._credentials = credentials
        self._per_person = per_person
        self._open: set[OpenStream] = set()
        self._counts: Counter[str] = Counter()
        self._by_credential: Counter[str] = Counter()
        self._ended = asyncio.Event()

    def __len__(self) -> int:
        return len(self._open)

    def is_open(self, credential_id: str) -> bool:
        return self._by_credential[credential_id] > 0

    def open(self, caller: AnyCaller) -> OpenStream:
        """Raises TooManyStreamsError."""
        holder = caller.owner_id if isinstance(caller, Caller) else caller.credential_id
        if self._counts[holder] >= self._per_person:
            raise TooManyStreamsError(
                f"{self._per_person} answers and pages are open already, which is the most at a"
                " time. Close some of them.",
                retry_after=CHECK_SECONDS,
            )
        stream = OpenStream(holder, caller.credential_id, self)
        self._open.add(stream)
        self._counts[holder] += 1
        self._by_credential[stream.credential_id] += 1
        return stream

    def forget(self, stream: OpenStream) -> None:
        if stream in self._open:
            self._open.discard(stream)
            for counter, key in (
                (self._counts, stream.holder),
                (self._by_credential, stream.credential_id),
            ):
                counter[key] -= 1
                if not counter[key]:
                    del counter[key]

    def something_ended(self) -> None:
        """A credential of this process ended: look at once which streams hung on it."""
        self._ended.set()

    async def check(self) -> None:
        """Close what no good credential stands behind; asks nothing when nothing is open."""
        asked = list(self._open)
        if not asked:
            return
        good = await self._credentials.still_good({stream.credential_id for stream in asked})
        for stream in asked:
            if stream.credential_id not in good:
                stream.revoke()

    async def check_next(self) -> None:
        """Wait two seconds, in which another process may have ended something, or less; check."""
        with suppress(TimeoutError):
            async with asyncio.timeout(CHECK_SECONDS):
                await self._ended.wait()
        self._ended.clear()
        await self.check()

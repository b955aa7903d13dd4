"""A running turn as a numbered list of events: to followers at once, to disk in group commits."""

import asyncio
from collections.abc import AsyncGenerator, Awaitable, Callable, Sequence
from dataclasses import dataclass

import structlog

from backend.chat.events import TurnEvent
from backend.kit.errors import AppError
from backend.kit.schedule import pause
from backend.kit.sse import PING, Waiters, frame

COMMIT_SECONDS = 0.05
_RETRY_SECONDS = 1.0

_log = structlog.get_logger()


@dataclass(frozen=True, slots=True)
class JournalRows:
    """Frames of one turn, numbered `first_number` to `last_number`, for one commit."""

    turn_id: str
    first_number: int
    last_number: int
    frames: bytes


type SaveRows = Callable[[Sequence[JournalRows]], Awaitable[None]]


class Journal:
    """One turn's events. Frames are built once and shared by all followers."""

    def __init__(self, turn_id: str, *, on_append: Callable[["Journal"], None]) -> None:
        self.turn_id = turn_id
        self.closed = False
        self.dirty = False
        self._frames: list[bytes] = []
        self._stored = 0
        self._sealed: list[bytes] = []
        self._waiters = Waiters()
        self._on_append = on_append

    @property
    def follower_count(self) -> int:
        return len(self._waiters)

    def append(self, event: TurnEvent) -> None:
        self._frames.append(frame(len(self._frames) + 1, event, event.type))
        self._waiters.wake()
        self._mark_dirty()

    def seal(self, events: Sequence[TurnEvent]) -> JournalRows:
        """The rows that are not stored yet, ended by `events`, for the turn's last transaction.

        Followers see `events` only after `publish`: an end is told when it is on disk.
        """
        ending = [
            frame(len(self._frames) + 1 + index, event, event.type)
            for index, event in enumerate(events)
        ]
        self._sealed = ending
        return self._rows(self._frames[self._stored :] + ending)

    def unseal(self, rows: JournalRows) -> None:
        """The last transaction failed: `seal` may be called again."""
        self._sealed = []
        self._stored = rows.first_number - 1

    def publish(self) -> None:
        """Give followers the sealed end, and let them go."""
        self._frames += self._sealed
        self.closed = True
        self._waiters.wake()

    def take(self) -> JournalRows | None:
        """The frames since the last commit."""
        self.dirty = False
        if self._stored >= len(self._frames):
            return None
        return self._rows(self._frames[self._stored :])

    def put_back(self, rows: JournalRows) -> None:
        """A commit failed: its frames go into the next one."""
        if not self._sealed:
            self._stored = rows.first_number - 1
            self._mark_dirty()

    def tick(self) -> None:
        self._waiters.wake(news=False)

    def _mark_dirty(self) -> None:
        if not self.dirty:
            self.dirty = True
            self._on_append(self)

    def _rows(self, frames: list[bytes]) -> JournalRows:
        first = self._stored + 1
        self._stored += len(frames)
        return JournalRows(self.turn_id, first, self._stored, b"".join(frames))

    async def follow(self, after: int) -> AsyncGenerator[bytes]:
        """Frames with a number above `after`, then what comes, until the turn has ended."""
        position = max(after, 0)
        while True:
            if position < len(self._frames):
                batch = self._frames[position:]
                position = len(self._frames)
                yield batch[0] if len(batch) == 1 else b"".join(batch)
            elif self.closed:
                return
            elif not await self._waiters.wait():
                yield PING


class JournalWriter:
    """Writes all running journals: one commit at most every COMMIT_SECONDS."""

    def __init__(self, save: SaveRows) -> None:
        self._save = save
        self._dirty: list[Journal] = []
        self._something = asyncio.Event()

    def mark(self, journal: Journal) -> None:
        self._dirty.append(journal)
        self._something.set()

    async def run(self) -> None:
        """Until cancelled. A failed commit is tried again; the turns go on meanwhile."""
        while True:
            await self._something.wait()
            await pause(COMMIT_SECONDS)
            self._something.clear()
            dirty, self._dirty = self._dirty, []
            taken = [(journal, rows) for journal in dirty if (rows := journal.take())]
            try:
                if taken:
                    await self._save([rows for _, rows in taken])
            except AppError as error:
                _log.warning("journal_not_stored", code=error.code, detail=error.detail)
                await pause(_RETRY_SECONDS)
                for journal, rows in taken:
                    journal.put_back(rows)


def frames_after(rows: Sequence[tuple[int, bytes]], after: int) -> bytes:
    """Stored rows (last number, frames; oldest first) without the frames up to `after`."""
    kept = []
    for last_number, frames in rows:
        if last_number <= after:
            continue
        parts = frames.split(b"\n\n")[:-1]
        first = last_number - len(parts) + 1
        kept += parts[max(after + 1 - first, 0) :]
    return b"".join(part + b"\n\n" for part in kept)

"""A running turn as a numbered list of events: to followers at once, to disk in group commits."""

import asyncio
from collections.abc import AsyncGenerator, Awaitable, Callable, Sequence
from dataclasses import dataclass

import orjson
import structlog

from backend.chat.events import TextDelta, TurnEvent
from backend.kit.schedule import pause
from backend.kit.sse import PING, Waiters, frame

COMMIT_SECONDS = 0.1
_RETRY_SECONDS = 1.0
TEXT_FRAME = b'id: %d\nevent: text.delta\ndata: {"text":%b,"type":"text.delta"}\n\n'
"""What `frame` makes of a TextDelta."""

_log = structlog.get_logger()


@dataclass(frozen=True, slots=True)
class JournalRows:
    """Successive frames of one turn for one commit; the last has `last_number`."""

    turn_id: str
    last_number: int
    frames: bytes


type SaveRows = Callable[[Sequence[JournalRows]], Awaitable[None]]


class Journal:
    """One turn's events. Frames are built once and shared by all followers.

    `stored`: the frames that are on disk already, when a turn is taken over.
    """

    def __init__(
        self,
        turn_id: str,
        *,
        on_append: Callable[["Journal"], None],
        stored: Sequence[bytes] = (),
    ) -> None:
        self.turn_id = turn_id
        self.closed = False
        self.dirty = False
        self._frames: list[bytes] = list(stored)
        self._stored = len(self._frames)
        self._sealed: list[bytes] = []
        self._waiters = Waiters()
        self._on_append = on_append

    @property
    def follower_count(self) -> int:
        return len(self._waiters)

    def append(self, event: TurnEvent) -> None:
        number = len(self._frames) + 1
        if type(event) is TextDelta:  # nearly all of them: the same bytes, a third of the time
            self._frames.append(TEXT_FRAME % (number, orjson.dumps(event.text)))
        else:
            self._frames.append(frame(number, event, event.type))
        self._waiters.wake()
        if not self.dirty:
            self._mark_dirty()

    def seal(self, events: Sequence[TurnEvent]) -> JournalRows:
        """What is not known to be stored, ended by `events`, for the turn's last transaction.

        A commit of the writer may still be on its way, so rows may overlap (`frames_after`).
        Followers see `events` only after `publish`: an end is told when it is on disk.
        """
        ending = [
            frame(len(self._frames) + 1 + index, event, event.type)
            for index, event in enumerate(events)
        ]
        self._sealed = ending
        return self._rows(self._frames[self._stored :] + ending)

    def unseal(self) -> None:
        """The last transaction failed: `seal` may be called again."""
        self._sealed = []
        self._mark_dirty()

    def publish(self) -> None:
        """Give followers the sealed end, and let them go."""
        self._frames += self._sealed
        self.closed = True
        self._waiters.wake()

    def take(self) -> JournalRows | None:
        """The frames since the last commit; None too once the last transaction has them."""
        self.dirty = False
        if self._sealed or self._stored >= len(self._frames):
            return None
        return self._rows(self._frames[self._stored :])

    def confirm(self, rows: JournalRows) -> None:
        """A commit is done: its frames are on disk."""
        self._stored = rows.last_number

    def put_back(self) -> None:
        """A commit failed: its frames go into the next one."""
        self._mark_dirty()

    def tick(self) -> None:
        self._waiters.wake(news=False)

    def _mark_dirty(self) -> None:
        if not self.dirty:
            self.dirty = True
            self._on_append(self)

    def _rows(self, frames: list[bytes]) -> JournalRows:
        return JournalRows(self.turn_id, self._stored + len(frames), b"".join(frames))

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
            else:
                waiting = self._waiters.sleep()
                try:
                    if not await waiting:
                        yield PING
                except asyncio.CancelledError:
                    self._waiters.forget(waiting)
                    raise


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
            if not taken:
                continue
            try:
                await self._save([rows for _, rows in taken])
            except Exception:  # noqa: BLE001  # whatever it is, text must not stay in memory alone
                _log.exception("journal_not_stored")
                await pause(_RETRY_SECONDS)
                for journal, _ in taken:
                    journal.put_back()
            else:
                for journal, rows in taken:
                    journal.confirm(rows)


def frames_after(rows: Sequence[tuple[int, bytes]], after: int) -> bytes:
    """Stored rows (last number, frames; oldest first) without the frames up to `after`.

    Rows that overlap give each frame once.
    """
    kept = []
    for last_number, frames in rows:
        if last_number <= after:
            continue
        parts = frames.split(b"\n\n")[:-1]
        first = last_number - len(parts) + 1
        kept += parts[max(after + 1 - first, 0) :]
        after = last_number
    return b"".join(part + b"\n\n" for part in kept)

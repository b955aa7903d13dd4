"""One SQLite file: one writer thread that commits in groups, several readers.

A store hands over plain functions of a connection. Changes that wait at the same time share one
transaction and one flush to disk, so that many running turns cost about as much as one. This is
why the driver of the standard library is used directly: see DECISIONS.md.
"""

import asyncio
import queue
import sqlite3
import threading
import time
from collections.abc import AsyncGenerator, Callable
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, asynccontextmanager, suppress
from pathlib import Path
from typing import Any

from backend.db.in_use import in_use
from backend.db.migrate import migrate
from backend.kit.errors import AppError
from backend.kit.folding import folded

type Connection = sqlite3.Connection
type Row = sqlite3.Row
IntegrityError = sqlite3.IntegrityError

_READERS = 3
_BATCH = 500
_BUSY_SECONDS = 10
_PATIENCE_SECONDS = 0.03
_CHECKPOINT_COMMITS = 200
_CHECKPOINT_PAGES = 8000
"""The log goes into the file when nobody waits, and inside a commit only when it grew this long."""


class StorageError(AppError):
    """The database could not be read or written (disk full, damaged, locked)."""

    code = "storage_failed"
    status = 503


class _Change:
    __slots__ = ("apply", "durable", "error", "future", "loop", "patient", "result")

    def __init__(self, apply: Callable[[Connection], Any], *, durable: bool, patient: bool) -> None:
        self.apply = apply
        self.durable = durable
        self.patient = patient
        self.loop = asyncio.get_running_loop()
        self.future: asyncio.Future[Any] = self.loop.create_future()
        self.result: Any = None
        self.error: Exception | None = None


class Database:
    """Use `open_database`; the constructor does not open anything."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self._changes: queue.SimpleQueue[_Change | None] = queue.SimpleQueue()
        self._writer = threading.Thread(target=self._write_forever, name="database-writer")
        self._local = threading.local()
        self._connections: list[Connection] = []
        self._writing: Connection | None = None
        self._durable: bool | None = None
        self._readers = ThreadPoolExecutor(_READERS, thread_name_prefix="database-reader")
        self._held = ExitStack()

    def open(self) -> None:
        """Migrate, then start. Raises what `open_database` does."""
        with ExitStack() as held:
            held.enter_context(in_use(self.path))
            migrate(self.path)
            self.start()
            self._held = held.pop_all()

    def start(self) -> None:
        """Raises sqlite3.Error here and not in the writer, where nobody would hear it."""
        self._writing = connect(self.path)
        self._writer.start()

    async def write[T](
        self, change: Callable[[Connection], T], *, durable: bool = True, patient: bool = False
    ) -> T:
        """Run `change` in a transaction; returns after the commit.

        Changes of the same moment share the transaction; one that raises is undone alone. Then
        all run a second time, so a change is a plain function of its connection. `durable=False` allows the operating system to lose it in a power cut
        (never in a crash of the process). `patient=True` waits a moment for others to share the
        commit with. Raises StorageError, or what `change` raises.
        """
        job = _Change(change, durable=durable, patient=patient)
        self._changes.put(job)
        result: T = await job.future
        return result

    async def read[T](self, query: Callable[[Connection], T]) -> T:
        """Run `query` on a read-only connection; all it reads is of one moment.

        Raises StorageError, or what it raises.
        """
        return await asyncio.get_running_loop().run_in_executor(self._readers, self._read, query)

    def close(self) -> None:
        """Finish what was handed over, then close. Blocks for as long as a commit takes."""
        self._changes.put(None)
        if self._writer.is_alive():
            self._writer.join()
        self._readers.shutdown()
        for connection in self._connections:
            connection.close()
        self._held.close()

    def _read[T](self, query: Callable[[Connection], T]) -> T:
        connection: Connection | None = getattr(self._local, "connection", None)
        if connection is None:
            connection = connect(self.path)
            self._connections.append(connection)
            connection.execute("PRAGMA query_only = 1")
            self._local.connection = connection
        try:
            connection.execute("BEGIN")
            try:
                return query(connection)
            finally:
                connection.execute("ROLLBACK")
        except sqlite3.IntegrityError:
            raise
        except sqlite3.Error as error:
            raise StorageError(f"The database could not be read: {error}.") from error

    def _write_forever(self) -> None:
        connection = self._writing
        assert connection is not None  # noqa: S101  # see `start`
        try:
            connection.execute(f"PRAGMA wal_autocheckpoint = {_CHECKPOINT_PAGES}")
            commits = 0
            while batch := self._next_batch():
                self._commit(connection, batch)
                _settle(batch)
                commits += 1
                if commits >= _CHECKPOINT_COMMITS and self._changes.empty():
                    commits = 0
                    with suppress(sqlite3.Error):  # tried again later; commits go on without
                        connection.execute("PRAGMA wal_checkpoint(PASSIVE)")
        finally:
            connection.close()

    def _next_batch(self) -> list[_Change]:
        """All changes that wait, at least one; empty when the database is being closed."""
        first = self._changes.get()
        if first is None:
            return []
        batch = [first]
        patient = first.patient
        until = time.monotonic() + _PATIENCE_SECONDS
        with suppress(queue.Empty):
            while len(batch) < _BATCH:
                left = until - time.monotonic() if patient else 0
                change = self._changes.get(timeout=left) if left > 0 else self._changes.get_nowait()
                if change is None:
                    self._changes.put(None)
                    break
                batch.append(change)
                patient = patient and change.patient
        return batch

    def _commit(self, connection: Connection, batch: list[_Change]) -> None:
        try:
            self._set_durable(connection, any(change.durable for change in batch))
            if not _apply_together(connection, batch):
                connection.execute("BEGIN IMMEDIATE")
                for change in batch:
                    _apply_alone(connection, change)
            connection.execute("COMMIT")
        except sqlite3.Error as error:
            if connection.in_transaction:
                connection.execute("ROLLBACK")
            failure = StorageError(f"The change could not be stored: {error}.")
            for change in batch:
                change.error = change.error or failure

    def _set_durable(self, connection: Connection, durable: bool) -> None:
        if durable is not self._durable:
            connection.execute(f"PRAGMA synchronous = {'FULL' if durable else 'NORMAL'}")
            self._durable = durable


def _apply_together(connection: Connection, batch: list[_Change]) -> bool:
    """Apply all and leave the transaction open; False when one failed and nothing is applied.

    Every statement costs the writer the lock of the interpreter, so savepoints are for trouble only.
    """
    connection.execute("BEGIN IMMEDIATE")
    try:
        for change in batch:
            change.result = change.apply(connection)
    except Exception:  # noqa: BLE001  # met again, and handed over, where it is applied alone
        if connection.in_transaction:
            connection.execute("ROLLBACK")
        return False
    return True


def _apply_alone(connection: Connection, change: _Change) -> None:
    connection.execute("SAVEPOINT change")
    try:
        change.result = change.apply(connection)
    except Exception as error:  # noqa: BLE001  # handed to the caller as it is
        connection.execute("ROLLBACK TO change")
        if isinstance(error, sqlite3.Error) and not isinstance(error, sqlite3.IntegrityError):
            error = StorageError(f"The change could not be stored: {error}.")
        change.error = error
    connection.execute("RELEASE change")


def _settle(batch: list[_Change]) -> None:
    """Wake the callers; one call into each event loop, however large the batch."""
    by_loop: dict[asyncio.AbstractEventLoop, list[_Change]] = {}
    for change in batch:
        by_loop.setdefault(change.loop, []).append(change)
    for loop, changes in by_loop.items():
        with suppress(RuntimeError):  # the loop is closed: nobody waits any more
            loop.call_soon_threadsafe(_resolve, changes)


def _resolve(changes: list[_Change]) -> None:
    for change in changes:
        if change.future.done():
            continue
        if change.error is not None:
            change.future.set_exception(change.error)
        else:
            change.future.set_result(change.result)


def connect(path: Path) -> Connection:
    connection = sqlite3.connect(
        path, isolation_level=None, check_same_thread=False, timeout=_BUSY_SECONDS
    )
    connection.row_factory = sqlite3.Row
    connection.create_function("folded", 1, folded, deterministic=True)
    try:
        for pragma in ("foreign_keys = 1", "cache_size = -2000", "temp_store = MEMORY"):
            connection.execute(f"PRAGMA {pragma}")
    except sqlite3.Error:
        connection.close()
        raise
    return connection


def _open(database: Database) -> None:
    database.path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
    database.open()


@asynccontextmanager
async def open_database(path: Path) -> AsyncGenerator[Database]:
    """Create or migrate the file, then serve it. Raises MigrationError, InUseError or OSError."""
    database = Database(path)
    opening = asyncio.ensure_future(asyncio.to_thread(_open, database))
    try:
        await asyncio.shield(opening)
        yield database
    finally:
        await asyncio.wait([opening])  # who is cancelled here leaves a thread that still opens
        await asyncio.to_thread(database.close)

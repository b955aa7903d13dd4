"""One writer with group commit: together on disk, undone alone."""

import asyncio
import sqlite3
import threading

import pytest

from backend.db.database import IntegrityError, StorageError, open_database
from backend.db.migrate import MigrationError
from backend.kit.errors import ConflictError


@pytest.fixture
async def database(tmp_path):
    async with open_database(tmp_path / "state" / "test.db") as opened:
        await opened.write(lambda c: c.execute("CREATE TABLE t (n INTEGER PRIMARY KEY) STRICT"))
        yield opened


def insert(number):
    return lambda c: c.execute("INSERT INTO t VALUES (?)", (number,))


def numbers(connection):
    return [row[0] for row in connection.execute("SELECT n FROM t ORDER BY n")]


class Held:
    """Keeps the writer busy, so that what is handed over meanwhile waits together."""

    def __init__(self, database) -> None:
        self._database = database
        self._started, self._go_on = threading.Event(), threading.Event()

    async def __aenter__(self):
        def hold(_) -> None:
            self._started.set()
            assert self._go_on.wait(5)

        self._holding = asyncio.ensure_future(self._database.write(hold))
        await asyncio.to_thread(self._started.wait, 5)
        return self

    async def __aexit__(self, *_) -> None:
        # Everything that was handed over before this line is in the queue by now.
        self._go_on.set()
        await self._holding


async def _hand_over(*writes):
    tasks = [asyncio.ensure_future(write) for write in writes]
    await asyncio.sleep(0)
    return tasks


async def test_changes_that_wait_together_share_one_transaction(database):
    statements = []
    await database.write(lambda c: c.set_trace_callback(statements.append))
    async with Held(database):
        waiting = await _hand_over(*(database.write(insert(number)) for number in range(50)))
        statements.clear()
    await asyncio.gather(*waiting)
    await database.write(lambda c: c.set_trace_callback(None))
    fifty = statements[statements.index("BEGIN IMMEDIATE") : -1]
    assert sum(one.startswith("INSERT") for one in fifty) == 50
    assert fifty[: fifty.index("COMMIT")].count("BEGIN IMMEDIATE") == 1
    assert sum(one.startswith("INSERT") for one in fifty[: fifty.index("COMMIT")]) == 50
    assert await database.read(numbers) == list(range(50))


async def test_a_change_that_fails_is_undone_alone(database):
    def broken(connection):
        connection.execute("INSERT INTO t VALUES (2)")
        raise ConflictError("No.")

    async with Held(database):
        waiting = await _hand_over(
            database.write(insert(1)),
            database.write(broken),
            database.write(insert(1)),
            database.write(insert(3)),
        )
    results = await asyncio.gather(*waiting, return_exceptions=True)
    assert isinstance(results[1], ConflictError)
    assert isinstance(results[2], IntegrityError)
    assert await database.read(numbers) == [1, 3]


async def test_a_change_is_on_disk_when_its_writer_returns(database):
    await database.write(insert(1))
    connection = sqlite3.connect(database.path)
    try:
        assert numbers(connection) == [1]
    finally:
        connection.close()


@pytest.mark.parametrize(("durable", "level"), [(True, 2), (False, 1)])
async def test_a_durable_change_is_flushed(database, durable, level):
    """2 is FULL: the operating system is asked to write before the commit returns."""
    found = await database.write(
        lambda c: c.execute("PRAGMA synchronous").fetchone()[0], durable=durable
    )
    assert found == level


async def test_one_durable_change_makes_its_whole_transaction_durable(database):
    def level(connection):
        return connection.execute("PRAGMA synchronous").fetchone()[0]

    async with Held(database):
        waiting = await _hand_over(
            database.write(level, durable=False), database.write(level), database.write(level)
        )
    assert await asyncio.gather(*waiting) == [2, 2, 2]


async def test_a_commit_that_fails_is_told_to_all_and_leaves_nothing(database):
    def fill(connection):
        pages = connection.execute("PRAGMA page_count").fetchone()[0]
        connection.execute(f"PRAGMA max_page_count = {pages}").fetchone()

    def too_much(connection):
        connection.execute("CREATE TABLE l (x)")
        connection.execute("INSERT INTO l VALUES (zeroblob(1000000))")

    await database.write(fill)
    with pytest.raises(StorageError) as failed:
        await database.write(too_much)
    assert failed.value.code == "storage_failed"
    assert failed.value.status == 503
    await database.write(lambda c: c.execute("PRAGMA max_page_count = 1000000").fetchone())
    await database.write(insert(7))
    assert await database.read(numbers) == [7]
    assert (
        await database.read(
            lambda c: c.execute("SELECT 1 FROM sqlite_schema WHERE name = 'l'").fetchone()
        )
        is None
    )


async def test_a_query_sees_one_moment_however_many_statements_it_has(database):
    await database.write(insert(1))
    inside, written = threading.Event(), threading.Event()

    def look_twice(connection):
        first = numbers(connection)
        inside.set()
        assert written.wait(5)
        return first, numbers(connection)

    looking = asyncio.ensure_future(database.read(look_twice))
    await asyncio.to_thread(inside.wait, 5)
    await database.write(insert(2))
    written.set()
    assert await looking == ([1], [1])
    assert await database.read(numbers) == [1, 2]


async def test_a_query_cannot_change_anything(database):
    with pytest.raises(StorageError):
        await database.read(insert(1))
    assert await database.read(numbers) == []
    await database.write(insert(1))  # and its reader is not spoilt
    for _ in range(10):
        assert await database.read(numbers) == [1]


async def test_what_was_handed_over_is_finished_before_closing(tmp_path):
    async with open_database(tmp_path / "test.db") as database:
        await database.write(lambda c: c.execute("CREATE TABLE t (n INTEGER) STRICT"))
        async with Held(database):
            waiting = await _hand_over(*(database.write(insert(n)) for n in range(5)))
    await asyncio.gather(*waiting)
    connection = sqlite3.connect(tmp_path / "test.db")
    try:
        assert numbers(connection) == [0, 1, 2, 3, 4]
    finally:
        connection.close()


async def test_a_caller_that_has_gone_does_not_take_the_others_along(database):
    async with Held(database):
        gone, stays = await _hand_over(database.write(insert(1)), database.write(insert(2)))
        gone.cancel()
    await stays
    assert await database.read(numbers) == [1, 2]


async def test_only_its_owner_may_read_the_file(database):
    for path in (database.path, database.path.with_name("test.db-wal")):
        assert path.stat().st_mode & 0o077 == 0
    assert database.path.parent.stat().st_mode & 0o077 == 0


async def test_a_file_that_is_no_database_is_told_in_words(tmp_path):
    (tmp_path / "test.db").write_bytes(b"These are not the rows you are looking for." * 100)
    with pytest.raises(MigrationError, match=r"test\.db"):
        async with open_database(tmp_path / "test.db"):
            pass


async def test_who_is_cancelled_while_it_opens_leaves_nothing_open(tmp_path):
    path = tmp_path / "parlor.db"

    async def opens() -> None:
        async with open_database(path):
            await asyncio.Event().wait()

    for beats in range(4):
        opening = asyncio.ensure_future(opens())
        for _ in range(beats):
            await asyncio.sleep(0)
        opening.cancel()
        with pytest.raises(asyncio.CancelledError):
            await opening
    await asyncio.get_running_loop().shutdown_default_executor()  # where it may still open
    assert "database-writer" not in {thread.name for thread in threading.enumerate()}

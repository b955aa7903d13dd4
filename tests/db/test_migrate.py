"""Schema changes: forward, all or nothing, with a copy of what was there before."""

import re
import sqlite3
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from pathlib import Path

import pytest

import backend
from backend.db.migrate import Migration, MigrationError, migrate, shipped_migrations

FIRST = Migration(1, "first", "CREATE TABLE a (n INTEGER); INSERT INTO a VALUES (1);")
SECOND = Migration(2, "second", "ALTER TABLE a ADD COLUMN m TEXT;\nCREATE TABLE b (n INTEGER);")
BROKEN = Migration(3, "broken", "CREATE TABLE c (n INTEGER);\nINSERT INTO nowhere VALUES (1);")


@pytest.fixture
def path(tmp_path):
    return tmp_path / "test.db"


def ask(path, query):
    with closing(sqlite3.connect(path)) as connection:
        return connection.execute(query).fetchall()


def tables(path):
    return {name for (name,) in ask(path, "SELECT name FROM sqlite_schema WHERE type = 'table'")}


def test_a_fresh_database_gets_every_step_and_no_copy(path):
    assert migrate(path, [FIRST, SECOND]) == [FIRST, SECOND]
    assert {"a", "b"} <= tables(path)
    assert ask(path, "SELECT number, name FROM schema_migrations") == [(1, "first"), (2, "second")]
    assert not list(path.parent.glob("*.before-*"))


def test_the_second_time_nothing_is_done(path):
    migrate(path, [FIRST])
    before = path.read_bytes()
    assert migrate(path, [FIRST]) == []
    assert path.read_bytes() == before
    assert not list(path.parent.glob("*.before-*"))


def test_before_an_existing_database_is_changed_a_copy_is_written(path):
    migrate(path, [FIRST])
    assert migrate(path, [FIRST, SECOND]) == [SECOND]
    copy = path.with_name("test.db.before-0002")
    assert ask(copy, "SELECT * FROM a") == [(1,)]
    assert "b" not in tables(copy)
    assert copy.stat().st_mode & 0o077 == 0


def test_a_step_that_fails_leaves_everything_as_it_was(path):
    migrate(path, [FIRST])
    with pytest.raises(MigrationError, match="0003"):
        migrate(path, [FIRST, SECOND, BROKEN])
    assert {"a", "b"} <= tables(path)  # the step before it was whole
    assert "c" not in tables(path)
    assert ask(path, "SELECT number FROM schema_migrations") == [(1,), (2,)]
    assert ask(path.with_name("test.db.before-0002"), "SELECT * FROM a") == [(1,)]
    mended = Migration(3, "broken", "CREATE TABLE c (n INTEGER);")
    assert migrate(path, [FIRST, SECOND, mended]) == [mended]


def test_a_newer_schema_is_left_alone(path):
    migrate(path, [FIRST, SECOND])
    assert migrate(path, [FIRST]) == []
    assert "b" in tables(path)
    assert ask(path, "SELECT count(*) FROM schema_migrations") == [(2,)]


def test_processes_that_start_at_once_apply_each_step_once(path):
    with ThreadPoolExecutor(8) as pool:
        applied = list(pool.map(lambda _: migrate(path, [FIRST, SECOND]), range(8)))
    assert sorted(map(len, applied)) == [0] * 7 + [2]
    assert ask(path, "SELECT * FROM a") == [(1, None)]


def test_the_shipped_steps_are_numbered_without_a_gap():
    shipped = shipped_migrations()
    assert [step.number for step in shipped] == list(range(1, len(shipped) + 1))


def test_every_insert_names_its_columns():
    """A column that a later release adds must not stop this one, should people go back to it."""
    nameless = re.compile(r'\bINTO\s+\w+[\s"]+(?:VALUES|SELECT)\b')
    sources = Path(backend.__path__[0]).rglob("*.py")
    assert [one.name for one in sources if nameless.search(one.read_text())] == []


def test_the_shipped_schema_is_strict_sound_and_in_wal_mode(path):
    migrate(path)
    assert ask(path, "PRAGMA integrity_check") == [("ok",)]
    assert ask(path, "PRAGMA foreign_key_check") == []
    assert ask(path, "PRAGMA journal_mode") == [("wal",)]
    lax = ask(path, "SELECT name FROM pragma_table_list WHERE type = 'table' AND NOT strict")
    assert [name for (name,) in lax if not name.startswith(("sqlite_", "message_text"))] == []


def test_of_the_copies_the_newest_three_are_kept(path):
    steps = [Migration(n, f"step{n}", f"CREATE TABLE t{n} (n INTEGER);") for n in range(1, 7)]
    for known in range(1, 7):
        migrate(path, steps[:known])
    copies = sorted(copy.name for copy in path.parent.glob("*.before-*"))
    assert copies == ["test.db.before-0004", "test.db.before-0005", "test.db.before-0006"]

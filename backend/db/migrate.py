"""Numbered SQL files, forward only and additive: release N-1 must run on schema N."""

import fcntl
import sqlite3
from collections.abc import Iterator, Sequence
from contextlib import closing, contextmanager
from dataclasses import dataclass
from importlib.resources import files
from pathlib import Path

import structlog

_COPIES = 3

_log = structlog.get_logger()


class MigrationError(Exception):
    """A migration failed; the database is as it was before it, and a copy lies beside it."""


@dataclass(frozen=True, slots=True)
class Migration:
    number: int
    name: str
    sql: str


def shipped_migrations() -> list[Migration]:
    folder = files("backend.db") / "migrations"
    found = []
    for entry in folder.iterdir():
        if entry.name.endswith(".sql"):
            number, _, name = entry.name.removesuffix(".sql").partition("_")
            found.append(Migration(int(number), name, entry.read_text("utf-8")))
    return sorted(found, key=lambda migration: migration.number)


def migrate(path: Path, steps: Sequence[Migration] | None = None) -> list[Migration]:
    """Bring the file to this release's schema; returns what was applied.

    A newer schema is left alone. Before an existing database is changed, a copy is written
    beside it as `<name>.before-NNNN`; the newest three are kept. `steps`: the shipped ones when
    not given. Raises MigrationError, OSError.
    """
    wanted = shipped_migrations() if steps is None else steps
    try:
        with _alone(path), closing(sqlite3.connect(path, isolation_level=None)) as connection:
            path.chmod(0o600)
            return _bring_up(connection, path, wanted)
    except sqlite3.Error as error:
        raise MigrationError(f"The database {path.name} could not be prepared: {error}") from error


@contextmanager
def _alone(path: Path) -> Iterator[None]:
    """Two processes that start at once must not both apply the same step."""
    with path.with_name(f"{path.name}.migrating").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        yield


def _bring_up(
    connection: sqlite3.Connection, path: Path, wanted: Sequence[Migration]
) -> list[Migration]:
    connection.execute("PRAGMA busy_timeout = 30000")
    connection.execute("PRAGMA journal_mode = WAL")
    connection.execute(
        "CREATE TABLE IF NOT EXISTS schema_migrations"
        " (number INTEGER PRIMARY KEY, name TEXT NOT NULL) STRICT"
    )
    done = {row[0] for row in connection.execute("SELECT number FROM schema_migrations")}
    todo = [step for step in wanted if step.number not in done]
    if todo and done:
        _copy(connection, path.with_name(f"{path.name}.before-{todo[0].number:04}"))
        for old in sorted(path.parent.glob(f"{path.name}.before-*"))[:-_COPIES]:
            old.unlink(missing_ok=True)
    for step in todo:
        _apply(connection, step)
    return todo


def _copy(connection: sqlite3.Connection, target: Path) -> None:
    target.unlink(missing_ok=True)
    connection.execute("VACUUM INTO ?", (str(target),))
    target.chmod(0o600)
    _log.info("database_copied", file=target.name)


def _apply(connection: sqlite3.Connection, step: Migration) -> None:
    try:
        connection.executescript(f"BEGIN IMMEDIATE;\n{step.sql}")
        connection.execute(
            "INSERT INTO schema_migrations (number, name) VALUES (?, ?)", (step.number, step.name)
        )
        connection.execute("COMMIT")
    except sqlite3.Error as error:
        if connection.in_transaction:
            connection.execute("ROLLBACK")
        raise MigrationError(f"Migration {step.number:04} ({step.name}) failed: {error}") from error
    _log.info("migrated", number=step.number, name=step.name)

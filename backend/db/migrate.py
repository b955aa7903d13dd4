"""Numbered SQL files, forward only and additive: release N-1 must run on schema N."""

import sqlite3
from contextlib import closing
from dataclasses import dataclass
from importlib.resources import files
from pathlib import Path

import structlog

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


def migrate(path: Path) -> list[Migration]:
    """Bring the file to this release's schema; returns what was applied.

    A newer schema is left alone. Before an existing database is changed, a copy is written
    beside it as `<name>.before-NNNN`. Raises MigrationError.
    """
    with closing(sqlite3.connect(path, isolation_level=None, timeout=30)) as connection:
        path.chmod(0o600)
        connection.execute("PRAGMA journal_mode = WAL")
        connection.execute(
            "CREATE TABLE IF NOT EXISTS schema_migrations"
            " (number INTEGER PRIMARY KEY, name TEXT NOT NULL) STRICT"
        )
        done = {row[0] for row in connection.execute("SELECT number FROM schema_migrations")}
        todo = [step for step in shipped_migrations() if step.number not in done]
        if todo and done:
            _copy(connection, path.with_name(f"{path.name}.before-{todo[0].number:04}"))
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
        connection.execute("INSERT INTO schema_migrations VALUES (?, ?)", (step.number, step.name))
        connection.execute("COMMIT")
    except sqlite3.Error as error:
        if connection.in_transaction:
            connection.execute("ROLLBACK")
        raise MigrationError(f"Migration {step.number:04} ({step.name}) failed: {error}") from error
    _log.info("migrated", number=step.number, name=step.name)

"""The whole database as one file: copied while it is in use, and examined."""

import sqlite3
from collections.abc import Sequence
from contextlib import closing
from pathlib import Path

from backend.db.database import StorageError, connect


def copy_database(source: Path, target: Path) -> None:
    """One moment of the database, without what was deleted from it. Writers go on meanwhile.

    `target` must not exist. Raises StorageError.
    """
    try:
        with closing(connect(source)) as connection:
            connection.execute("VACUUM INTO ?", (str(target),))
    except sqlite3.Error as error:
        raise StorageError(f"{source} could not be copied: {error}.") from error
    target.chmod(0o600)


def examine(path: Path) -> int:
    """Number of its schema. Raises StorageError when the file is damaged or no database of ours.

    For a file that nobody has open: the check reads all of it, and leaves nothing beside it.
    """
    try:
        with closing(sqlite3.connect(f"{path.absolute().as_uri()}?immutable=1", uri=True)) as file:
            verdict = file.execute("PRAGMA quick_check(1)").fetchone()[0]
            number = file.execute("SELECT max(number) FROM schema_migrations").fetchone()[0]
    except sqlite3.Error as error:
        raise StorageError(f"{path} is not a database of Parlor: {error}.") from error
    if verdict != "ok":
        raise StorageError(f"{path} is damaged: {verdict}.")
    return int(number or 0)


def count_rows(path: Path, tables: Sequence[str]) -> dict[str, int]:
    """Of a file that nobody has open. `tables`: names of ours. Raises StorageError."""
    try:
        with closing(sqlite3.connect(f"{path.absolute().as_uri()}?immutable=1", uri=True)) as file:
            return {
                table: int(file.execute(f"SELECT count(*) FROM {table}").fetchone()[0])  # noqa: S608
                for table in tables
            }
    except sqlite3.Error as error:
        raise StorageError(f"{path} is not a database of Parlor: {error}.") from error

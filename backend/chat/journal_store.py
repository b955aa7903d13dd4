"""The journal's rows in SQLite."""

from collections.abc import Sequence
from functools import cache
from itertools import batched

from backend.chat.journal import JournalRows, frames_after
from backend.db.database import Connection

_ROWS_A_STATEMENT = 40
_ROW = "(?, ?, ?)"
_INSERT = """
    WITH row (id, last_number, frames) AS (VALUES (?, ?, ?))
    INSERT INTO journal (turn, last_number, frames)
    SELECT turns.number, row.last_number, row.frames FROM row CROSS JOIN turns USING (id)
"""
"""A turn whose conversation was deleted meanwhile has nothing to belong to any more."""


def insert_journal(connection: Connection, rows: Sequence[JournalRows]) -> None:
    """Many rows a statement: with `executemany` the writer thread would take the interpreter's
    lock anew for each row, which costs ten times what SQLite needs for it."""
    for some in batched(rows, _ROWS_A_STATEMENT, strict=False):
        values = [value for row in some for value in (row.turn_id, row.last_number, row.frames)]
        connection.execute(_insert(len(some)), values)


@cache
def _insert(count: int) -> str:
    return _INSERT.replace(_ROW, ", ".join([_ROW] * count))


def read_frames(connection: Connection, turn_id: str, after: int) -> bytes:
    """The stored frames of a turn with a number above `after`."""
    rows = connection.execute(
        "SELECT last_number, frames FROM journal"
        " WHERE turn = (SELECT number FROM turns WHERE id = ?) AND last_number > ?"
        " ORDER BY last_number",
        (turn_id, after),
    )
    return frames_after([(row[0], row[1]) for row in rows], after)

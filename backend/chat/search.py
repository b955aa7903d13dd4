"""Full-text search: what is found, and what a person types to find it."""

from collections.abc import Sequence

from backend.db.database import Connection

_TEXT = "(?, ?)"
_INDEX = """
    WITH said (id, text) AS (VALUES (?, ?))
    INSERT OR REPLACE INTO message_text (rowid, text)
    SELECT messages.number, said.text FROM said CROSS JOIN messages USING (id)
"""


def as_match(text: str) -> str:
    """Every word must occur; the last one may be unfinished. Never FTS5 syntax."""
    words = [word.replace('"', '""') for word in text.split()]
    return " ".join(f'"{word}"' for word in words) + ("*" if words else "")


def as_any_match(text: str) -> str:
    """One of the words must occur; how many do is the ranking's business."""
    words = [word.replace('"', '""') for word in text.split()]
    return " OR ".join(f'"{word}"' for word in words)


def index_texts(connection: Connection, texts: Sequence[tuple[str, str]]) -> None:
    """Make messages (id, text) findable by their text; one that does not exist is left out."""
    if texts:
        connection.execute(
            _INDEX.replace(_TEXT, ", ".join([_TEXT] * len(texts))),
            [value for message in texts for value in message],
        )

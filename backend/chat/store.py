"""Conversations, their messages and turns in SQLite. Everything is checked against its owner."""

from collections.abc import Sequence

import orjson

from backend.chat.journal import JournalRows
from backend.chat.journal_store import insert_journal, read_frames
from backend.chat.records import (
    Conversation,
    ConversationChange,
    ConversationPage,
    ConversationSummary,
    Turn,
)
from backend.chat.rows import (
    SUMMARY,
    conversation_row,
    deepest,
    load,
    message_row,
    read_turn,
    summary_from,
)
from backend.chat.search import excerpts, newest_with
from backend.db.database import Connection, Database, Row
from backend.kit.clock import Clock, to_millis
from backend.kit.errors import InvalidInputError
from backend.kit.folding import folded

_SETTERS = {
    "title": "UPDATE conversations SET title = ? WHERE id = ?",
    "title_source": "UPDATE conversations SET title_source = ? WHERE id = ?",
    "model": "UPDATE conversations SET model = ? WHERE id = ?",
    "system_prompt": "UPDATE conversations SET system_prompt = ? WHERE id = ?",
    "pinned": "UPDATE conversations SET pinned = ? WHERE id = ?",
    "archived": "UPDATE conversations SET archived = ? WHERE id = ?",
    "metadata": "UPDATE conversations SET metadata = ? WHERE id = ?",
    "leaf_id": "UPDATE conversations SET leaf_id = ? WHERE id = ?",
}
_FOUND = """(
    c.id IN (SELECT value FROM json_each(?))
    OR NOT EXISTS (SELECT 1 FROM json_each(?) WHERE NOT instr(folded(c.title), value))
)"""
_SUBTREE = """
    WITH RECURSIVE below (id) AS (
        SELECT ? UNION ALL SELECT m.id FROM below JOIN messages m ON m.parent_id = below.id
    )
    SELECT id FROM below
"""


class ConversationStore:
    def __init__(self, database: Database, clock: Clock) -> None:
        self._database = database
        self._clock = clock

    async def create(
        self,
        owner_id: str,
        conversation_id: str,
        *,
        change: ConversationChange,
        system_prompt: str | None,
    ) -> Conversation:
        now = to_millis(self._clock.now())

        def insert(connection: Connection) -> Conversation:
            connection.execute(
                "INSERT INTO conversations (id, owner_id, title, title_source, model,"
                " system_prompt, metadata, pinned, archived, created_at, updated_at)"
                " VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)",
                (
                    conversation_id,
                    owner_id,
                    change.title,
                    "person" if change.title else "auto",
                    change.model,
                    system_prompt,
                    change.metadata.model_dump_json(exclude_none=True),
                    change.pinned,
                    change.archived,
                    now,
                    now,
                ),
            )
            return load(connection, owner_id, conversation_id)

        return await self._database.write(insert)

    async def page(
        self, owner_id: str, *, limit: int, cursor: str | None, search: str | None, archived: bool
    ) -> ConversationPage:
        """Pinned first, then newest activity; the cursor is opaque. Raises InvalidInputError."""
        after = _read_cursor(cursor) if cursor else ()

        def select(connection: Connection) -> ConversationPage:
            conditions, values = ["c.owner_id = ?", "c.archived = ?"], [owner_id, int(archived)]
            newest = newest_with(connection, search) if search else {}
            if search:
                conditions.append(_FOUND)
                words = folded(search).split() or [search]  # accents alone fold to nothing
                values += [orjson.dumps(some).decode() for some in (list(newest), words)]
            if after:
                conditions.append("(c.pinned, c.updated_at, c.id) < (?, ?, ?)")
                values += after
            query = (
                f"{SUMMARY} WHERE {' AND '.join(conditions)}"
                " ORDER BY c.pinned DESC, c.updated_at DESC, c.id DESC LIMIT ?"
            )
            rows = connection.execute(query, [*values, limit + 1]).fetchall()
            more, rows = len(rows) > limit, rows[:limit]
            shown = {row["id"]: newest[row["id"]] for row in rows if row["id"] in newest}
            return ConversationPage(
                conversations=[summary_from(row) for row in rows],
                next_cursor=_write_cursor(rows[-1]) if more else None,
                excerpts=excerpts(connection, search, shown) if search else {},
            )

        return await self._database.read(select)

    async def get(self, owner_id: str, conversation_id: str) -> Conversation:
        return await self._database.read(lambda c: load(c, owner_id, conversation_id))

    async def summary(self, owner_id: str, conversation_id: str) -> ConversationSummary:
        return await self._database.read(
            lambda c: summary_from(conversation_row(c, owner_id, conversation_id))
        )

    async def update(
        self, owner_id: str, conversation_id: str, change: ConversationChange
    ) -> ConversationSummary:
        def apply(connection: Connection) -> ConversationSummary:
            conversation_row(connection, owner_id, conversation_id)
            given = change.model_dump(exclude_unset=True)
            if "title" in given:
                given["title_source"] = "person"
            if "metadata" in given:
                given["metadata"] = change.metadata.model_dump_json(exclude_none=True)
            if leaf_id := given.pop("leaf_id", None):
                leaf = message_row(connection, conversation_id, leaf_id)
                given["leaf_id"] = deepest(connection, leaf)
            for name, value in given.items():
                connection.execute(_SETTERS[name], (value, conversation_id))
            return summary_from(conversation_row(connection, owner_id, conversation_id))

        return await self._database.write(apply)

    async def delete(self, owner_id: str, conversation_id: str) -> None:
        def apply(connection: Connection) -> None:
            conversation_row(connection, owner_id, conversation_id)
            _delete_messages(
                connection, "SELECT id FROM messages WHERE conversation_id = ?", conversation_id
            )
            connection.execute("DELETE FROM conversations WHERE id = ?", (conversation_id,))

        await self._database.write(apply)

    async def check_message(self, owner_id: str, conversation_id: str, message_id: str) -> None:
        """Raises NotFoundError when it is not there, or not this owner's."""

        def check(connection: Connection) -> None:
            conversation_row(connection, owner_id, conversation_id)
            message_row(connection, conversation_id, message_id)

        await self._database.read(check)

    async def delete_message(self, owner_id: str, conversation_id: str, message_id: str) -> None:
        """Delete a message and all that follows it; the shown branch moves to what is left."""

        def apply(connection: Connection) -> None:
            leaf = conversation_row(connection, owner_id, conversation_id)["leaf_id"]
            parent = message_row(connection, conversation_id, message_id)["parent_id"]
            _delete_messages(connection, _SUBTREE, message_id)
            if connection.execute("SELECT 1 FROM messages WHERE id = ?", (leaf,)).fetchone():
                return
            row = connection.execute(
                "SELECT * FROM messages WHERE conversation_id = ? AND (id = ? OR ? IS NULL)"
                " ORDER BY (parent_id IS NULL) DESC, number DESC LIMIT 1",
                (conversation_id, parent, parent),
            ).fetchone()
            connection.execute(
                "UPDATE conversations SET leaf_id = ? WHERE id = ?",
                (deepest(connection, row) if row else None, conversation_id),
            )

        await self._database.write(apply)

    async def turn(self, owner_id: str, turn_id: str) -> Turn:
        return await self._database.read(lambda c: read_turn(c, turn_id, owner_id))

    async def frames(self, turn_id: str, after: int) -> bytes:
        """The stored frames of a turn with a number above `after`."""

        return await self._database.read(lambda c: read_frames(c, turn_id, after))

    async def save_journal(self, rows: Sequence[JournalRows]) -> None:
        await self._database.write(lambda c: insert_journal(c, rows), durable=False)


def delete_conversations(connection: Connection, owner_id: str) -> None:
    """All of a person's, before the person is deleted; see `_delete_messages`."""
    _delete_messages(
        connection,
        "SELECT m.id FROM messages m JOIN conversations c ON c.id = m.conversation_id"
        " WHERE c.owner_id = ?",
        owner_id,
    )
    connection.execute("DELETE FROM conversations WHERE owner_id = ?", (owner_id,))


def _delete_messages(connection: Connection, which: str, value: str) -> None:
    """Delete all messages of a query for ids."""
    ids = [(row[0],) for row in connection.execute(which, (value,))]
    # Detached first: SQLite follows a chain of cascading deletes for a thousand messages only.
    connection.executemany("UPDATE messages SET parent_id = NULL WHERE id = ?", ids)
    connection.executemany("DELETE FROM messages WHERE id = ?", ids)


def _write_cursor(row: Row) -> str:
    return f"{row['pinned']}.{row['updated_at']}.{row['id']}"


def _read_cursor(cursor: str) -> tuple[int, int, str]:
    pinned, _, rest = cursor.partition(".")
    updated, _, last_id = rest.partition(".")
    if not (pinned in ("0", "1") and updated.isascii() and updated.isdigit() and len(updated) < 16):
        raise InvalidInputError("The cursor is not one that this server gave out.")
    return int(pinned), int(updated), last_id

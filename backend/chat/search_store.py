"""What a model may find and read of a person's conversations: their own, and not the branch that it
is answering in, which it has before it."""

from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import datetime

from backend.chat.rows import conversation_row, deepest, message_row
from backend.chat.search import as_any_match, as_match
from backend.db.database import Connection, Database, Row
from backend.kit.clock import from_millis

_HITS_SHOWN = 3

_HITS = """
    WITH RECURSIVE branch (id, parent_id) AS (
        SELECT m.id, m.parent_id FROM turns t JOIN messages m ON m.id IN (t.parent_id, t.message_id)
        WHERE t.id = :turn AND t.owner_id = :owner
        UNION
        SELECT m.id, m.parent_id FROM branch b JOIN messages m ON m.id = b.parent_id
    )
    SELECT c.id AS conversation_id, c.title, c.updated_at, m.id, m.role, m.created_at,
           snippet(message_text, 0, '', '', ' … ', 40) AS text
    FROM message_text f JOIN messages m ON m.number = f.rowid
        JOIN conversations c ON c.id = m.conversation_id
    WHERE message_text MATCH :match AND c.owner_id = :owner AND m.id NOT IN (SELECT id FROM branch)
    ORDER BY f.rank LIMIT 60
"""
_LATEST = """
    SELECT id AS conversation_id, title, updated_at FROM conversations
    WHERE owner_id = :owner AND id <> :here ORDER BY updated_at DESC, id DESC LIMIT :limit
"""
_READ = """
    WITH RECURSIVE path (id, parent_id, number, role, created_at, depth) AS (
        SELECT id, parent_id, number, role, created_at, 0 FROM messages WHERE id = ?
        UNION ALL
        SELECT m.id, m.parent_id, m.number, m.role, m.created_at, depth + 1
        FROM path JOIN messages m ON m.id = path.parent_id
    )
    SELECT path.id, role, created_at, coalesce(f.text, '') AS text
    FROM path LEFT JOIN message_text f ON f.rowid = path.number ORDER BY depth DESC
"""


@dataclass(frozen=True, slots=True)
class Said:
    """A message, or the part of it that fits a search."""

    message_id: str
    role: str
    at: datetime
    text: str


@dataclass(frozen=True, slots=True)
class FoundChat:
    conversation_id: str
    title: str
    updated_at: datetime
    said: list[Said] = field(default_factory=list)


@dataclass(frozen=True, slots=True)
class Asking:
    """On whose behalf, and from where: empty outside of a conversation."""

    owner_id: str
    conversation_id: str = ""
    turn_id: str = ""


class ChatSearch:
    def __init__(self, database: Database) -> None:
        self._database = database

    async def latest(self, asking: Asking, limit: int) -> list[FoundChat]:
        values = {"owner": asking.owner_id, "here": asking.conversation_id, "limit": limit}
        return await self._database.read(
            lambda c: [_chat(row) for row in c.execute(_LATEST, values)]
        )

    async def find(self, asking: Asking, text: str, limit: int) -> list[FoundChat]:
        """Best first. Where no message has all the words, one that has some of them will do."""

        def select(connection: Connection) -> list[FoundChat]:
            for match in (as_match(text), as_any_match(text)):
                values = {"match": match, "owner": asking.owner_id, "turn": asking.turn_id}
                if rows := connection.execute(_HITS, values).fetchall():
                    return _by_chat(rows)[:limit]
            return []

        return await self._database.read(select)

    async def read(self, asking: Asking, conversation_id: str, message_id: str) -> FoundChat:
        """The branch that is shown, or the one with that message. Raises NotFoundError."""

        def select(connection: Connection) -> FoundChat:
            row = conversation_row(connection, asking.owner_id, conversation_id)
            leaf = row["leaf_id"]
            if message_id:
                leaf = deepest(connection, message_row(connection, conversation_id, message_id))
            chat = FoundChat(row["id"], row["title"], from_millis(row["updated_at"]))
            chat.said.extend(_said(one) for one in connection.execute(_READ, (leaf,)))
            return chat

        return await self._database.read(select)


def _by_chat(rows: Iterable[Row]) -> list[FoundChat]:
    chats: dict[str, FoundChat] = {}
    for row in rows:
        chat = chats.setdefault(row["conversation_id"], _chat(row))
        if len(chat.said) < _HITS_SHOWN:
            chat.said.append(_said(row))
    return list(chats.values())


def _chat(row: Row) -> FoundChat:
    return FoundChat(row["conversation_id"], row["title"], from_millis(row["updated_at"]))


def _said(row: Row) -> Said:
    return Said(row["id"], row["role"], from_millis(row["created_at"]), row["text"])

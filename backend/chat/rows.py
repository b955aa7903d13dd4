"""What stands in the database of conversations, messages and turns, as records."""

import orjson

from backend.chat.records import (
    Conversation,
    ConversationMetadata,
    ConversationSummary,
    Message,
    Problem,
    Turn,
    stored_parts,
)
from backend.db.database import Connection, Row
from backend.kit.clock import from_millis
from backend.kit.errors import NotFoundError
from backend.messages import Usage

SUMMARY = """
    SELECT c.id, c.title, c.title_source, c.model, c.pinned, c.archived, c.created_at,
           c.updated_at, c.system_prompt, c.leaf_id, c.metadata,
           (SELECT t.id FROM turns t WHERE t.conversation_id = c.id AND t.status = 'running')
               AS running_turn_id
    FROM conversations c
"""


class ConversationNotFoundError(NotFoundError):
    def __init__(self) -> None:
        super().__init__("There is no such conversation.")


def conversation_row(connection: Connection, owner_id: str, conversation_id: str) -> Row:
    row: Row | None = connection.execute(
        f"{SUMMARY} WHERE c.id = ? AND c.owner_id = ?", (conversation_id, owner_id)
    ).fetchone()
    if row is None:
        raise ConversationNotFoundError
    return row


def message_row(connection: Connection, conversation_id: str, message_id: str) -> Row:
    row: Row | None = connection.execute(
        "SELECT * FROM messages WHERE id = ? AND conversation_id = ?",
        (message_id, conversation_id),
    ).fetchone()
    if row is None:
        raise NotFoundError("There is no such message in this conversation.")
    return row


def read_turn(connection: Connection, turn_id: str, owner_id: str) -> Turn:
    row = connection.execute(
        "SELECT * FROM turns WHERE id = ? AND owner_id = ?", (turn_id, owner_id)
    ).fetchone()
    if row is None:
        raise NotFoundError("There is no such turn.")
    return turn_from(row)


def deepest(connection: Connection, row: Row) -> str:
    """The end of the newest branch below a message."""
    found: str = connection.execute(
        "WITH RECURSIVE below (id, number) AS (SELECT ?1, ?2 UNION ALL"
        " SELECT m.id, m.number FROM below JOIN messages m ON m.number ="
        " (SELECT max(number) FROM messages WHERE parent_id = below.id))"
        " SELECT id FROM below ORDER BY number DESC LIMIT 1",
        (row["id"], row["number"]),
    ).fetchone()[0]
    return found


def turn_from(row: Row) -> Turn:
    values = {name: row[name] for name in Turn.model_fields}
    values["created_at"] = from_millis(row["created_at"])
    values["finished_at"] = row["finished_at"] and from_millis(row["finished_at"])
    return Turn(**values)


def load(connection: Connection, owner_id: str, conversation_id: str) -> Conversation:
    row = conversation_row(connection, owner_id, conversation_id)
    messages = connection.execute(
        "SELECT * FROM messages WHERE conversation_id = ? ORDER BY number", (conversation_id,)
    )
    return Conversation(
        **summary_from(row).model_dump(),
        system_prompt=row["system_prompt"],
        metadata=ConversationMetadata.model_validate_json(row["metadata"]),
        leaf_id=row["leaf_id"],
        messages=[_message(message) for message in messages],
    )


def summary_from(row: Row) -> ConversationSummary:
    return ConversationSummary(
        id=row["id"],
        title=row["title"],
        title_source=row["title_source"],
        model=row["model"],
        pinned=bool(row["pinned"]),
        archived=bool(row["archived"]),
        created_at=from_millis(row["created_at"]),
        updated_at=from_millis(row["updated_at"]),
        running_turn_id=row["running_turn_id"],
    )


def _message(row: Row) -> Message:
    return Message(
        id=row["id"],
        parent_id=row["parent_id"],
        role=row["role"],
        parts=stored_parts(row["parts"]),
        status=row["status"],
        error=row["error"] and Problem.model_validate_json(row["error"]),
        notices=[Problem(**notice) for notice in orjson.loads(row["notices"])],
        model=row["model"],
        usage=row["usage"] and Usage.model_validate_json(row["usage"]),
        finish_reason=row["finish_reason"],
        turn_id=row["turn_id"],
        created_at=from_millis(row["created_at"]),
    )

"""Beginning a turn: the person's message, the running turn and the way to the root, at once."""

from dataclasses import dataclass

import orjson

from backend.chat.events import TurnKind
from backend.chat.records import (
    PARTS,
    STEP_REASONING,
    ConversationSummary,
    Part,
    PathMessage,
    TextPart,
    Turn,
)
from backend.chat.store import (
    conversation_row,
    index_text,
    message_row,
    read_turn,
    summary_from,
    turn_from,
)
from backend.chat.titles import title_from
from backend.db.database import Connection, Row
from backend.kit.errors import ConflictError, InvalidInputError

_PATH = """
    WITH RECURSIVE path (id, parent_id, role, parts, reasoning_details, depth) AS (
        SELECT id, parent_id, role, parts, reasoning_details, 0 FROM messages WHERE id = ?
        UNION ALL
        SELECT m.id, m.parent_id, m.role, m.parts, m.reasoning_details, depth + 1
        FROM path JOIN messages m ON m.id = path.parent_id
    )
    SELECT role, parts, reasoning_details FROM path ORDER BY depth DESC
"""


class TurnRunningError(ConflictError):
    code = "turn_running"

    def __init__(self) -> None:
        super().__init__("An answer is still being written in this conversation.")


@dataclass(frozen=True, slots=True)
class EarlierMessage:
    """A message that a new conversation brings along."""

    role: str
    text: str


@dataclass(frozen=True, slots=True)
class TurnOrder:
    """What to begin. The ids are made by the caller, so that a retry writes the same rows."""

    owner_id: str
    kind: TurnKind
    turn_id: str
    message_id: str
    model: str | None
    default_model: str
    conversation_id: str
    is_new: bool = False
    system_prompt: str | None = None
    earlier: tuple[EarlierMessage, ...] = ()
    user_message_id: str = ""
    text: str = ""
    client_message_id: str | None = None
    parent_id: str | None = None
    edit_of: str | None = None
    target_id: str = ""
    """The message to regenerate or to continue."""


@dataclass(frozen=True, slots=True)
class BegunTurn:
    """`before`: what a message that is continued holds already. `repeated`: this client message
    began that turn earlier; nothing was written."""

    turn: Turn
    conversation: ConversationSummary
    system_prompt: str | None
    path: list[PathMessage]
    before: list[Part]
    repeated: bool = False


def begin(connection: Connection, order: TurnOrder, now: int) -> BegunTurn:
    if repeated := _repeated(connection, order):
        return repeated
    model = order.model or order.default_model
    if order.is_new:
        leaf = _insert_conversation(connection, order, now)
        system_prompt = order.system_prompt
    else:
        row = conversation_row(connection, order.owner_id, order.conversation_id)
        if row["running_turn_id"]:
            raise TurnRunningError
        leaf, system_prompt = row["leaf_id"], row["system_prompt"]
        model = order.model or row["model"] or order.default_model
    before: list[Part] = []
    if order.kind == "send":
        parent_id = _insert_user_message(connection, order, leaf, now)
        message_id = order.message_id
    else:
        target = message_row(connection, order.conversation_id, order.target_id)
        parent_id, message_id = _answered_again(order, target)
        if order.kind == "continue":
            before = PARTS.validate_json(target["parts"])
    connection.execute(
        "INSERT INTO turns (id, owner_id, conversation_id, client_message_id, parent_id,"
        " message_id, kind, status, model, created_at) VALUES (?, ?, ?, ?, ?, ?, ?, 'running', ?, ?)",
        (
            order.turn_id,
            order.owner_id,
            order.conversation_id,
            order.client_message_id,
            parent_id,
            message_id,
            order.kind,
            model,
            now,
        ),
    )
    connection.execute(
        "UPDATE conversations SET leaf_id = ?, model = ?, updated_at = ?,"
        " title = CASE WHEN title = '' AND title_source = 'auto' THEN ? ELSE title END WHERE id = ?",
        (
            message_id if order.kind == "continue" else parent_id,
            model,
            now,
            title_from(order.earlier[0].text if order.earlier else order.text),
            order.conversation_id,
        ),
    )
    end_of_path = message_id if order.kind == "continue" else parent_id
    return BegunTurn(
        turn=read_turn(connection, order.turn_id, order.owner_id),
        conversation=summary_from(
            conversation_row(connection, order.owner_id, order.conversation_id)
        ),
        system_prompt=system_prompt,
        path=[_path_message(row) for row in connection.execute(_PATH, (end_of_path,))],
        before=before,
    )


def _repeated(connection: Connection, order: TurnOrder) -> BegunTurn | None:
    if order.client_message_id is None:
        return None
    row = connection.execute(
        "SELECT * FROM turns WHERE owner_id = ? AND client_message_id = ?",
        (order.owner_id, order.client_message_id),
    ).fetchone()
    if row is None:
        return None
    turn = turn_from(row)
    conversation = conversation_row(connection, order.owner_id, turn.conversation_id)
    return BegunTurn(turn, summary_from(conversation), None, [], [], repeated=True)


def _insert_conversation(connection: Connection, order: TurnOrder, now: int) -> str | None:
    """Insert the conversation with what it brings along; returns the last message's id."""
    connection.execute(
        "INSERT INTO conversations (id, owner_id, title, title_source, model, system_prompt,"
        " created_at, updated_at) VALUES (?, ?, '', 'auto', ?, ?, ?, ?)",
        (order.conversation_id, order.owner_id, order.model, order.system_prompt, now, now),
    )
    leaf = None
    for index, message in enumerate(order.earlier):
        message_id = f"{order.user_message_id}_{index}"
        _insert_message(
            connection, message_id, order.conversation_id, leaf, message.role, message.text, now
        )
        leaf = message_id
    return leaf


def _insert_user_message(
    connection: Connection, order: TurnOrder, leaf: str | None, now: int
) -> str:
    parent = leaf
    if order.edit_of:
        edited = message_row(connection, order.conversation_id, order.edit_of)
        if edited["role"] != "user":
            raise InvalidInputError("Only a message of your own can be edited.")
        parent = edited["parent_id"]
    elif order.parent_id:
        parent = message_row(connection, order.conversation_id, order.parent_id)["id"]
    _insert_message(
        connection, order.user_message_id, order.conversation_id, parent, "user", order.text, now
    )
    return order.user_message_id


def _insert_message(  # noqa: PLR0913  # the columns of a row
    connection: Connection,
    message_id: str,
    conversation_id: str,
    parent_id: str | None,
    role: str,
    text: str,
    now: int,
) -> None:
    parts: list[Part] = [TextPart(text)]
    inserted = connection.execute(
        "INSERT INTO messages (id, conversation_id, parent_id, role, status, parts, created_at)"
        " VALUES (?, ?, ?, ?, 'complete', ?, ?)",
        (message_id, conversation_id, parent_id, role, orjson.dumps(parts).decode(), now),
    )
    index_text(connection, inserted.lastrowid or 0, parts)


def _answered_again(order: TurnOrder, target: Row) -> tuple[str, str]:
    """(question, answer) ids of a regenerate or continue order."""
    is_answer = target["role"] == "assistant"
    if order.kind == "continue":
        ended_early = target["status"] != "complete" or target["finish_reason"] not in (
            None,
            "stop",
        )
        if not (is_answer and ended_early):
            raise InvalidInputError("Only an answer that was cut short can be continued.")
        return target["parent_id"], target["id"]
    if is_answer and target["parent_id"] is None:
        raise InvalidInputError("There is no question above this answer.")
    return (target["parent_id"] if is_answer else target["id"]), order.message_id


def _path_message(row: Row) -> PathMessage:
    stored = row["reasoning_details"]
    return PathMessage(
        role=row["role"],
        parts=PARTS.validate_json(row["parts"]),
        reasoning=tuple(STEP_REASONING.validate_json(stored)) if stored else (),
    )

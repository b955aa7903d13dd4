"""Beginning a turn: the person's message, the running turn and the way to the root, at once."""

from dataclasses import dataclass
from typing import Literal

import orjson

from backend.chat.events import TurnKind
from backend.chat.records import (
    NO_METADATA,
    PARTS,
    STEP_REASONING,
    ConversationMetadata,
    ConversationSummary,
    Part,
    PathMessage,
    TextPart,
    Turn,
)
from backend.chat.search import index_texts
from backend.chat.store import (
    conversation_row,
    message_row,
    summary_from,
    turn_from,
)
from backend.chat.titles import title_from
from backend.db.database import Connection, Row
from backend.kit.clock import from_millis
from backend.kit.errors import ConflictError, InvalidInputError
from backend.toolbox.context import Client

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

    role: Literal["user", "assistant"]
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
    metadata: ConversationMetadata = NO_METADATA
    earlier: tuple[EarlierMessage, ...] = ()
    user_message_id: str = ""
    text: str = ""
    client_message_id: str | None = None
    parent_id: str | None = None
    edit_of: str | None = None
    target_id: str = ""
    """The message to regenerate or to continue."""
    client: Client = "chat"
    """The surface it is asked on."""


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


@dataclass(frozen=True, slots=True)
class _Place:
    """Where a turn belongs, and what the model is shown."""

    conversation: ConversationSummary
    system_prompt: str | None
    question_id: str
    answer_id: str
    path: list[PathMessage]
    before: list[Part]


def begin(connection: Connection, order: TurnOrder, now: int) -> BegunTurn:
    """Before the first token few statements run, and nothing is read back that is known.

    A client message that began a turn earlier is not looked up: it ends in an IntegrityError or,
    as its conversation has gone on since, in some AppError. See `begun_before`.
    """
    place = (_found if order.is_new else _join)(connection, order, now)
    turn = Turn(
        id=order.turn_id,
        conversation_id=order.conversation_id,
        parent_id=place.question_id,
        message_id=place.answer_id,
        kind=order.kind,
        status="running",
        model=place.conversation.model or order.default_model,
        cost=None,
        created_at=from_millis(now),
        finished_at=None,
    )
    connection.execute(
        "INSERT INTO turns (id, owner_id, conversation_id, client_message_id, parent_id,"
        " message_id, kind, status, model, created_at) VALUES (?, ?, ?, ?, ?, ?, ?, 'running', ?, ?)",
        (
            turn.id,
            order.owner_id,
            turn.conversation_id,
            order.client_message_id,
            turn.parent_id,
            turn.message_id,
            turn.kind,
            turn.model,
            now,
        ),
    )
    return BegunTurn(turn, place.conversation, place.system_prompt, place.path, place.before)


def _found(connection: Connection, order: TurnOrder, now: int) -> _Place:
    """A new conversation, with what it brings along and the question."""
    if elsewhere := order.edit_of or order.parent_id:
        message_row(connection, order.conversation_id, elsewhere)  # raises: it has no messages yet
    title = title_from(order.earlier[0].text if order.earlier else order.text)
    model = order.model or order.default_model
    connection.execute(
        "INSERT INTO conversations (id, owner_id, title, title_source, model, system_prompt,"
        " metadata, leaf_id, created_at, updated_at) VALUES (?, ?, ?, 'auto', ?, ?, ?, ?, ?, ?)",
        (
            order.conversation_id,
            order.owner_id,
            title,
            model,
            order.system_prompt,
            order.metadata.model_dump_json(exclude_none=True),
            order.user_message_id,
            now,
            now,
        ),
    )
    leaf = None
    for index, message in enumerate(order.earlier):
        message_id = f"{order.user_message_id}_{index}"
        _insert_message(connection, order, message_id, leaf, message, now)
        index_texts(connection, [(message_id, message.text)])
        leaf = message_id
    question = EarlierMessage("user", order.text)
    _insert_message(connection, order, order.user_message_id, leaf, question, now)
    summary = ConversationSummary(
        id=order.conversation_id,
        title=title,
        title_source="auto",
        model=model,
        pinned=False,
        archived=False,
        created_at=from_millis(now),
        updated_at=from_millis(now),
        running_turn_id=order.turn_id,
    )
    path = [PathMessage(one.role, [TextPart(one.text)]) for one in (*order.earlier, question)]
    return _Place(summary, order.system_prompt, order.user_message_id, order.message_id, path, [])


def _join(connection: Connection, order: TurnOrder, now: int) -> _Place:
    """A conversation that exists: the question is inserted, or it is there already."""
    row = conversation_row(connection, order.owner_id, order.conversation_id)
    if row["running_turn_id"]:
        raise TurnRunningError
    before: list[Part] = []
    if order.kind == "send":
        question_id, answer_id = order.user_message_id, order.message_id
        parent_id = _parent_of_question(connection, order, row["leaf_id"])
        question = EarlierMessage("user", order.text)
        _insert_message(connection, order, question_id, parent_id, question, now)
    else:
        target = message_row(connection, order.conversation_id, order.target_id)
        question_id, answer_id = _answered_again(order, target)
        if order.kind == "continue":
            before = PARTS.validate_json(target["parts"])
    changed = {
        "model": order.model or row["model"] or order.default_model,
        "title": row["title"] or title_from(order.text),
    }
    leaf = answer_id if order.kind == "continue" else question_id
    connection.execute(
        "UPDATE conversations SET leaf_id = ?, model = ?, updated_at = ?, title = ? WHERE id = ?",
        (leaf, changed["model"], now, changed["title"], order.conversation_id),
    )
    latest = {"updated_at": from_millis(now), "running_turn_id": order.turn_id}
    return _Place(
        conversation=summary_from(row).model_copy(update=changed | latest),
        system_prompt=row["system_prompt"],
        question_id=question_id,
        answer_id=answer_id,
        path=[_path_message(step) for step in connection.execute(_PATH, (leaf,))],
        before=before,
    )


def begun_before(connection: Connection, order: TurnOrder) -> BegunTurn | None:
    """The turn that this client message began already."""
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


def _parent_of_question(connection: Connection, order: TurnOrder, leaf: str | None) -> str | None:
    if order.edit_of:
        edited = message_row(connection, order.conversation_id, order.edit_of)
        if edited["role"] != "user":
            raise InvalidInputError("Only a message of your own can be edited.")
        parent: str | None = edited["parent_id"]
        return parent
    if order.parent_id:
        return str(message_row(connection, order.conversation_id, order.parent_id)["id"])
    return leaf


def _insert_message(
    connection: Connection,
    order: TurnOrder,
    message_id: str,
    parent_id: str | None,
    message: EarlierMessage,
    now: int,
) -> None:
    """The turn's end puts the text into the search index: that can wait."""
    connection.execute(
        "INSERT INTO messages (id, conversation_id, parent_id, role, status, parts, created_at)"
        " VALUES (?, ?, ?, ?, 'complete', ?, ?)",
        (
            message_id,
            order.conversation_id,
            parent_id,
            message.role,
            orjson.dumps([TextPart(message.text)]).decode(),
            now,
        ),
    )


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

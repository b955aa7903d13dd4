"""Beginning a turn: the person's message, the running turn and the way to the root, at once."""

from dataclasses import dataclass
from typing import Literal

import orjson

from backend.chat.records import (
    STEP_REASONING,
    ConversationSummary,
    Part,
    PathMessage,
    ResourcePart,
    TextPart,
    Turn,
    stored_parts,
)
from backend.chat.rows import (
    conversation_row,
    message_row,
    summary_from,
    turn_from,
)
from backend.chat.search import index_texts
from backend.chat.titles import title_from
from backend.chat.turn_order import Attached, BegunTurn, EarlierMessage, TurnOrder
from backend.db.database import Connection, Row
from backend.kit.clock import from_millis
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
        _insert_message(connection, order, message_id, leaf, (message.role, _words(message)), now)
        index_texts(connection, [(message_id, message.text)])
        leaf = message_id
    question = _question(order, order.attached or ())
    _insert_message(connection, order, order.user_message_id, leaf, ("user", question), now)
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
    path = [PathMessage(one.role, _words(one)) for one in order.earlier]
    path.append(PathMessage("user", question))
    return _Place(summary, order.system_prompt, order.user_message_id, order.message_id, path, [])


def _join(connection: Connection, order: TurnOrder, now: int) -> _Place:
    """A conversation that exists: the question is inserted, or it is there already."""
    row = conversation_row(connection, order.owner_id, order.conversation_id)
    if row["running_turn_id"]:
        raise TurnRunningError
    before: list[Part] = []
    if order.kind == "send":
        question_id, answer_id = order.user_message_id, order.message_id
        parent_id, had = _parent_of_question(connection, order, row["leaf_id"])
        question = _question(order, had if order.attached is None else order.attached)
        _insert_message(connection, order, question_id, parent_id, ("user", question), now)
    else:
        target = message_row(connection, order.conversation_id, order.target_id)
        question_id, answer_id = _answered_again(order, target)
        if order.kind == "continue":
            before = stored_parts(target["parts"])
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


def _words(message: EarlierMessage) -> list[Part]:
    return [TextPart(message.text)]


def _question(order: TurnOrder, attached: Attached) -> list[Part]:
    return [TextPart(order.text), *attached]


def _parent_of_question(
    connection: Connection, order: TurnOrder, leaf: str | None
) -> tuple[str | None, Attached]:
    """And what the message had beside it that is edited."""
    if order.edit_of:
        edited = message_row(connection, order.conversation_id, order.edit_of)
        if edited["role"] != "user":
            raise InvalidInputError("Only a message of your own can be edited.")
        had = (one for one in stored_parts(edited["parts"]) if isinstance(one, ResourcePart))
        return edited["parent_id"], tuple(had)
    if order.parent_id:
        return str(message_row(connection, order.conversation_id, order.parent_id)["id"]), ()
    return leaf, ()


def _insert_message(
    connection: Connection,
    order: TurnOrder,
    message_id: str,
    parent_id: str | None,
    message: tuple[Literal["user", "assistant"], list[Part]],
    now: int,
) -> None:
    """The turn's end puts the text into the search index: that can wait."""
    role, parts = message
    connection.execute(
        "INSERT INTO messages (id, conversation_id, parent_id, role, status, parts, created_at)"
        " VALUES (?, ?, ?, ?, 'complete', ?, ?)",
        (
            message_id,
            order.conversation_id,
            parent_id,
            role,
            orjson.dumps(parts).decode(),
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
        parts=stored_parts(row["parts"]),
        reasoning=tuple(STEP_REASONING.validate_json(stored)) if stored else (),
    )

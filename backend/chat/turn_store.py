"""The two transactions of a turn: everything before the first token, everything after the last."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import orjson

from backend.chat.journal import JournalRows
from backend.chat.journal_store import insert_journal
from backend.chat.records import (
    ConversationSummary,
    Part,
    StepReasoning,
    Turn,
    stored_parts,
    text_of,
)
from backend.chat.rows import summary_from, turn_from
from backend.chat.search import index_texts
from backend.chat.transcript import Transcript
from backend.chat.turn_begin import TurnRunningError, begin, begun_before
from backend.chat.turn_order import BegunTurn, TurnOrder
from backend.db.database import Connection, Database, IntegrityError, StorageError
from backend.kit.clock import Clock, to_millis
from backend.kit.errors import AppError
from backend.messages import Usage


@dataclass(frozen=True, slots=True)
class EndedTurn:
    """`usage` and `reasoning` are of this turn alone; a continued message keeps what it had.

    `question`: the text of a question that this turn put, to be made findable.
    """

    turn: Turn
    question: str
    owner_id: str
    transcript: Transcript
    status: str
    usage: Usage | None
    reasoning: tuple[StepReasoning, ...]
    generation_ids: tuple[str, ...]


class TurnStore:
    def __init__(self, database: Database, clock: Clock) -> None:
        self._database = database
        self._clock = clock

    async def begin(self, order: TurnOrder) -> BegunTurn:
        """Write the person's message and the running turn; durable when this returns.

        Raises NotFoundError, TurnRunningError, InvalidInputError; nothing is written then.
        """
        now = to_millis(self._clock.now())
        try:
            return await self._database.write(lambda c: begin(c, order, now))
        except StorageError:
            raise
        except (AppError, IntegrityError) as error:
            if repeated := await self._database.read(lambda c: begun_before(c, order)):
                return repeated
            if isinstance(error, AppError):
                raise
            raise TurnRunningError from error  # another process began one in the same moment

    async def end(self, ended: EndedTurn, journal: JournalRows) -> ConversationSummary | None:
        """Write the answer, the rest of its journal and the turn's end, in one transaction.

        None when the conversation was deleted or another process closed the turn meanwhile.
        """
        now = to_millis(self._clock.now())
        # Nobody waits for this one as for a first word; ends of the same moment share a flush.
        return await self._database.write(lambda c: _end(c, ended, journal, now), patient=True)

    async def running(self) -> list[tuple[str, Turn]]:
        """(owner, turn) of all turns that the database calls running."""
        return await self._database.read(
            lambda c: [
                (row["owner_id"], turn_from(row))
                for row in c.execute("SELECT * FROM turns WHERE status = 'running'")
            ]
        )

    async def parts(self, message_id: str | None) -> list[Part]:
        """The stored parts of a message; none when it does not exist (yet)."""

        def select(connection: Connection) -> list[Part]:
            row = connection.execute(
                "SELECT parts FROM messages WHERE id = ?", (message_id,)
            ).fetchone()
            return stored_parts(row["parts"]) if row else []

        return await self._database.read(select)

    async def owns_generation(self, owner_id: str, generation_id: str) -> str | None:
        """The model that made an answer of this owner, None when it is not theirs."""

        def select(connection: Connection) -> str | None:
            row = connection.execute(
                "SELECT model FROM generations WHERE id = ? AND owner_id = ?",
                (generation_id, owner_id),
            ).fetchone()
            return row["model"] if row else None

        return await self._database.read(select)

    async def add_usage(self, turn: Turn, owner_id: str, usage: Usage) -> bool:
        """Late news from the provider's books on a turn; False when it was deleted."""

        def apply(connection: Connection) -> bool:
            kept = connection.execute(
                "UPDATE turns SET cost = coalesce(cost, 0) + ? WHERE id = ?", (usage.cost, turn.id)
            )
            if not kept.rowcount:  # money that was spent stays spent
                connection.execute(
                    "INSERT INTO deleted_turns (owner_id, created_at, cost)"
                    " SELECT id, ?, ? FROM users WHERE id = ?",
                    (to_millis(turn.created_at), usage.cost or 0, owner_id),
                )
            # By then the message may have been continued, so what it cost is added to.
            total = _with_earlier_usage(connection, turn.message_id, usage)
            changed = connection.execute(
                "UPDATE messages SET usage = ? WHERE id = ?",
                (total and total.model_dump_json(), turn.message_id),
            )
            return changed.rowcount > 0

        return await self._database.write(apply)

    async def prune_journals(self, before_millis: int) -> None:
        def delete(connection: Connection) -> None:
            connection.execute(
                "DELETE FROM journal WHERE turn IN (SELECT number FROM turns WHERE finished_at < ?)",
                (before_millis,),
            )

        await self._database.write(delete)


def _end(
    connection: Connection, ended: EndedTurn, journal: JournalRows, now: int
) -> ConversationSummary | None:
    """Few statements, as each one takes the interpreter's lock from those who stream."""
    turn = ended.turn
    updated = connection.execute(
        "UPDATE turns SET status = ?, cost = ?, finished_at = ?"
        " WHERE id = ? AND status = 'running'",
        (ended.status, ended.usage.cost if ended.usage else None, now, turn.id),
    )
    if not updated.rowcount:
        return None
    insert_journal(connection, [journal])
    if _write_answer(connection, ended, now):
        texts = [(turn.message_id, text_of(ended.transcript.parts))]
        if ended.question and turn.parent_id:
            texts.append((turn.parent_id, ended.question))
        index_texts(connection, texts)
    if ended.generation_ids:
        connection.executemany(
            "INSERT OR IGNORE INTO generations (id, turn_id, owner_id, model) VALUES (?, ?, ?, ?)",
            [(one, turn.id, ended.owner_id, turn.model) for one in ended.generation_ids],
        )
    row = connection.execute(
        "UPDATE conversations SET updated_at = ?,"
        " leaf_id = CASE WHEN leaf_id = ? THEN ? ELSE leaf_id END WHERE id = ?"
        " RETURNING *, NULL AS running_turn_id",
        (now, turn.parent_id, turn.message_id, turn.conversation_id),
    ).fetchone()
    return summary_from(row)


def _write_answer(connection: Connection, ended: EndedTurn, now: int) -> bool:
    """False when its question was deleted."""
    turn, transcript = ended.turn, ended.transcript
    usage, reasoning = ended.usage, [*ended.reasoning]
    if turn.kind == "continue":
        usage = _with_earlier_usage(connection, turn.message_id, usage)
        reasoning = [*_earlier_reasoning(connection, turn.message_id), *reasoning]
    written = connection.execute(
        "INSERT INTO messages (id, conversation_id, parent_id, role, created_at, turn_id, status,"
        " parts, notices, error, usage, model, finish_reason, reasoning_details)"
        " SELECT ?, ?, id, 'assistant', ?, ?, ?, ?, ?, ?, ?, ?, ?, ? FROM messages WHERE id = ?"
        " ON CONFLICT (id) DO UPDATE SET turn_id = excluded.turn_id, status = excluded.status,"
        " parts = excluded.parts, notices = excluded.notices, error = excluded.error,"
        " usage = excluded.usage, model = excluded.model, finish_reason = excluded.finish_reason,"
        " reasoning_details = excluded.reasoning_details",
        (
            turn.message_id,
            turn.conversation_id,
            now,
            turn.id,
            transcript.status,
            _json(transcript.parts),
            _json([notice.model_dump() for notice in transcript.notices]),
            transcript.error and transcript.error.model_dump_json(),
            usage and usage.model_dump_json(),
            turn.model,
            transcript.finish_reason,
            _json(reasoning) if reasoning else None,
            turn.parent_id,
        ),
    )
    return written.rowcount > 0


def _with_earlier_usage(
    connection: Connection, message_id: str, usage: Usage | None
) -> Usage | None:
    """The whole message's: a continued one has cost something before."""
    row = connection.execute("SELECT usage FROM messages WHERE id = ?", (message_id,)).fetchone()
    if row is None or row["usage"] is None:
        return usage
    earlier = Usage.model_validate_json(row["usage"])
    return earlier.plus(usage) if usage else earlier


def _earlier_reasoning(connection: Connection, message_id: str) -> list[Any]:
    row = connection.execute(
        "SELECT reasoning_details FROM messages WHERE id = ?", (message_id,)
    ).fetchone()
    return orjson.loads(row[0]) if row and row[0] else []


def _json(value: Sequence[Any]) -> str:
    return orjson.dumps(value).decode()

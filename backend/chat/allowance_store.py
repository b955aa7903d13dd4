"""What has to be known before a turn may begin: what was spent, and what a conversation remembers."""

from dataclasses import dataclass
from datetime import datetime

from backend.chat.records import NO_METADATA, ConversationMetadata
from backend.db.database import Connection, Database
from backend.kit.clock import to_millis
from backend.kit.errors import NotFoundError
from backend.kit.ids import first_id

_SPENT = """
    SELECT owner_id, sum(cost) FROM (
        SELECT owner_id, cost FROM turns WHERE id >= ?1 AND cost IS NOT NULL
        UNION ALL SELECT owner_id, cost FROM deleted_turns WHERE created_at >= ?2
    ) WHERE ?3 IS NULL OR owner_id = ?3 GROUP BY owner_id
"""
"""Ids of turns begin with their time, so the day's are found without an index of their own."""


@dataclass(frozen=True, slots=True)
class Remembered:
    """Of a conversation; a new one remembers nothing."""

    model: str | None = None
    metadata: ConversationMetadata = NO_METADATA


class AllowanceStore:
    def __init__(self, database: Database) -> None:
        self._database = database

    async def spent(self, since: datetime, owner_id: str | None = None) -> dict[str, float]:
        """Person -> dollars of their turns that ended, also of those deleted."""
        values = (first_id("turn", since), to_millis(since), owner_id)
        return await self._database.read(
            lambda c: {row[0]: row[1] for row in c.execute(_SPENT, values)}
        )

    async def remembered(self, owner_id: str, conversation_id: str) -> Remembered:
        """Raises NotFoundError."""

        def select(connection: Connection) -> Remembered:
            row = connection.execute(
                "SELECT model, metadata FROM conversations WHERE id = ? AND owner_id = ?",
                (conversation_id, owner_id),
            ).fetchone()
            if row is None:
                raise NotFoundError("There is no such conversation.")
            metadata = ConversationMetadata.model_validate_json(row["metadata"])
            return Remembered(row["model"], metadata)

        return await self._database.read(select)

    async def has_begun(self, owner_id: str, client_message_id: str) -> bool:
        """Whether this message of this person began a turn already."""
        return await self._database.read(
            lambda c: (
                c.execute(
                    "SELECT 1 FROM turns WHERE owner_id = ? AND client_message_id = ?",
                    (owner_id, client_message_id),
                ).fetchone()
                is not None
            )
        )

"""Memories in SQLite. Everything is checked against whom it is about."""

from typing import ClassVar

from backend.db.database import Connection, Database, Row
from backend.kit.clock import Clock, from_millis, to_millis
from backend.kit.errors import ConflictError, NotFoundError
from backend.memory.records import MOST, Memory

_OF_PERSON = (
    "SELECT id, text, conversation_id, created_at FROM memories WHERE user_id = ? ORDER BY number"
)
# By its owner: a conversation that was deleted meanwhile, or is not theirs, is left out.
_INSERT = """
    INSERT INTO memories (id, user_id, text, conversation_id, created_at)
    VALUES (?, ?, ?, (SELECT id FROM conversations WHERE id = ? AND owner_id = ?), ?)
    RETURNING id, text, conversation_id, created_at
"""


class MemoryFullError(ConflictError):
    code: ClassVar[str] = "memory_full"

    def __init__(self) -> None:
        super().__init__(f"There are {MOST} memories already. Forget some first.")


class MemoryStore:
    def __init__(self, database: Database, clock: Clock) -> None:
        self._database = database
        self._clock = clock

    async def of(self, user_id: str) -> list[Memory]:
        """Oldest first."""
        return await self._database.read(lambda c: _of(c, user_id))

    async def add(
        self, user_id: str, memory_id: str, text: str, conversation_id: str | None
    ) -> Memory:
        """The one there is, when it is known already. Raises MemoryFullError."""
        now = to_millis(self._clock.now())

        def apply(connection: Connection) -> Memory:
            known = _of(connection, user_id)
            if same := next((one for one in known if one.text == text), None):
                return same
            if len(known) >= MOST:
                raise MemoryFullError
            row = (memory_id, user_id, text, conversation_id, user_id, now)
            return _memory(connection.execute(_INSERT, row).fetchone())

        return await self._database.write(apply)

    async def remove(self, user_id: str, memory_id: str) -> None:
        """Raises NotFoundError."""

        def apply(connection: Connection) -> None:
            gone = connection.execute(
                "DELETE FROM memories WHERE id = ? AND user_id = ?", (memory_id, user_id)
            )
            if not gone.rowcount:
                raise NotFoundError("There is no such memory.")

        await self._database.write(apply)

    async def remove_all(self, user_id: str) -> None:
        await self._database.write(
            lambda c: c.execute("DELETE FROM memories WHERE user_id = ?", (user_id,))
        )


def _of(connection: Connection, user_id: str) -> list[Memory]:
    return [_memory(row) for row in connection.execute(_OF_PERSON, (user_id,))]


def _memory(row: Row) -> Memory:
    return Memory(
        id=row["id"],
        text=row["text"],
        conversation_id=row["conversation_id"],
        created_at=from_millis(row["created_at"]),
    )

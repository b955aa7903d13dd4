"""Money that was spent without a turn. It counts for a person's day like what turns have cost."""

from backend.db.database import Connection, Database
from backend.kit.clock import Clock, to_millis


class SpendingStore:
    """Kept with the costs of deleted turns, which every release since the first one counts."""

    def __init__(self, database: Database, clock: Clock) -> None:
        self._database = database
        self._clock = clock

    async def add(self, owner_id: str, cost: float) -> None:
        now = to_millis(self._clock.now())

        def insert(connection: Connection) -> None:
            connection.execute(
                "INSERT INTO deleted_turns (owner_id, created_at, cost)"
                " SELECT id, ?, ? FROM users WHERE id = ?",
                (now, cost, owner_id),
            )

        await self._database.write(insert)

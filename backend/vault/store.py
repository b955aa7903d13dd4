"""Sealed secrets in the database, each with the host it was entered for."""

from dataclasses import dataclass, field

from backend.db.database import Connection, Database
from backend.kit.clock import Clock, to_millis


@dataclass(frozen=True, slots=True)
class Sealed:
    origin: str
    sealed: bytes = field(repr=False)


class VaultStore:
    def __init__(self, database: Database, clock: Clock) -> None:
        self._database = database
        self._clock = clock

    async def put(self, name: str, origin: str, sealed: bytes) -> None:
        now = to_millis(self._clock.now())

        def write(connection: Connection) -> None:
            connection.execute(
                "INSERT INTO stored_secrets (name, origin, sealed, updated_at) VALUES (?, ?, ?, ?)"
                " ON CONFLICT (name) DO UPDATE SET origin = excluded.origin,"
                " sealed = excluded.sealed, updated_at = excluded.updated_at",
                (name, origin, sealed, now),
            )

        await self._database.write(write)

    async def find(self, name: str) -> Sealed | None:
        def read(connection: Connection) -> Sealed | None:
            row = connection.execute(
                "SELECT origin, sealed FROM stored_secrets WHERE name = ?", (name,)
            ).fetchone()
            return None if row is None else Sealed(row["origin"], row["sealed"])

        return await self._database.read(read)

    async def names(self) -> list[str]:
        return await self._database.read(
            lambda c: [
                row["name"] for row in c.execute("SELECT name FROM stored_secrets ORDER BY name")
            ]
        )

    async def remove(self, name: str, *, unless_origin: str | None = None) -> None:
        """With `unless_origin`, what is there for that origin stays: it was entered meanwhile."""

        def delete(connection: Connection) -> None:
            connection.execute(
                "DELETE FROM stored_secrets WHERE name = ? AND origin IS NOT ?",
                (name, unless_origin),
            )

        await self._database.write(delete)

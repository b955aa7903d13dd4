"""Programs that made themselves known here. Anybody may do so: most are forgotten soon."""

import json
from datetime import timedelta

from backend.auth.app_client import AppClient
from backend.db.database import Connection, Database, Row
from backend.kit.clock import Clock, to_millis

UNUSED_LIFE = timedelta(days=1)
"""Of one that nobody has let in."""
IDLE_LIFE = timedelta(days=180)
"""Of one that was let in, and that nobody lets in any more."""
MOST_UNUSED = 200
"""The oldest give way."""


class AppClientStore:
    def __init__(self, database: Database, clock: Clock) -> None:
        self._database = database
        self._clock = clock

    async def add(self, client: AppClient) -> None:
        """A power cut may forget it, which costs its person another click."""
        now = to_millis(self._clock.now())

        def insert(connection: Connection) -> None:
            self._forget(connection, now)
            connection.execute(
                "DELETE FROM app_clients WHERE id IN (SELECT id FROM app_clients"
                " WHERE allowed_at IS NULL ORDER BY created_at DESC, id LIMIT -1 OFFSET ?)",
                (MOST_UNUSED - 1,),
            )
            connection.execute(
                "INSERT INTO app_clients (id, name, uri, redirect_uris, created_at)"
                " VALUES (?, ?, ?, ?, ?)",
                (client.id, client.name, client.uri, json.dumps(client.redirect_uris), now),
            )

        await self._database.write(insert, durable=False)

    async def find(self, client_id: str) -> AppClient | None:
        def select(connection: Connection) -> AppClient | None:
            row = connection.execute(
                "SELECT * FROM app_clients WHERE id = ?", (client_id,)
            ).fetchone()
            return None if row is None else _client(row)

        return await self._database.read(select)

    async def prune(self) -> None:
        now = to_millis(self._clock.now())
        await self._database.write(lambda c: self._forget(c, now), durable=False)

    def _forget(self, connection: Connection, now: int) -> None:
        connection.execute(
            "DELETE FROM app_clients WHERE allowed_at IS NULL AND created_at <= ?",
            (now - _millis(UNUSED_LIFE),),
        )
        connection.execute(
            "DELETE FROM app_clients WHERE allowed_at <= ?"
            " AND NOT EXISTS (SELECT 1 FROM app_grants g WHERE g.client_id = app_clients.id)",
            (now - _millis(IDLE_LIFE),),
        )


def _millis(life: timedelta) -> int:
    return round(life.total_seconds() * 1000)


def _client(row: Row) -> AppClient:
    return AppClient(row["id"], row["name"], row["uri"], tuple(json.loads(row["redirect_uris"])))

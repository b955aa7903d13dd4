"""What people decided about tool servers: which there are, what is switched off, what is pinned."""

from dataclasses import dataclass
from typing import Literal

import orjson

from backend.auth.audit_store import AuditEvent, record
from backend.db.database import Connection, Database
from backend.kit.clock import Clock, to_millis
from backend.messages import JsonObject
from backend.toolbox.context import Choice
from backend.toolbox.records import RemoteTool


@dataclass(frozen=True, slots=True)
class StoredServer:
    id: str
    url: str
    title: str
    source: Literal["person", "discovery"]


@dataclass(frozen=True, slots=True)
class Pin:
    fingerprint: str
    definition: JsonObject


@dataclass(frozen=True, slots=True)
class Remembered:
    """A person's choice about a tool as it was then. `ask`: approved, and asked each time."""

    choice: Choice
    fingerprint: str
    definition: JsonObject


class ToolboxStore:
    def __init__(self, database: Database, clock: Clock) -> None:
        self._database = database
        self._clock = clock

    async def servers(self) -> list[StoredServer]:
        sql = "SELECT id, url, title, source FROM tool_servers ORDER BY created_at, id"
        rows = await self._database.read(lambda c: c.execute(sql).fetchall())
        return [StoredServer(*row) for row in rows]

    async def decided(self) -> set[str]:
        """Servers about which people decided something, whether they are still there or not."""
        tables = ("tool_switches", "tool_pins", "tool_choices", "tool_sign_ins")
        sql = " UNION ".join(f"SELECT server_id FROM {table}" for table in tables)  # noqa: S608  # ours
        rows = await self._database.read(lambda c: c.execute(sql).fetchall())
        return {server for (server,) in rows}

    async def add_server(
        self, server: StoredServer, added_by: str | None, event: AuditEvent
    ) -> None:
        now = self._now()
        values = (server.id, server.url, server.title, server.source, added_by, now)

        def insert(connection: Connection) -> None:
            connection.execute(
                "INSERT INTO tool_servers (id, url, title, source, added_by, created_at)"
                " VALUES (?, ?, ?, ?, ?, ?)",
                values,
            )
            record(connection, now, event)

        await self._database.write(insert)

    async def remove_server(self, server_id: str, event: AuditEvent) -> None:
        """Everything about it: another server that gets its name starts anew."""
        now = self._now()

        def delete(connection: Connection) -> None:
            connection.execute("DELETE FROM tool_servers WHERE id = ?", (server_id,))
            connection.execute("DELETE FROM tool_switches WHERE server_id = ?", (server_id,))
            connection.execute("DELETE FROM tool_pins WHERE server_id = ?", (server_id,))
            connection.execute("DELETE FROM tool_choices WHERE server_id = ?", (server_id,))
            record(connection, now, event)

        await self._database.write(delete)

    async def switches(self) -> dict[tuple[str, str], bool]:
        """(server, tool) -> whether it is on; the tool is "" for the server itself."""
        sql = "SELECT server_id, tool, enabled FROM tool_switches"
        rows = await self._database.read(lambda c: c.execute(sql).fetchall())
        return {(server, tool): bool(enabled) for server, tool, enabled in rows}

    async def switch(
        self, server_id: str, changes: dict[str, bool], event: AuditEvent | None
    ) -> None:
        rows = [(server_id, tool, int(enabled)) for tool, enabled in changes.items()]
        now = self._now()

        def put(connection: Connection) -> None:
            connection.executemany(
                "INSERT OR REPLACE INTO tool_switches (server_id, tool, enabled) VALUES (?, ?, ?)",
                rows,
            )
            if event is not None:
                record(connection, now, event)

        await self._database.write(put)

    async def preferences(self) -> dict[tuple[str, str], tuple[str, ...]]:
        """(person, client) -> the servers they want there."""
        sql = "SELECT user_id, client, servers FROM tool_preferences"
        rows = await self._database.read(lambda c: c.execute(sql).fetchall())
        return {(user, client): tuple(orjson.loads(servers)) for user, client, servers in rows}

    async def prefer(self, user_id: str, client: str, servers: tuple[str, ...] | None) -> None:
        """None: all of them."""

        def put(connection: Connection) -> None:
            connection.execute(
                "DELETE FROM tool_preferences WHERE user_id = ? AND client = ?", (user_id, client)
            )
            if servers is not None:
                row = (user_id, client, orjson.dumps(servers).decode())
                connection.execute(
                    "INSERT INTO tool_preferences (user_id, client, servers) VALUES (?, ?, ?)", row
                )

        await self._database.write(put)

    async def pins(self) -> dict[tuple[str, str], Pin]:
        sql = "SELECT server_id, tool, fingerprint, definition FROM tool_pins"
        rows = await self._database.read(lambda c: c.execute(sql).fetchall())
        return {
            (server, tool): Pin(fingerprint, orjson.loads(definition))
            for server, tool, fingerprint, definition in rows
        }

    async def pin(self, server_id: str, tool: RemoteTool) -> Pin:
        """A person approved the tool as it is now."""
        text = orjson.dumps(tool.definition).decode()
        row = (server_id, tool.name, tool.fingerprint, text, self._now())

        def put(connection: Connection) -> None:
            connection.execute(
                "INSERT OR REPLACE INTO tool_pins"
                " (server_id, tool, fingerprint, definition, approved_at) VALUES (?, ?, ?, ?, ?)",
                row,
            )

        await self._database.write(put)
        return Pin(tool.fingerprint, tool.definition)

    async def remembered(self) -> dict[tuple[str, str, str], Remembered]:
        """(person, server, tool) -> what they chose."""
        sql = "SELECT user_id, server_id, tool, choice, fingerprint, definition FROM tool_choices"
        rows = await self._database.read(lambda c: c.execute(sql).fetchall())
        return {
            (user, server, tool): Remembered(choice, fingerprint, orjson.loads(definition))
            for user, server, tool, choice, fingerprint, definition in rows
        }

    async def remember(
        self, user_id: str, server_id: str, tool: str, given: Remembered | None
    ) -> None:
        """None: as if never asked."""
        key = (user_id, server_id, tool)

        def put(connection: Connection) -> None:
            connection.execute(
                "DELETE FROM tool_choices WHERE user_id = ? AND server_id = ? AND tool = ?", key
            )
            if given is not None:
                text = orjson.dumps(given.definition).decode()
                row = (*key, given.choice, given.fingerprint, text, self._now())
                connection.execute(
                    "INSERT INTO tool_choices (user_id, server_id, tool, choice, fingerprint,"
                    " definition, decided_at) VALUES (?, ?, ?, ?, ?, ?, ?)",
                    row,
                )

        await self._database.write(put)

    async def tell(self, event: AuditEvent) -> None:
        """What belongs to no change of a row here."""
        now = self._now()
        await self._database.write(lambda c: record(c, now, event))

    def _now(self) -> int:
        return to_millis(self._clock.now())

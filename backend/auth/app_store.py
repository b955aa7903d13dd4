"""What people let programs of others have, and who a program's token lets in."""

from dataclasses import replace

from backend.auth.app_grant import AppFound, Code, Grant, forget_expired, grant_from
from backend.auth.audit_store import AuditEvent, record
from backend.auth.people import Caller
from backend.auth.store import user_from
from backend.db.database import Connection, Database, Row
from backend.kit.clock import Clock, from_millis, to_millis

_TOUCH_AFTER_MS = 60_000


class AppStore:
    def __init__(self, database: Database, clock: Clock) -> None:
        self._database = database
        self._clock = clock

    async def add_code(self, code_hash: str, code: Code, event: AuditEvent, *, most: int) -> bool:
        """False when this person has let that many in already."""
        now = to_millis(self._clock.now())

        def insert(connection: Connection) -> bool:
            forget_expired(connection, now)
            (there,) = connection.execute(
                "SELECT count(*) FROM app_grants WHERE user_id = ? AND client_id <> ?",
                (code.user_id, code.client.id),
            ).fetchone()
            if there >= most:
                return False
            connection.execute(
                "INSERT INTO app_codes (code_hash, user_id, client_id, name, uri, redirect_uri,"
                " challenge, scopes, resource, expires_at) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?)",
                (
                    code_hash,
                    code.user_id,
                    code.client.id,
                    code.client.name,
                    code.client.uri,
                    code.redirect_uri,
                    code.challenge,
                    " ".join(code.scopes),
                    code.resource,
                    to_millis(code.expires_at),
                ),
            )
            connection.execute(
                "UPDATE app_clients SET allowed_at = ? WHERE id = ?", (now, code.client.id)
            )
            record(connection, now, event)
            return True

        return await self._database.write(insert)

    async def listed(self, user_id: str) -> list[Grant]:
        """The newest first."""
        now = to_millis(self._clock.now())
        return await self._database.read(
            lambda c: [
                grant_from(row)
                for row in c.execute(
                    "SELECT * FROM app_grants WHERE user_id = ? AND expires_at > ?"
                    " ORDER BY created_at DESC, id DESC",
                    (user_id, now),
                )
            ]
        )

    async def remove(self, user_id: str, grant_id: str, event: AuditEvent) -> bool:
        """Whether there was one of this person. The event's subject becomes its name."""
        now = to_millis(self._clock.now())

        def delete(connection: Connection) -> bool:
            row = connection.execute(
                "DELETE FROM app_grants WHERE id = ? AND user_id = ? RETURNING name",
                (grant_id, user_id),
            ).fetchone()
            if row is not None:
                record(connection, now, replace(event, subject=row["name"]))
            return row is not None

        return await self._database.write(delete)

    async def find(self, token_hash: str, resource: str) -> AppFound | None:
        """What a token stands for at this resource, and at no other; it was used now."""
        now = to_millis(self._clock.now())

        def select(connection: Connection) -> Row | None:
            row: Row | None = connection.execute(
                "SELECT u.*, g.id AS grant_id, g.last_used_at, t.scopes, t.expires_at"
                " FROM app_tokens t JOIN app_grants g ON g.id = t.grant_id"
                " JOIN users u ON u.id = g.user_id"
                " WHERE t.token_hash = ? AND t.expires_at > ? AND g.resource = ?"
                " AND u.disabled_at IS NULL AND u.role <> 'child'",
                (token_hash, now, resource),
            ).fetchone()
            return row

        row = await self._database.read(select)
        if row is None:
            return None
        if now - (row["last_used_at"] or 0) > _TOUCH_AFTER_MS:
            await self._touch(row["grant_id"], now)
        caller = Caller(user_from(row), "app", row["grant_id"], frozenset(row["scopes"].split()))
        return AppFound(caller, from_millis(row["expires_at"]))

    async def prune(self) -> None:
        now = to_millis(self._clock.now())
        await self._database.write(lambda c: forget_expired(c, now), durable=False)

    async def _touch(self, grant_id: str, now: int) -> None:
        def update(connection: Connection) -> None:
            connection.execute(
                "UPDATE app_grants SET last_used_at = ? WHERE id = ?", (now, grant_id)
            )

        await self._database.write(update, durable=False)

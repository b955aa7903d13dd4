"""Accounts elsewhere that sign somebody in here, and the questions put to browsers about them."""

import hashlib
from dataclasses import dataclass
from datetime import datetime, timedelta

from backend.auth.audit_store import AuditEvent, record
from backend.auth.people import User
from backend.auth.store import user_from
from backend.db.database import Connection, Database
from backend.kit.clock import Clock, from_millis, to_millis

_KIND = "oidc"
_MOST_OPEN = 1000


@dataclass(frozen=True, slots=True)
class LinkedIdentity:
    id: str
    issuer: str
    label: str
    created_at: datetime


class IdentityStore:
    def __init__(self, database: Database, clock: Clock) -> None:
        self._database = database
        self._clock = clock

    async def ask(self, state_hash: str, payload: str, life: timedelta) -> None:
        """Remember a question. Anybody may cause one, so the oldest go when there are too many."""
        now = self._clock.now()

        def insert(connection: Connection) -> None:
            connection.execute("DELETE FROM challenges WHERE expires_at < ?", (to_millis(now),))
            connection.execute(
                "DELETE FROM challenges WHERE token_hash IN (SELECT token_hash FROM challenges"
                " WHERE kind = ? ORDER BY expires_at DESC LIMIT -1 OFFSET ?)",
                (_KIND, _MOST_OPEN - 1),
            )
            connection.execute(
                "INSERT INTO challenges (token_hash, kind, payload, expires_at)"
                " VALUES (?, ?, ?, ?)",
                (state_hash, _KIND, payload, to_millis(now + life)),
            )

        await self._database.write(insert, durable=False)

    async def take(self, state_hash: str) -> str | None:
        """The question's payload, once: it is gone afterwards, whatever the answer was worth."""
        now = to_millis(self._clock.now())

        def delete(connection: Connection) -> str | None:
            row = connection.execute(
                "DELETE FROM challenges WHERE token_hash = ? AND kind = ?"
                " RETURNING payload, expires_at",
                (state_hash, _KIND),
            ).fetchone()
            return None if row is None or row["expires_at"] < now else str(row["payload"])

        return await self._database.write(delete)

    async def person(self, issuer: str, subject: str) -> User | None:
        def select(connection: Connection) -> User | None:
            row = connection.execute(
                "SELECT u.* FROM identities i JOIN users u ON u.id = i.user_id"
                " WHERE i.issuer = ? AND i.subject = ?",
                (issuer, subject),
            ).fetchone()
            return None if row is None else user_from(row)

        return await self._database.read(select)

    async def person_by_email(self, email: str) -> User | None:
        def select(connection: Connection) -> User | None:
            row = connection.execute("SELECT * FROM users WHERE email = ?", (email,)).fetchone()
            return None if row is None else user_from(row)

        return await self._database.read(select)

    async def link(
        self, identity: tuple[str, str], user_id: str, label: str, event: AuditEvent
    ) -> bool:
        """Whether (issuer, subject) is this person's now; False when it is somebody else's."""
        now = to_millis(self._clock.now())

        def insert(connection: Connection) -> bool:
            made = connection.execute(
                "INSERT INTO identities (issuer, subject, user_id, label, created_at)"
                " VALUES (?, ?, ?, ?, ?) ON CONFLICT DO NOTHING",
                (*identity, user_id, label, now),
            ).rowcount
            if made:
                record(connection, now, event)
                return True
            row = connection.execute(
                "SELECT user_id FROM identities WHERE issuer = ? AND subject = ?", identity
            ).fetchone()
            return bool(row["user_id"] == user_id)

        return await self._database.write(insert)

    async def listed(self, user_id: str) -> list[LinkedIdentity]:
        def select(connection: Connection) -> list[LinkedIdentity]:
            rows = connection.execute(
                "SELECT * FROM identities WHERE user_id = ? ORDER BY created_at", (user_id,)
            )
            return [
                LinkedIdentity(
                    _id(row["issuer"], row["subject"]),
                    row["issuer"],
                    row["label"],
                    from_millis(row["created_at"]),
                )
                for row in rows
            ]

        return await self._database.read(select)

    async def unlink(self, user_id: str, identity_id: str, event: AuditEvent) -> bool:
        now = to_millis(self._clock.now())

        def delete(connection: Connection) -> bool:
            rows = connection.execute(
                "SELECT issuer, subject FROM identities WHERE user_id = ?", (user_id,)
            ).fetchall()
            for row in rows:
                if _id(row["issuer"], row["subject"]) == identity_id:
                    connection.execute(
                        "DELETE FROM identities WHERE issuer = ? AND subject = ?", tuple(row)
                    )
                    record(connection, now, event)
                    return True
            return False

        return await self._database.write(delete)


def _id(issuer: str, subject: str) -> str:
    return hashlib.sha256(f"{issuer}\n{subject}".encode()).hexdigest()[:24]

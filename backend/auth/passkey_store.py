"""Passkeys in SQLite."""

from dataclasses import dataclass
from datetime import datetime

from backend.auth.audit_store import AuditEvent, record
from backend.auth.people import User
from backend.auth.store import user_from
from backend.db.database import Connection, Database, IntegrityError, Row
from backend.kit.clock import Clock, from_millis, to_millis


@dataclass(frozen=True, slots=True)
class Passkey:
    id: str
    name: str
    created_at: datetime
    last_used_at: datetime | None = None


@dataclass(frozen=True, slots=True)
class Credential:
    """What the authenticator gave."""

    credential_id: bytes
    public_key: bytes
    sign_count: int
    rp_id: str
    """The host name that it works with."""


@dataclass(frozen=True, slots=True)
class StoredPasskey:
    id: str
    user: User
    credential: Credential


class PasskeyStore:
    def __init__(self, database: Database, clock: Clock) -> None:
        self._database = database
        self._clock = clock

    async def add(
        self, passkey: Passkey, user: User, credential: Credential, event: AuditEvent, *, most: int
    ) -> bool:
        """False: it is here already, or this person has that many."""
        now = to_millis(self._clock.now())

        def insert(connection: Connection) -> bool:
            (there,) = connection.execute(
                "SELECT count(*) FROM passkeys WHERE user_id = ?", (user.id,)
            ).fetchone()
            if there >= most:
                return False
            connection.execute(
                "INSERT INTO passkeys (id, user_id, credential_id, rp_id, public_key, sign_count,"
                " name, created_at) VALUES (?, ?, ?, ?, ?, ?, ?, ?)",
                (
                    passkey.id,
                    user.id,
                    credential.credential_id,
                    credential.rp_id,
                    credential.public_key,
                    credential.sign_count,
                    passkey.name,
                    now,
                ),
            )
            record(connection, now, event)
            return True

        try:
            return await self._database.write(insert)
        except IntegrityError:
            return False

    async def listed(self, user_id: str) -> list[Passkey]:
        return await self._database.read(
            lambda c: [
                _passkey(row)
                for row in c.execute(
                    "SELECT * FROM passkeys WHERE user_id = ? ORDER BY created_at, id", (user_id,)
                )
            ]
        )

    async def credential_ids(self, user_id: str) -> list[bytes]:
        return await self._database.read(
            lambda c: [
                row[0]
                for row in c.execute(
                    "SELECT credential_id FROM passkeys WHERE user_id = ?", (user_id,)
                )
            ]
        )

    async def any_for(self, rp_id: str) -> bool:
        """Whether anybody can sign in with one at this host name."""
        return await self._database.read(
            lambda c: (
                c.execute("SELECT 1 FROM passkeys WHERE rp_id = ? LIMIT 1", (rp_id,)).fetchone()
                is not None
            )
        )

    async def find(self, credential_id: bytes) -> StoredPasskey | None:
        """Of a person who may sign in."""

        def select(connection: Connection) -> StoredPasskey | None:
            row = connection.execute(
                "SELECT u.*, p.id AS passkey_id, p.credential_id, p.rp_id, p.public_key,"
                " p.sign_count FROM passkeys p JOIN users u ON u.id = p.user_id"
                " WHERE p.credential_id = ? AND u.disabled_at IS NULL",
                (credential_id,),
            ).fetchone()
            if row is None:
                return None
            credential = Credential(
                row["credential_id"], row["public_key"], row["sign_count"], row["rp_id"]
            )
            return StoredPasskey(row["passkey_id"], user_from(row), credential)

        return await self._database.read(select)

    async def use(self, passkey: StoredPasskey, sign_count: int) -> bool:
        """False when it was used (or removed) meanwhile."""
        now = to_millis(self._clock.now())

        def update(connection: Connection) -> bool:
            changed = connection.execute(
                "UPDATE passkeys SET sign_count = ?, last_used_at = ?"
                " WHERE id = ? AND sign_count = ?",
                (sign_count, now, passkey.id, passkey.credential.sign_count),
            )
            return bool(changed.rowcount)

        return await self._database.write(update)

    async def remove(self, user_id: str, passkey_id: str, event: AuditEvent) -> bool:
        """Whether there was one of this person. The event's detail becomes its name."""
        now = to_millis(self._clock.now())

        def delete(connection: Connection) -> bool:
            row = connection.execute(
                "DELETE FROM passkeys WHERE id = ? AND user_id = ? RETURNING name",
                (passkey_id, user_id),
            ).fetchone()
            if row is None:
                return False
            named = AuditEvent(event.kind, event.actor, event.subject, row["name"], event.address)
            record(connection, now, named)
            return True

        return await self._database.write(delete)


def _passkey(row: Row) -> Passkey:
    used = row["last_used_at"]
    return Passkey(
        row["id"],
        row["name"],
        from_millis(row["created_at"]),
        None if used is None else from_millis(used),
    )

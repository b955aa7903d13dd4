"""API keys of people's programs. A key is kept as a hash; its end is kept to tell keys apart."""

from dataclasses import dataclass
from datetime import datetime

from backend.auth.audit_store import AuditEvent, record
from backend.auth.people import Caller, Scope, User
from backend.auth.store import user_from
from backend.db.database import Connection, Database, Row
from backend.kit.clock import Clock, from_millis, to_millis

_TOUCH_AFTER_MS = 60_000


@dataclass(frozen=True, slots=True)
class ApiKey:
    id: str
    name: str
    scopes: tuple[Scope, ...]
    hint: str
    created_at: datetime
    expires_at: datetime | None
    last_used_at: datetime | None = None


@dataclass(frozen=True, slots=True)
class KeyFound:
    caller: Caller
    expires_at: datetime | None


class KeyStore:
    def __init__(self, database: Database, clock: Clock) -> None:
        self._database = database
        self._clock = clock

    async def add(
        self, key: ApiKey, user: User, secret_hash: str, event: AuditEvent, *, most: int
    ) -> bool:
        """False when this person has that many already."""
        now = to_millis(self._clock.now())

        def insert(connection: Connection) -> bool:
            (there,) = connection.execute(
                "SELECT count(*) FROM api_keys WHERE user_id = ?", (user.id,)
            ).fetchone()
            if there >= most:
                return False
            connection.execute(
                "INSERT INTO api_keys (id, user_id, name, scopes, secret_hash, hint, created_at,"
                " expires_at) VALUES (?, ?, ?, ?, ?, ?, ?, ?)",
                (
                    key.id,
                    user.id,
                    key.name,
                    " ".join(key.scopes),
                    secret_hash,
                    key.hint,
                    now,
                    None if key.expires_at is None else to_millis(key.expires_at),
                ),
            )
            record(connection, now, event)
            return True

        return await self._database.write(insert)

    async def keys(self, user_id: str) -> list[ApiKey]:
        """Expired ones too: a program that is refused wants an explanation."""
        return await self._database.read(
            lambda c: [
                _key(row)
                for row in c.execute(
                    "SELECT * FROM api_keys WHERE user_id = ? ORDER BY created_at DESC, id DESC",
                    (user_id,),
                )
            ]
        )

    async def remove(self, user_id: str, key_id: str, event: AuditEvent) -> bool:
        """Whether there was one of this person. The event's subject becomes its name."""
        now = to_millis(self._clock.now())

        def delete(connection: Connection) -> bool:
            row = connection.execute(
                "DELETE FROM api_keys WHERE id = ? AND user_id = ? RETURNING name",
                (key_id, user_id),
            ).fetchone()
            if row is None:
                return False
            named = AuditEvent(event.kind, event.actor, row["name"], event.detail, event.address)
            record(connection, now, named)
            return True

        return await self._database.write(delete)

    async def find(self, secret_hash: str) -> KeyFound | None:
        """A key that holds, of a person who may sign in; it was used now."""
        now = to_millis(self._clock.now())

        def select(connection: Connection) -> Row | None:
            row: Row | None = connection.execute(
                "SELECT u.*, k.id AS key_id, k.scopes, k.expires_at, k.last_used_at"
                " FROM api_keys k JOIN users u ON u.id = k.user_id"
                " WHERE k.secret_hash = ? AND (k.expires_at IS NULL OR k.expires_at > ?)"
                " AND u.disabled_at IS NULL",
                (secret_hash, now),
            ).fetchone()
            return row

        row = await self._database.read(select)
        if row is None:
            return None
        if now - (row["last_used_at"] or 0) > _TOUCH_AFTER_MS:
            await self._touch(row["key_id"], now)
        caller = Caller(user_from(row), "key", row["key_id"], frozenset(row["scopes"].split()))
        return KeyFound(caller, _moment(row["expires_at"]))

    async def _touch(self, key_id: str, now: int) -> None:
        def update(connection: Connection) -> None:
            connection.execute("UPDATE api_keys SET last_used_at = ? WHERE id = ?", (now, key_id))

        await self._database.write(update, durable=False)


def _key(row: Row) -> ApiKey:
    return ApiKey(
        row["id"],
        row["name"],
        tuple(row["scopes"].split()),
        row["hint"],
        from_millis(row["created_at"]),
        _moment(row["expires_at"]),
        _moment(row["last_used_at"]),
    )


def _moment(millis: int | None) -> datetime | None:
    return None if millis is None else from_millis(millis)

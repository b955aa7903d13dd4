"""Sessions: a browser's, or a program's chain of refresh tokens. Only hashes of tokens are kept."""

from dataclasses import dataclass
from datetime import datetime

from backend.auth.app_grant import end_apps
from backend.auth.audit_store import AuditEvent, record
from backend.auth.people import Origin, SessionKind, User
from backend.auth.store import user_from
from backend.auth.tokens import Subject
from backend.db.database import Connection, Database, Row
from backend.kit.clock import Clock, from_millis, to_millis

_LONGEST_AGENT = 200
_OF_A_PERSON = (
    "SELECT u.*, s.id AS session_id, s.token_hash, s.expires_at, s.last_seen_at, s.address"
    " FROM sessions s JOIN users u ON u.id = s.user_id WHERE u.disabled_at IS NULL"
)


@dataclass(frozen=True, slots=True)
class Session:
    """One that is open, of a person who may sign in."""

    id: str
    user: User
    token_version: int
    expires_at: datetime
    last_seen_at: datetime


@dataclass(frozen=True, slots=True)
class NewSession:
    id: str
    kind: SessionKind
    token_hash: str
    expires_at: datetime


@dataclass(frozen=True, slots=True)
class ListedSession:
    id: str
    kind: SessionKind
    user_agent: str
    address: str
    created_at: datetime
    last_seen_at: datetime
    expires_at: datetime


@dataclass(frozen=True, slots=True)
class Refreshed:
    user: User
    is_reused: bool
    """An older token of the chain came back: the chain is closed."""


class SessionStore:
    def __init__(self, database: Database, clock: Clock) -> None:
        self._database = database
        self._clock = clock

    async def open(
        self,
        session: NewSession,
        user: User,
        origin: Origin,
        event: AuditEvent,
        password_hash: str | None = None,
    ) -> int | None:
        """The person's token version. None, and nothing is opened, when they may not sign in any
        more, or their password is not the one that was checked (`password_hash`)."""
        now = to_millis(self._clock.now())

        def insert(connection: Connection) -> int | None:
            connection.execute("DELETE FROM sessions WHERE expires_at <= ?", (now,))
            row = connection.execute(
                "SELECT token_version FROM users WHERE id = ?1 AND disabled_at IS NULL"
                " AND (?2 IS NULL OR password_hash = ?2)",
                (user.id, password_hash),
            ).fetchone()
            if row is None:
                return None
            connection.execute(
                "INSERT INTO sessions (id, kind, token_hash, user_id, user_agent, address,"
                " created_at, last_seen_at, expires_at) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?)",
                (
                    session.id,
                    session.kind,
                    session.token_hash,
                    user.id,
                    origin.user_agent[:_LONGEST_AGENT],
                    origin.address,
                    now,
                    now,
                    to_millis(session.expires_at),
                ),
            )
            record(connection, now, event)
            return int(row["token_version"])

        return await self._database.write(insert)

    async def by_cookie(self, token_hash: str) -> Session | None:
        return await self._one("AND s.kind = 'session' AND s.token_hash = ?", token_hash)

    async def chain(self, session_id: str) -> Session | None:
        return await self._one("AND s.kind = 'token' AND s.id = ?", session_id)

    async def _one(self, which: str, value: str) -> Session | None:
        now = to_millis(self._clock.now())

        def select(connection: Connection) -> Session | None:
            row = connection.execute(
                f"{_OF_A_PERSON} AND s.expires_at > ? {which}", (now, value)
            ).fetchone()
            return None if row is None else _session(row)

        return await self._database.read(select)

    async def prolong(self, session_id: str, address: str, expires_at: datetime) -> None:
        now = to_millis(self._clock.now())

        def update(connection: Connection) -> None:
            connection.execute(
                "UPDATE sessions SET last_seen_at = ?, expires_at = ?, address = ? WHERE id = ?",
                (now, to_millis(expires_at), address, session_id),
            )

        await self._database.write(update, durable=False)

    async def refresh(
        self, following: NewSession, shown_hash: str, subject: Subject, origin: Origin
    ) -> Refreshed | None:
        """Put the following refresh token in the place of the one that was shown, in one step.

        None: there is no such chain (any more).
        """
        now = to_millis(self._clock.now())

        def rotate(connection: Connection) -> Refreshed | None:
            row = connection.execute(
                f"{_OF_A_PERSON} AND s.kind = 'token' AND s.id = ? AND s.expires_at > ?"
                " AND u.id = ? AND u.token_version = ?",
                (following.id, now, subject.user_id, subject.version),
            ).fetchone()
            if row is None:
                return None
            user = user_from(row)
            if row["token_hash"] != shown_hash:
                connection.execute("DELETE FROM sessions WHERE id = ?", (following.id,))
                event = AuditEvent(
                    "token_reused", "", user.username, "its sign-in is closed", origin.address
                )
                record(connection, now, event)
                return Refreshed(user, is_reused=True)
            connection.execute(
                "UPDATE sessions SET token_hash = ?, last_seen_at = ?, expires_at = ?,"
                " address = ? WHERE id = ?",
                (
                    following.token_hash,
                    now,
                    to_millis(following.expires_at),
                    origin.address,
                    following.id,
                ),
            )
            return Refreshed(user, is_reused=False)

        return await self._database.write(rotate)

    async def listed(self, user_id: str) -> list[ListedSession]:
        """Seen last first."""
        now = to_millis(self._clock.now())

        def select(connection: Connection) -> list[ListedSession]:
            rows = connection.execute(
                "SELECT * FROM sessions WHERE user_id = ? AND expires_at > ?"
                " ORDER BY last_seen_at DESC, id",
                (user_id, now),
            )
            return [_listed(row) for row in rows]

        return await self._database.read(select)

    async def open_addresses(self, user_id: str) -> list[str]:
        """Where a person is signed in."""
        now = to_millis(self._clock.now())
        return await self._database.read(
            lambda c: [
                row[0]
                for row in c.execute(
                    "SELECT DISTINCT address FROM sessions WHERE user_id = ? AND expires_at > ?",
                    (user_id, now),
                )
            ]
        )

    async def close(self, user_id: str, session_id: str, event: AuditEvent) -> bool:
        """Whether there was one of this person."""
        now = to_millis(self._clock.now())

        def delete(connection: Connection) -> bool:
            gone = connection.execute(
                "DELETE FROM sessions WHERE id = ? AND user_id = ?", (session_id, user_id)
            ).rowcount
            if gone:
                record(connection, now, event)
            return bool(gone)

        return await self._database.write(delete)

    async def close_others(self, user_id: str, kept: str, event: AuditEvent) -> None:
        now = to_millis(self._clock.now())

        def delete(connection: Connection) -> None:
            connection.execute(
                "DELETE FROM sessions WHERE user_id = ? AND id <> ?", (user_id, kept)
            )
            end_apps(connection, user_id)
            record(connection, now, event)

        await self._database.write(delete)

    async def end_tokens(self, user_id: str, event: AuditEvent) -> None:
        """All of a person's programs have to sign in again."""
        now = to_millis(self._clock.now())

        def update(connection: Connection) -> None:
            connection.execute(
                "UPDATE users SET token_version = token_version + 1 WHERE id = ?", (user_id,)
            )
            connection.execute(
                "DELETE FROM sessions WHERE user_id = ? AND kind = 'token'", (user_id,)
            )
            end_apps(connection, user_id)
            record(connection, now, event)

        await self._database.write(update)

    async def note(self, event: AuditEvent) -> None:
        now = to_millis(self._clock.now())
        await self._database.write(lambda c: record(c, now, event))


def _session(row: Row) -> Session:
    return Session(
        row["session_id"],
        user_from(row),
        row["token_version"],
        from_millis(row["expires_at"]),
        from_millis(row["last_seen_at"]),
    )


def _listed(row: Row) -> ListedSession:
    return ListedSession(
        row["id"],
        row["kind"],
        row["user_agent"],
        row["address"],
        from_millis(row["created_at"]),
        from_millis(row["last_seen_at"]),
        from_millis(row["expires_at"]),
    )

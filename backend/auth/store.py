"""People and their sessions. Of a session only the token's hash is kept."""

from datetime import datetime

from backend.auth.people import Account, Limits, Origin, Session, SessionKind, User
from backend.db.database import Connection, Database, IntegrityError, Row
from backend.kit.clock import Clock, from_millis, to_millis
from backend.kit.errors import ConflictError

_LONGEST_AGENT = 200
_NO_LIMITS = Limits()


class NameTakenError(ConflictError):
    code = "name_taken"


class SetupDoneError(ConflictError):
    code = "setup_done"


class AuthStore:
    def __init__(self, database: Database, clock: Clock) -> None:
        self._database = database
        self._clock = clock

    async def has_people(self) -> bool:
        return await self._database.read(_has_people)

    async def people(self) -> list[User]:
        return await self._database.read(
            lambda c: [
                user_from(row) for row in c.execute("SELECT * FROM users ORDER BY created_at")
            ]
        )

    async def add(self, user: User, password_hash: str, *, first: bool) -> None:
        """`first`: only while there is nobody. Raises NameTakenError, SetupDoneError."""
        now = to_millis(self._clock.now())

        def insert(connection: Connection) -> None:
            if first and _has_people(connection):
                raise SetupDoneError("Parlor is set up already; ask its owner for an account.")
            connection.execute(
                "INSERT INTO users (id, username, display_name, password_hash, role, created_at)"
                " VALUES (?, ?, ?, ?, ?, ?)",
                (user.id, user.username, user.display_name, password_hash, user.role, now),
            )

        try:
            await self._database.write(insert)
        except IntegrityError as error:
            raise NameTakenError("Somebody has that name already.") from error

    async def account(self, username: str) -> Account | None:
        def select(connection: Connection) -> Account | None:
            row = connection.execute(
                "SELECT * FROM users WHERE username = ?", (username,)
            ).fetchone()
            if row is None:
                return None
            return Account(user_from(row), row["password_hash"], row["disabled_at"] is not None)

        return await self._database.read(select)

    async def set_password(self, user_id: str, password_hash: str) -> None:
        """Also ends all sessions of that person."""

        def update(connection: Connection) -> None:
            connection.execute(
                "UPDATE users SET password_hash = ? WHERE id = ?", (password_hash, user_id)
            )
            connection.execute("DELETE FROM sessions WHERE user_id = ?", (user_id,))

        await self._database.write(update)

    async def open_session(
        self, session: Session, token_hash: str, *, kind: SessionKind, origin: Origin
    ) -> None:
        now = to_millis(self._clock.now())

        def insert(connection: Connection) -> None:
            connection.execute("DELETE FROM sessions WHERE expires_at < ?", (now,))
            connection.execute(
                "INSERT INTO sessions (id, kind, token_hash, user_id, user_agent, address,"
                " created_at, last_seen_at, expires_at) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?)",
                (
                    session.id,
                    kind,
                    token_hash,
                    session.user.id,
                    origin.user_agent[:_LONGEST_AGENT],
                    origin.address,
                    now,
                    now,
                    to_millis(session.expires_at),
                ),
            )

        await self._database.write(insert)

    async def session(self, token_hash: str) -> Session | None:
        """An unexpired browser session of a person who may sign in."""
        now = to_millis(self._clock.now())

        def select(connection: Connection) -> Session | None:
            row = connection.execute(
                "SELECT u.*, s.id AS session_id, s.expires_at, s.last_seen_at FROM sessions s"
                " JOIN users u ON u.id = s.user_id"
                " WHERE s.token_hash = ? AND s.kind = 'session' AND s.expires_at > ?"
                " AND u.disabled_at IS NULL",
                (token_hash, now),
            ).fetchone()
            if row is None:
                return None
            return Session(
                row["session_id"],
                user_from(row),
                from_millis(row["expires_at"]),
                from_millis(row["last_seen_at"]),
            )

        return await self._database.read(select)

    async def touch(self, session_id: str, expires_at: datetime) -> None:
        now = to_millis(self._clock.now())

        def update(connection: Connection) -> None:
            connection.execute(
                "UPDATE sessions SET last_seen_at = ?, expires_at = ? WHERE id = ?",
                (now, to_millis(expires_at), session_id),
            )

        await self._database.write(update, durable=False)

    async def close_session(self, session_id: str) -> None:
        def delete(connection: Connection) -> None:
            connection.execute("DELETE FROM sessions WHERE id = ?", (session_id,))

        await self._database.write(delete)


def _has_people(connection: Connection) -> bool:
    return connection.execute("SELECT 1 FROM users LIMIT 1").fetchone() is not None


def user_from(row: Row) -> User:
    """From a row of `users`."""
    return User(
        id=row["id"],
        username=row["username"],
        display_name=row["display_name"],
        role=row["role"],
        email=row["email"],
        limits=_NO_LIMITS if row["limits"] == "{}" else Limits.model_validate_json(row["limits"]),
    )

"""People, as far as signing in needs them."""

from dataclasses import dataclass

from backend.auth.app_grant import end_apps
from backend.auth.audit_store import AuditEvent, record
from backend.auth.people import Account, Limits, User
from backend.db.database import Connection, Database, IntegrityError, Row
from backend.kit.clock import Clock, to_millis
from backend.kit.errors import ConflictError

_NO_LIMITS = Limits()


class NameTakenError(ConflictError):
    code = "name_taken"


class SetupDoneError(ConflictError):
    code = "setup_done"


@dataclass(frozen=True, slots=True)
class NewPassword:
    user_id: str
    password_hash: str
    kept_session: str = ""
    """All others end."""
    removes_second_factor: bool = False


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

    async def add(self, user: User, password_hash: str, event: AuditEvent, *, first: bool) -> None:
        """`first`: only while there is nobody. Raises NameTakenError, SetupDoneError."""
        now = to_millis(self._clock.now())

        def insert(connection: Connection) -> None:
            if first and _has_people(connection):
                raise SetupDoneError("Parlor is set up already; ask its owner for an account.")
            connection.execute(
                "INSERT INTO users (id, username, display_name, email, password_hash, role,"
                " created_at) VALUES (?, ?, ?, ?, ?, ?, ?)",
                (
                    user.id,
                    user.username,
                    user.display_name,
                    user.email,
                    password_hash,
                    user.role,
                    now,
                ),
            )
            record(connection, now, event)

        try:
            await self._database.write(insert)
        except IntegrityError as error:
            raise NameTakenError("Somebody has that name or that mail address.") from error

    async def account(self, username: str) -> Account | None:
        def select(connection: Connection) -> Account | None:
            row = connection.execute(
                "SELECT * FROM users WHERE username = ?", (username,)
            ).fetchone()
            if row is None:
                return None
            return Account(user_from(row), row["password_hash"], row["disabled_at"] is not None)

        return await self._database.read(select)

    async def rename(self, user_id: str, display_name: str) -> User | None:
        def update(connection: Connection) -> User | None:
            row = connection.execute(
                "UPDATE users SET display_name = ? WHERE id = ? RETURNING *",
                (display_name, user_id),
            ).fetchone()
            return None if row is None else user_from(row)

        return await self._database.write(update)

    async def set_password(self, new: NewPassword, event: AuditEvent) -> None:
        now = to_millis(self._clock.now())

        def update(connection: Connection) -> None:
            connection.execute(
                "UPDATE users SET password_hash = ? WHERE id = ?", (new.password_hash, new.user_id)
            )
            connection.execute(
                "DELETE FROM sessions WHERE user_id = ? AND id <> ?",
                (new.user_id, new.kept_session),
            )
            end_apps(connection, new.user_id)
            if new.removes_second_factor:
                for table in ("totp", "recovery_codes", "passkeys"):
                    connection.execute(f"DELETE FROM {table} WHERE user_id = ?", (new.user_id,))  # noqa: S608  # names from the line above
            record(connection, now, event)

        await self._database.write(update)


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

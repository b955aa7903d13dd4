"""The people of the household as its owner manages them. Each change tells the audit log of itself."""

from collections.abc import Callable, Mapping

from backend.auth.app_grant import end_apps
from backend.auth.audit_store import AuditEvent, AuditKind, record
from backend.auth.members import By, Member, PersonChange
from backend.auth.store import user_from
from backend.db.database import Connection, Database, IntegrityError, Row
from backend.kit.clock import Clock, from_millis, to_millis
from backend.kit.errors import ConflictError, NotFoundError

type Detach = Callable[[Connection, str], None]
"""What else has to be done with a person's things in the transaction that deletes them."""

_PEOPLE = """
    SELECT u.*,
        EXISTS (SELECT 1 FROM totp t WHERE t.user_id = u.id AND t.confirmed_at IS NOT NULL)
            OR EXISTS (SELECT 1 FROM passkeys p WHERE p.user_id = u.id) AS second_factor,
        (SELECT max(at) FROM (
            SELECT last_seen_at AS at FROM sessions WHERE user_id = u.id
            UNION ALL SELECT last_used_at FROM api_keys WHERE user_id = u.id
            UNION ALL SELECT last_used_at FROM app_grants WHERE user_id = u.id
        )) AS last_seen_at
    FROM users u
"""
_SETTERS = {
    "display_name": "UPDATE users SET display_name = ? WHERE id = ?",
    "email": "UPDATE users SET email = ? WHERE id = ?",
    "role": "UPDATE users SET role = ? WHERE id = ?",
    "limits": "UPDATE users SET limits = ? WHERE id = ?",
    "disabled_at": "UPDATE users SET disabled_at = ? WHERE id = ?",
}


class LastOwnerError(ConflictError):
    code = "last_owner"

    def __init__(self) -> None:
        super().__init__("The only owner has to stay the owner, or nobody could manage Parlor.")


class EmailTakenError(ConflictError):
    code = "email_taken"

    def __init__(self) -> None:
        super().__init__("Somebody else has that email address here.")


class HouseholdStore:
    def __init__(self, database: Database, clock: Clock) -> None:
        self._database = database
        self._clock = clock

    async def members(self) -> list[Member]:
        return await self._database.read(
            lambda c: [_member(row) for row in c.execute(f"{_PEOPLE} ORDER BY u.created_at, u.id")]
        )

    async def change(self, person_id: str, change: PersonChange, by: By) -> Member:
        """Disabling somebody ends their sessions, tokens and keys.

        Raises NotFoundError, LastOwnerError, EmailTakenError.
        """
        now = to_millis(self._clock.now())

        def apply(connection: Connection) -> Member:
            before = _load(connection, person_id)
            given = change.model_dump(exclude_unset=True)
            if given.get("disabled") or given.get("role", before.user.role) != before.user.role:
                _keep_an_owner(connection, before)
            for name, value in _columns(before, change, now).items():
                connection.execute(_SETTERS[name], (value, person_id))
            after = _load(connection, person_id)
            if after.disabled and not before.disabled:
                _end_credentials(connection, person_id)
            elif after.user.role == "child" and before.user.role != "child":
                # A child makes no keys and lets no apps in, and keeps none either.
                connection.execute("DELETE FROM api_keys WHERE user_id = ?", (person_id,))
                end_apps(connection, person_id)
            for event in _events(before, after, by):
                record(connection, now, event)
            return after

        try:
            return await self._database.write(apply)
        except IntegrityError as error:  # the only value here that has to be unique
            raise EmailTakenError from error

    async def member(self, person_id: str) -> Member:
        """Raises NotFoundError."""
        return await self._database.read(lambda c: _load(c, person_id))

    async def remove(self, person_id: str, by: By, detach: Detach) -> None:
        """Raises NotFoundError, LastOwnerError."""
        now = to_millis(self._clock.now())

        def apply(connection: Connection) -> None:
            person = _load(connection, person_id)
            _keep_an_owner(connection, person)
            detach(connection, person_id)
            connection.execute("DELETE FROM users WHERE id = ?", (person_id,))
            record(connection, now, by.event("person_deleted", person.user.username))

        await self._database.write(apply)


def _end_credentials(connection: Connection, person_id: str) -> None:
    """Sessions, tokens, keys, apps, and sign-ins that are half done."""
    for statement in (
        "DELETE FROM sessions WHERE user_id = ?",
        "DELETE FROM api_keys WHERE user_id = ?",
        "DELETE FROM challenges WHERE user_id = ?",
        "UPDATE users SET token_version = token_version + 1 WHERE id = ?",
    ):
        connection.execute(statement, (person_id,))
    end_apps(connection, person_id)


def _columns(before: Member, change: PersonChange, now: int) -> Mapping[str, object]:
    """Column -> its new value, of what was given."""
    given = change.model_dump(exclude_unset=True)
    columns: dict[str, object] = {
        name: given[name] for name in ("display_name", "email", "role") if name in given
    }
    if "limits" in given:
        columns["limits"] = change.limits.model_dump_json(exclude_none=True)
    if "disabled" in given and change.disabled != before.disabled:
        columns["disabled_at"] = now if change.disabled else None
    return columns


def _events(before: Member, after: Member, by: By) -> list[AuditEvent]:
    name = after.user.username
    events = []
    changed = [
        field
        for field in ("display_name", "email", "role", "limits")
        if getattr(before.user, field) != getattr(after.user, field)
    ]
    if changed:
        detail = ", ".join(
            f"role: {after.user.role}" if field == "role" else field for field in changed
        )
        events.append(by.event("person_changed", name, detail))
    if before.disabled != after.disabled:
        kind: AuditKind = "person_disabled" if after.disabled else "person_enabled"
        events.append(by.event(kind, name))
    return events


def _keep_an_owner(connection: Connection, person: Member) -> None:
    if person.user.role != "owner" or person.disabled:
        return
    others = connection.execute(
        "SELECT 1 FROM users WHERE role = 'owner' AND disabled_at IS NULL AND id <> ?",
        (person.user.id,),
    ).fetchone()
    if others is None:
        raise LastOwnerError


def _load(connection: Connection, person_id: str) -> Member:
    row = connection.execute(f"{_PEOPLE} WHERE u.id = ?", (person_id,)).fetchone()
    if row is None:
        raise NotFoundError("There is no such person.")
    return _member(row)


def _member(row: Row) -> Member:
    seen = row["last_seen_at"]
    return Member(
        user=user_from(row),
        disabled=row["disabled_at"] is not None,
        created_at=from_millis(row["created_at"]),
        last_seen_at=None if seen is None else from_millis(seen),
        second_factor=bool(row["second_factor"]),
    )

"""What happened to accounts, devices and keys: appended inside the change it tells of."""

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Literal

from backend.db.database import Connection, Database
from backend.kit.clock import Clock, from_millis, to_millis

KEPT = timedelta(days=400)
_LONGEST = 300

type AuditKind = Literal[
    "owner_made",
    "person_added",
    "person_changed",
    "person_disabled",
    "person_enabled",
    "person_reset",
    "person_deleted",
    "signed_in",
    "sign_in_blocked",
    "signed_out",
    "session_ended",
    "sessions_ended",
    "token_reused",
    "password_changed",
    "second_factor_added",
    "second_factor_removed",
    "recovery_codes_made",
    "recovery_code_used",
    "passkey_added",
    "passkey_removed",
    "identity_added",
    "identity_removed",
    "key_made",
    "key_removed",
    "signing_key_changed",
    "device_paired",
    "device_renamed",
    "device_removed",
    "pairing_blocked",
    "budget_nearly_used",
    "tool_server_added",
    "tool_server_removed",
    "tool_server_enabled",
    "tool_server_disabled",
    "tools_switched",
    "tools_approved",
    "tool_traffic_recorded",
    "app_allowed",
    "app_removed",
    "app_reused",
]


@dataclass(frozen=True, slots=True)
class AuditEvent:
    """`actor` and `subject` are names as they were: whoever did it, and whom or what it is about."""

    kind: AuditKind
    actor: str
    subject: str
    detail: str = ""
    address: str = ""


@dataclass(frozen=True, slots=True)
class RecordedEvent:
    number: int
    at: datetime
    event: AuditEvent


def record(connection: Connection, at_ms: int, event: AuditEvent) -> None:
    """For use inside the transaction of the change: both are there, or neither."""
    connection.execute(
        "INSERT INTO audit_events (at, kind, actor, subject, detail, address)"
        " VALUES (?, ?, ?, ?, ?, ?)",
        (
            at_ms,
            event.kind,
            event.actor[:_LONGEST],
            event.subject[:_LONGEST],
            event.detail[:_LONGEST],
            event.address[:_LONGEST],
        ),
    )


class AuditStore:
    def __init__(self, database: Database, clock: Clock) -> None:
        self._database = database
        self._clock = clock

    async def add(self, event: AuditEvent) -> None:
        """An event that belongs to no change of anything else."""
        now = to_millis(self._clock.now())
        await self._database.write(lambda c: record(c, now, event))

    async def add_once(self, event: AuditEvent, since: datetime) -> None:
        """Only when none of this kind about this subject is there from `since` on."""
        now, start = to_millis(self._clock.now()), to_millis(since)

        def add(connection: Connection) -> None:
            told = connection.execute(
                "SELECT 1 FROM audit_events WHERE kind = ? AND subject = ? AND at >= ?",
                (event.kind, event.subject[:_LONGEST], start),
            ).fetchone()
            if told is None:
                record(connection, now, event)

        await self._database.write(add)

    async def page(self, *, before: int | None, limit: int) -> list[RecordedEvent]:
        """Newest first; those with a number below `before`."""

        def select(connection: Connection) -> list[RecordedEvent]:
            rows = connection.execute(
                "SELECT * FROM audit_events WHERE ?1 IS NULL OR number < ?1"
                " ORDER BY number DESC LIMIT ?2",
                (before, limit),
            )
            return [
                RecordedEvent(
                    row["number"],
                    from_millis(row["at"]),
                    AuditEvent(
                        row["kind"], row["actor"], row["subject"], row["detail"], row["address"]
                    ),
                )
                for row in rows
            ]

        return await self._database.read(select)

    async def prune(self) -> None:
        oldest = to_millis(self._clock.now() - KEPT)

        def delete(connection: Connection) -> None:
            connection.execute("DELETE FROM audit_events WHERE at < ?", (oldest,))

        await self._database.write(delete, durable=False)

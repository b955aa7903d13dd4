"""Second factors and passkeys in SQLite. Whatever is taken once is taken in one statement."""

from collections.abc import Sequence
from dataclasses import dataclass

from backend.auth.audit_store import AuditEvent, record
from backend.db.database import Connection, Database
from backend.kit.clock import Clock, to_millis


@dataclass(frozen=True, slots=True)
class FactorState:
    totp: bool
    passkeys: int
    recovery_codes_left: int


@dataclass(frozen=True, slots=True)
class SealedSecret:
    sealed: bytes
    is_confirmed: bool


class FactorStore:
    def __init__(self, database: Database, clock: Clock) -> None:
        self._database = database
        self._clock = clock

    async def state(self, user_id: str) -> FactorState:
        def select(connection: Connection) -> FactorState:
            row = connection.execute(
                "SELECT EXISTS (SELECT 1 FROM totp WHERE user_id = ?1"
                " AND confirmed_at IS NOT NULL),"
                " (SELECT count(*) FROM passkeys WHERE user_id = ?1),"
                " (SELECT count(*) FROM recovery_codes WHERE user_id = ?1 AND used_at IS NULL)",
                (user_id,),
            ).fetchone()
            return FactorState(bool(row[0]), row[1], row[2])

        return await self._database.read(select)

    async def secret(self, user_id: str) -> SealedSecret | None:
        def select(connection: Connection) -> SealedSecret | None:
            row = connection.execute(
                "SELECT sealed_secret, confirmed_at FROM totp WHERE user_id = ?", (user_id,)
            ).fetchone()
            return None if row is None else SealedSecret(row[0], row[1] is not None)

        return await self._database.read(select)

    async def begin(self, user_id: str, sealed: bytes) -> bool:
        """Keep a secret that is not asked for yet; False when one is in use."""

        def insert(connection: Connection) -> bool:
            changed = connection.execute(
                "INSERT INTO totp (user_id, sealed_secret) VALUES (?, ?)"
                " ON CONFLICT (user_id) DO UPDATE SET sealed_secret = excluded.sealed_secret,"
                " last_step = 0 WHERE confirmed_at IS NULL",
                (user_id, sealed),
            )
            return bool(changed.rowcount)

        return await self._database.write(insert)

    async def confirm(
        self, user_id: str, sealed: bytes, step: int, code_hashes: Sequence[str], event: AuditEvent
    ) -> bool:
        """False when it was in use already, or is another one by now."""
        now = to_millis(self._clock.now())

        def update(connection: Connection) -> bool:
            changed = connection.execute(
                "UPDATE totp SET confirmed_at = ?, last_step = ?"
                " WHERE user_id = ? AND sealed_secret = ? AND confirmed_at IS NULL",
                (now, step, user_id, sealed),
            )
            if not changed.rowcount:
                return False
            _replace_codes(connection, user_id, code_hashes)
            record(connection, now, event)
            return True

        return await self._database.write(update)

    async def use_step(self, user_id: str, step: int) -> bool:
        """False when a code of this time step, or of a later one, was taken before."""

        def update(connection: Connection) -> bool:
            changed = connection.execute(
                "UPDATE totp SET last_step = ?1 WHERE user_id = ?2 AND last_step < ?1"
                " AND confirmed_at IS NOT NULL",
                (step, user_id),
            )
            return bool(changed.rowcount)

        return await self._database.write(update)

    async def remove(self, user_id: str, event: AuditEvent) -> bool:
        """With the recovery codes. False when there was none."""
        now = to_millis(self._clock.now())

        def delete(connection: Connection) -> bool:
            gone = connection.execute(
                "DELETE FROM totp WHERE user_id = ? RETURNING confirmed_at", (user_id,)
            ).fetchone()
            if gone is None or gone["confirmed_at"] is None:
                return False
            connection.execute("DELETE FROM recovery_codes WHERE user_id = ?", (user_id,))
            record(connection, now, event)
            return True

        return await self._database.write(delete)

    async def replace_codes(
        self, user_id: str, code_hashes: Sequence[str], event: AuditEvent
    ) -> bool:
        """False when no second factor is in use."""
        now = to_millis(self._clock.now())

        def replace(connection: Connection) -> bool:
            in_use = connection.execute(
                "SELECT 1 FROM totp WHERE user_id = ? AND confirmed_at IS NOT NULL", (user_id,)
            ).fetchone()
            if in_use is None:
                return False
            _replace_codes(connection, user_id, code_hashes)
            record(connection, now, event)
            return True

        return await self._database.write(replace)

    async def use_recovery_code(self, user_id: str, code_hash: str, event: AuditEvent) -> bool:
        """False when it is none, or was used before."""
        now = to_millis(self._clock.now())

        def use(connection: Connection) -> bool:
            changed = connection.execute(
                "UPDATE recovery_codes SET used_at = ?"
                " WHERE code_hash = ? AND user_id = ? AND used_at IS NULL",
                (now, code_hash, user_id),
            )
            if not changed.rowcount:
                return False
            record(connection, now, event)
            return True

        return await self._database.write(use)


def _replace_codes(connection: Connection, user_id: str, code_hashes: Sequence[str]) -> None:
    connection.execute("DELETE FROM recovery_codes WHERE user_id = ?", (user_id,))
    connection.executemany(
        "INSERT INTO recovery_codes (code_hash, user_id) VALUES (?, ?)",
        [(code_hash, user_id) for code_hash in code_hashes],
    )

"""Paired displays, and the pairings that are still open. Secrets are kept as hashes alone."""

import secrets

from backend.auth.audit_store import AuditEvent, record
from backend.auth.displays import (
    PAIRING_LIFE,
    Device,
    Pairing,
    PairingExpiredError,
    PairingUnknownError,
    TooManyPairingsError,
)
from backend.auth.limiter import network_of
from backend.auth.people import DeviceCaller, Origin
from backend.db.database import Connection, Database, Row
from backend.kit.addresses import is_public, parsed
from backend.kit.clock import Clock, from_millis, to_millis
from backend.kit.errors import NotFoundError

_PAIRING_LIFE_MS = round(PAIRING_LIFE.total_seconds() * 1000)
_OPEN_AT_ONCE, _OPEN_PER_ADDRESS = 20, 5
_ADDRESSES = "SELECT address FROM pairings"
_LONGEST_AGENT = 200
_TOUCH_AFTER_MS = 60_000


class DeviceStore:
    def __init__(self, database: Database, clock: Clock) -> None:
        self._database = database
        self._clock = clock

    async def device(self, token_hash: str) -> DeviceCaller | None:
        """The display with this token, which was seen now."""
        now = to_millis(self._clock.now())

        def select(connection: Connection) -> Row | None:
            row: Row | None = connection.execute(
                "SELECT id, name, last_seen_at FROM devices WHERE token_hash = ?", (token_hash,)
            ).fetchone()
            return row

        row = await self._database.read(select)
        if row is None:
            return None
        if now - (row["last_seen_at"] or 0) > _TOUCH_AFTER_MS:
            await self._touch(row["id"], now)
        return DeviceCaller(row["id"], row["name"])

    async def _touch(self, device_id: str, now: int) -> None:
        def update(connection: Connection) -> None:
            connection.execute("UPDATE devices SET last_seen_at = ? WHERE id = ?", (now, device_id))

        await self._database.write(update, durable=False)

    # --- pairing -----------------------------------------------------------------------------

    async def open_pairing(self, secret_hash: str, origin: Origin) -> str:
        """Returns the code. Raises TooManyPairingsError."""
        now = to_millis(self._clock.now())

        def insert(connection: Connection) -> str:
            _forget_expired(connection, now)
            # The internet cannot take all places, so that a display at home still gets one.
            is_outside = _is_outside(origin.address)
            addresses = [row[0] for row in connection.execute(_ADDRESSES)]
            opened = [network_of(one) for one in addresses if _is_outside(one) == is_outside]
            from_there = opened.count(network_of(origin.address))
            if len(opened) >= _OPEN_AT_ONCE or from_there >= _OPEN_PER_ADDRESS:
                raise TooManyPairingsError(
                    "Too many displays wait for their code. Try again in ten minutes.",
                    retry_after=PAIRING_LIFE.total_seconds(),
                )
            code = _free_code(connection)
            connection.execute(
                "INSERT INTO pairings (secret_hash, code, user_agent, address, created_at,"
                " expires_at) VALUES (?, ?, ?, ?, ?, ?)",
                (
                    secret_hash,
                    code,
                    origin.user_agent[:_LONGEST_AGENT],
                    origin.address,
                    now,
                    now + _PAIRING_LIFE_MS,
                ),
            )
            return code

        return await self._database.write(insert)

    async def pairing(self, code: str) -> Pairing:
        """One that waits. Raises PairingUnknownError."""
        now = to_millis(self._clock.now())
        row = await self._database.read(lambda c: _waiting(c, code, now))
        return Pairing(
            row["code"], row["user_agent"], row["address"], from_millis(row["created_at"])
        )

    async def approve(self, code: str, device_id: str, name: str, event: AuditEvent) -> Device:
        """The display is in the list from now on; it fetches its token next.

        Raises PairingUnknownError: unknown, expired, or somebody was faster.
        """
        now = to_millis(self._clock.now())

        def apply(connection: Connection) -> Device:
            pairing = _waiting(connection, code, now)
            connection.execute(
                "INSERT INTO devices (id, name, approved_by, user_agent, address, created_at)"
                " VALUES (?, ?, ?, ?, ?, ?)",
                (device_id, name, event.actor, pairing["user_agent"], pairing["address"], now),
            )
            connection.execute(
                "UPDATE pairings SET device_id = ? WHERE code = ?", (device_id, code)
            )
            record(connection, now, event)
            return _device(connection, device_id)

        return await self._database.write(apply)

    async def claim(self, secret_hash: str, token_hash: str) -> Device | None:
        """Give the display its token, once. None while it waits. Raises PairingExpiredError."""
        now = to_millis(self._clock.now())

        def apply(connection: Connection) -> Device | None:
            row = connection.execute(
                "SELECT device_id FROM pairings WHERE secret_hash = ? AND expires_at > ?",
                (secret_hash, now),
            ).fetchone()
            if row is None:
                raise PairingExpiredError
            if row["device_id"] is None:
                return None
            connection.execute("DELETE FROM pairings WHERE secret_hash = ?", (secret_hash,))
            connection.execute(
                "UPDATE devices SET token_hash = ?, last_seen_at = ? WHERE id = ?",
                (token_hash, now, row["device_id"]),
            )
            return _device(connection, row["device_id"])

        return await self._database.write(apply)

    # --- the list ----------------------------------------------------------------------------

    async def devices(self) -> list[Device]:
        """Those approved and never fetched are shown while they still can be."""
        now = to_millis(self._clock.now())

        def select(connection: Connection) -> list[Device]:
            rows = connection.execute(
                "SELECT * FROM devices WHERE token_hash IS NOT NULL OR id IN"
                " (SELECT device_id FROM pairings WHERE expires_at > ?) ORDER BY created_at, id",
                (now,),
            )
            return [_device_from(row) for row in rows]

        return await self._database.read(select)

    async def rename(self, device_id: str, name: str, event: AuditEvent) -> Device:
        """Raises NotFoundError. The event's subject becomes the old name."""
        now = to_millis(self._clock.now())

        def apply(connection: Connection) -> Device:
            before = _device(connection, device_id)
            connection.execute("UPDATE devices SET name = ? WHERE id = ?", (name, device_id))
            record(connection, now, _about(event, before.name))
            return _device(connection, device_id)

        return await self._database.write(apply)

    async def remove(self, device_id: str, event: AuditEvent) -> None:
        """Raises NotFoundError. The event's subject becomes its name."""
        now = to_millis(self._clock.now())

        def apply(connection: Connection) -> None:
            before = _device(connection, device_id)
            connection.execute("DELETE FROM devices WHERE id = ?", (device_id,))
            record(connection, now, _about(event, before.name))

        await self._database.write(apply)


def _is_outside(address: str) -> bool:
    found = parsed(address)
    return found is not None and is_public(found)


def _about(event: AuditEvent, subject: str) -> AuditEvent:
    return AuditEvent(event.kind, event.actor, subject, event.detail, event.address)


def _forget_expired(connection: Connection, now: int) -> None:
    connection.execute("DELETE FROM pairings WHERE expires_at <= ?", (now,))
    # Approved, but the display never came for its token: nobody can any more.
    connection.execute(
        "DELETE FROM devices WHERE token_hash IS NULL AND id NOT IN"
        " (SELECT device_id FROM pairings WHERE device_id IS NOT NULL)"
    )


def _free_code(connection: Connection) -> str:
    while True:  # at most forty of a million are taken
        code = f"{secrets.randbelow(1_000_000):06}"
        if not connection.execute("SELECT 1 FROM pairings WHERE code = ?", (code,)).fetchone():
            return code


def _waiting(connection: Connection, code: str, now: int) -> Row:
    row: Row | None = connection.execute(
        "SELECT * FROM pairings WHERE code = ? AND expires_at > ? AND device_id IS NULL",
        (code, now),
    ).fetchone()
    if row is None:
        raise PairingUnknownError
    return row


def _device(connection: Connection, device_id: str) -> Device:
    row = connection.execute("SELECT * FROM devices WHERE id = ?", (device_id,)).fetchone()
    if row is None:
        raise NotFoundError("There is no such display.")
    return _device_from(row)


def _device_from(row: Row) -> Device:
    return Device(
        id=row["id"],
        name=row["name"],
        user_agent=row["user_agent"],
        address=row["address"],
        approved_by=row["approved_by"],
        created_at=from_millis(row["created_at"]),
        last_seen_at=None if row["last_seen_at"] is None else from_millis(row["last_seen_at"]),
    )

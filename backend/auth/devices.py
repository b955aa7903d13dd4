"""Displays of the household: paired with a code that somebody who is signed in confirms."""

import secrets
from collections import defaultdict
from collections.abc import AsyncGenerator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import datetime
from typing import Literal

from pydantic import BaseModel, ConfigDict

from backend.auth.audit_store import AuditEvent, AuditKind, AuditStore
from backend.auth.callers import WALL_PREFIX, hash_of
from backend.auth.device_store import DeviceStore
from backend.auth.displays import PAIRING_LIFE, Device, Pairing, PairingUnknownError
from backend.auth.limiter import TooManyAttemptsError
from backend.auth.open_streams import OpenStreams
from backend.auth.people import Caller, Origin
from backend.kit.clock import Clock
from backend.kit.hub import Hub
from backend.kit.ids import new_id

_WRONG_CODES, _WRONG_CODES_SECONDS = 10, 900


class DeviceChanged(BaseModel):
    """To the display itself: it has another name now."""

    model_config = ConfigDict(frozen=True, json_schema_serialization_defaults_required=True)
    type: Literal["device.changed"] = "device.changed"
    name: str


@dataclass(frozen=True, slots=True)
class OpenedPairing:
    """`secret` is the only copy: with it the display fetches its token."""

    code: str
    secret: str
    expires_at: datetime


@dataclass(frozen=True, slots=True)
class PairedDevice:
    """`token` is the only copy."""

    device: Device
    token: str


def topic_of(device_id: str) -> str:
    """Where the hub has what concerns this display."""
    return f"device:{device_id}"


class Devices:
    def __init__(
        self,
        store: DeviceStore,
        audit: AuditStore,
        streams: OpenStreams,
        *,
        hub: Hub,
        clock: Clock,
        on_ending: Callable[[], None],
    ) -> None:
        self._store = store
        self._audit = audit
        self._streams = streams
        self._hub = hub
        self._clock = clock
        self._on_ending = on_ending
        self._tries: defaultdict[str, list[float]] = defaultdict(list)
        """Person -> when they tried codes that turned out wrong, or are being tried."""

    # --- at the display ----------------------------------------------------------------------

    async def open_pairing(self, origin: Origin) -> OpenedPairing:
        """Raises TooManyPairingsError."""
        secret = secrets.token_urlsafe(32)
        expires_at = self._clock.now() + PAIRING_LIFE
        code = await self._store.open_pairing(hash_of(secret), origin)
        return OpenedPairing(code, secret, expires_at)

    async def claim(self, secret: str) -> PairedDevice | None:
        """None while nobody has said yes. Raises PairingExpiredError."""
        token = WALL_PREFIX + secrets.token_urlsafe(32)
        device = await self._store.claim(hash_of(secret), hash_of(token))
        return PairedDevice(device, token) if device else None

    # --- for the household -------------------------------------------------------------------

    async def look(self, caller: Caller, code: str, *, origin: Origin) -> Pairing:
        """What waits with this code. Raises PairingUnknownError, TooManyAttemptsError."""
        async with self._trying(caller, origin):
            return await self._store.pairing(code)

    async def approve(self, caller: Caller, code: str, name: str, *, origin: Origin) -> Device:
        """Raises PairingUnknownError, TooManyAttemptsError."""
        event = _event("device_paired", caller, name, origin)
        async with self._trying(caller, origin):
            return await self._store.approve(code, new_id("device", self._clock), name, event)

    async def devices(self) -> list[tuple[Device, bool]]:
        """Each with whether it listens right now."""
        found = await self._store.devices()
        return [(device, self._streams.is_open(device.id)) for device in found]

    async def rename(self, caller: Caller, device_id: str, name: str, *, origin: Origin) -> Device:
        """Raises NotFoundError."""
        event = _event("device_renamed", caller, "", origin, f"now {name}")
        device = await self._store.rename(device_id, name, event)
        self._on_ending()  # whoever remembers it has the old name
        changed = DeviceChanged(name=name)
        self._hub.publish(topic_of(device_id), changed.model_dump(mode="json"), changed.type)
        return device

    async def remove(self, caller: Caller, device_id: str, *, origin: Origin) -> None:
        """Its stream is closed at once. Raises NotFoundError."""
        await self._store.remove(device_id, _event("device_removed", caller, "", origin))
        self._on_ending()

    # --- guessing ----------------------------------------------------------------------------

    @asynccontextmanager
    async def _trying(self, caller: Caller, origin: Origin) -> AsyncGenerator[None]:
        """A try counts from its beginning, or many at once would all be the first."""
        tries, now = self._tries[caller.user.id], self._clock.monotonic()
        tries[:] = [one for one in tries if one > now - _WRONG_CODES_SECONDS]
        if len(tries) >= _WRONG_CODES:
            raise TooManyAttemptsError(tries[0] + _WRONG_CODES_SECONDS - now)
        tries.append(now)
        try:
            yield
        except PairingUnknownError:
            if len(tries) == _WRONG_CODES:
                name = caller.user.username
                await self._audit.add(_event("pairing_blocked", caller, name, origin))
            raise
        else:
            tries.remove(now)


def _event(
    kind: AuditKind, caller: Caller, subject: str, origin: Origin, detail: str = ""
) -> AuditEvent:
    return AuditEvent(kind, caller.user.username, subject, detail, origin.address)

"""The second factor: codes of an authenticator app (TOTP), and recovery codes for a lost phone."""

import asyncio
import hashlib
import secrets
from dataclasses import dataclass
from typing import ClassVar

import structlog

from backend.auth.audit_store import AuditEvent, AuditKind
from backend.auth.factor_store import FactorState, FactorStore
from backend.auth.people import Caller, Origin, User
from backend.kit.clock import Clock
from backend.kit.errors import AppError, ConflictError
from backend.kit.qr import qr_rows
from backend.kit.seal import SealBrokenError, Sealer

_STEP = 30
_WINDOW = (0, -1, 1)
"""Clocks of phones may be half a minute off."""
_RECOVERY_CODES, _GROUPS, _GROUP = 10, 4, 4
_ALPHABET = "abcdefghjkmnpqrstuvwxyz23456789"
_DIGITS = 6

_log = structlog.get_logger()


class WrongCodeError(AppError):
    code: ClassVar[str] = "wrong_code"
    status = 401

    def __init__(self) -> None:
        super().__init__("That code is not right, or it was used already.")


class SecondFactorOnError(ConflictError):
    code = "second_factor_on"

    def __init__(self) -> None:
        super().__init__("Codes are asked for already. Switch that off first.")


class SecondFactorOffError(ConflictError):
    code = "second_factor_off"

    def __init__(self) -> None:
        super().__init__("No authenticator app is set up.")


@dataclass(frozen=True, slots=True)
class Enrolment:
    """What the authenticator app is told, once."""

    secret: str
    uri: str
    qr: list[str]
    """Rows of modules, "1" is dark."""


class SecondFactor:
    def __init__(self, store: FactorStore, sealer: Sealer, clock: Clock) -> None:
        self._store = store
        self._sealer = sealer
        self._clock = clock

    async def state(self, user_id: str) -> FactorState:
        return await self._store.state(user_id)

    async def begin(self, caller: Caller) -> Enrolment:
        """Nothing is asked for until `confirm`. Raises SecondFactorOnError, KeyringError."""
        user = caller.user
        enrolment, sealed = await asyncio.to_thread(self._enrol, user)
        if not await self._store.begin(user.id, sealed):
            raise SecondFactorOnError
        return enrolment

    async def confirm(self, caller: Caller, code: str, *, origin: Origin) -> list[str]:
        """Ask for codes from now on; returns the recovery codes.

        Raises WrongCodeError, SecondFactorOnError, SecondFactorOffError.
        """
        user = caller.user
        secret = await self._store.secret(user.id)
        if secret is None:
            raise SecondFactorOffError
        if secret.is_confirmed:
            raise SecondFactorOnError
        step = await self._matching_step(user.id, secret.sealed, code)
        if step is None:
            raise WrongCodeError
        codes = _new_codes()
        event = _event("second_factor_added", user, origin)
        if not await self._store.confirm(
            user.id, secret.sealed, step, _hashes(user.id, codes), event
        ):
            raise SecondFactorOnError
        return codes

    async def remove(self, caller: Caller, *, origin: Origin) -> None:
        """Raises SecondFactorOffError."""
        event = _event("second_factor_removed", caller.user, origin)
        if not await self._store.remove(caller.user.id, event):
            raise SecondFactorOffError

    async def renew_recovery_codes(self, caller: Caller, *, origin: Origin) -> list[str]:
        """The former ones are void. Raises SecondFactorOffError."""
        codes, user = _new_codes(), caller.user
        event = _event("recovery_codes_made", user, origin)
        if not await self._store.replace_codes(user.id, _hashes(user.id, codes), event):
            raise SecondFactorOffError
        return codes

    async def accepts(self, user: User, code: str, *, origin: Origin) -> bool:
        """Whether the code is right; each is taken once."""
        plain = _plain(code)
        if not (plain.isascii() and plain.isdigit() and len(plain) == _DIGITS):
            event = _event("recovery_code_used", user, origin)
            return await self._store.use_recovery_code(user.id, _hash(user.id, plain), event)
        secret = await self._store.secret(user.id)
        if secret is None or not secret.is_confirmed:
            return False
        step = await self._matching_step(user.id, secret.sealed, plain)
        return step is not None and await self._store.use_step(user.id, step)

    async def _matching_step(self, user_id: str, sealed: bytes, code: str) -> int | None:
        try:
            return await asyncio.to_thread(self._match, user_id, sealed, _plain(code))
        except SealBrokenError:
            # Recovery codes and `parlor users reset --second-factor` are the ways out.
            _log.error("totp_secret_unreadable", user_id=user_id)
            return None

    def _match(self, user_id: str, sealed: bytes, code: str) -> int | None:
        import pyotp  # noqa: PLC0415  # start-up: only some sign-ins need it

        totp = pyotp.TOTP(self._sealer.open(sealed, _context(user_id)))
        now = int(self._clock.now().timestamp()) // _STEP
        for step in (now + offset for offset in _WINDOW):
            if secrets.compare_digest(totp.generate_otp(step).encode(), code.encode()):
                return step
        return None

    def _enrol(self, user: User) -> tuple[Enrolment, bytes]:
        import pyotp  # noqa: PLC0415  # start-up: rarely needed

        secret = pyotp.random_base32()
        uri = pyotp.TOTP(secret).provisioning_uri(name=user.username, issuer_name="Parlor")
        return Enrolment(secret, uri, qr_rows(uri)), self._sealer.seal(secret, _context(user.id))


def _context(user_id: str) -> str:
    return f"totp:{user_id}"


def _event(kind: AuditKind, user: User, origin: Origin) -> AuditEvent:
    return AuditEvent(kind, user.username, user.username, address=origin.address)


def _new_codes() -> list[str]:
    def group() -> str:
        return "".join(secrets.choice(_ALPHABET) for _ in range(_GROUP))

    return ["-".join(group() for _ in range(_GROUPS)) for _ in range(_RECOVERY_CODES)]


def _hashes(user_id: str, codes: list[str]) -> list[str]:
    return [_hash(user_id, _plain(code)) for code in codes]


def _hash(user_id: str, plain: str) -> str:
    # 79 random bits: a plain hash cannot be guessed back.
    return hashlib.sha256(f"{user_id}:{plain}".encode("utf-8", "replace")).hexdigest()


def _plain(code: str) -> str:
    return "".join(code.lower().split()).replace("-", "")

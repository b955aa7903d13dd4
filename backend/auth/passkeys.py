"""Passkeys: made on a device that checks its user, so one counts as both factors."""

import asyncio
from dataclasses import dataclass
from datetime import timedelta
from typing import Any, ClassVar

from backend.auth import ceremony
from backend.auth.audit_store import AuditEvent
from backend.auth.ceremony import Site
from backend.auth.challenge_store import Challenge, ChallengeStore
from backend.auth.limiter import LoginLimiter
from backend.auth.passkey_store import Passkey, PasskeyStore
from backend.auth.people import Caller, Origin, User
from backend.kit.clock import Clock
from backend.kit.errors import AppError, ConflictError, NotFoundError
from backend.kit.ids import new_id

_LIFE = timedelta(minutes=5)
_MOST = 20
_ADD, _SIGN_IN = "passkey_add", "passkey_sign_in"


class PasskeyInvalidError(AppError):
    """The same words whatever was wrong: an unknown passkey, a late answer, another site."""

    code: ClassVar[str] = "passkey_invalid"
    status = 401

    def __init__(self) -> None:
        super().__init__("That passkey did not work here. Try again.")


class PasskeyRefusedError(AppError):
    code: ClassVar[str] = "passkey_refused"
    status = 422


class PasskeysUnusableError(ConflictError):
    code = "passkeys_unusable"

    def __init__(self) -> None:
        super().__init__("Passkeys need a host name: they do not work with an address of numbers.")


@dataclass(frozen=True, slots=True)
class At:
    """Where the browser sees us, and where we see it."""

    site: Site
    origin: Origin


@dataclass(frozen=True, slots=True)
class Question:
    """`token` goes back with the answer; `options` go to the browser's WebAuthn."""

    token: str
    options: dict[str, Any]


class Passkeys:
    def __init__(
        self,
        store: PasskeyStore,
        challenges: ChallengeStore,
        limiter: LoginLimiter,
        clock: Clock,
    ) -> None:
        self._store = store
        self._challenges = challenges
        self._limiter = limiter
        self._clock = clock

    async def usable_at(self, site: Site) -> bool:
        """Whether anybody can sign in with one there."""
        return bool(site.rp_id) and await self._store.any_for(site.rp_id)

    async def listed(self, caller: Caller) -> list[Passkey]:
        return await self._store.listed(caller.user.id)

    # --- adding one --------------------------------------------------------------------------

    async def ask_to_add(self, caller: Caller, site: Site) -> Question:
        """Raises PasskeysUnusableError."""
        if not site.rp_id:
            raise PasskeysUnusableError
        known = await self._store.credential_ids(caller.user.id)
        options = await asyncio.to_thread(ceremony.creation_options, caller.user, site, known)
        return await self._put(_ADD, options, caller.user.id)

    async def add(
        self, caller: Caller, token: str, name: str, credential: dict[str, Any], *, at: At
    ) -> Passkey:
        """Raises PasskeyRefusedError."""
        challenge = await self._challenges.take(_ADD, token)
        if challenge is None or challenge.user_id != caller.user.id:
            raise PasskeyRefusedError("That took too long, or was done already. Try again.")
        made = await asyncio.to_thread(ceremony.created, credential, challenge.payload, at.site)
        if made is None:
            raise PasskeyRefusedError("That passkey cannot be used here.")
        passkey = Passkey(new_id("passkey", self._clock), name, self._clock.now())
        user = caller.user
        event = AuditEvent("passkey_added", user.username, user.username, name, at.origin.address)
        if not await self._store.add(passkey, user, made, event, most=_MOST):
            raise PasskeyRefusedError(f"It is here already, or there are {_MOST} of yours.")
        return passkey

    async def remove(self, caller: Caller, passkey_id: str, *, origin: Origin) -> None:
        """Raises NotFoundError."""
        name = caller.user.username
        event = AuditEvent("passkey_removed", name, name, address=origin.address)
        if not await self._store.remove(caller.user.id, passkey_id, event):
            raise NotFoundError("There is no such passkey.")

    # --- signing in --------------------------------------------------------------------------

    async def ask_to_sign_in(self, at: At) -> Question:
        """Raises PasskeysUnusableError, TooManyAttemptsError."""
        if not at.site.rp_id:
            raise PasskeysUnusableError
        self._limiter.question(at.origin.address)
        options = await asyncio.to_thread(ceremony.request_options, at.site)
        return await self._put(_SIGN_IN, options, None)

    async def prove(self, token: str, credential: dict[str, Any], *, at: At) -> User:
        """Whose passkey it is. Raises PasskeyInvalidError, TooManyAttemptsError."""
        attempt = self._limiter.passkey(at.origin.address)
        challenge = await self._challenges.take(_SIGN_IN, token)
        credential_id = ceremony.credential_id(credential)
        if challenge is None or credential_id is None:
            raise PasskeyInvalidError
        passkey = await self._store.find(credential_id)
        if passkey is None or passkey.credential.rp_id != at.site.rp_id:
            raise PasskeyInvalidError
        sign_count = await asyncio.to_thread(
            ceremony.sign_count, credential, challenge.payload, at.site, passkey.credential
        )
        if sign_count is None or not ceremony.is_of(credential, passkey.user):
            raise PasskeyInvalidError
        if not await self._store.use(passkey, sign_count):
            raise PasskeyInvalidError
        attempt.succeeded()
        return passkey.user

    async def _put(self, kind: str, options: dict[str, Any], user_id: str | None) -> Question:
        challenge = Challenge(kind, str(options["challenge"]), user_id)
        return Question(await self._challenges.put(challenge, _LIFE), options)

"""API keys: what a person's programs may use in their name."""

import secrets
from collections.abc import Callable, Sequence
from datetime import timedelta
from typing import ClassVar

from backend.auth.access import ForbiddenError
from backend.auth.audit_store import AuditEvent
from backend.auth.callers import KEY_PREFIX, hash_of
from backend.auth.key_store import ApiKey, KeyStore
from backend.auth.people import Caller, Origin, Scope
from backend.kit.clock import Clock
from backend.kit.errors import ConflictError, NotFoundError
from backend.kit.ids import new_id

_MOST = 50
_HINT = 4


class TooManyKeysError(ConflictError):
    code: ClassVar[str] = "too_many_keys"


class ApiKeys:
    def __init__(self, store: KeyStore, clock: Clock, *, on_ending: Callable[[], None]) -> None:
        """`on_ending`: called when a key has ended."""
        self._store = store
        self._clock = clock
        self._on_ending = on_ending

    async def listed(self, caller: Caller) -> list[ApiKey]:
        return await self._store.keys(caller.user.id)

    async def make(
        self,
        caller: Caller,
        name: str,
        scopes: Sequence[Scope],
        *,
        days: int | None,
        origin: Origin,
    ) -> tuple[ApiKey, str]:
        """The key and its secret, which is nowhere else.

        Raises ForbiddenError, TooManyKeysError.
        """
        if caller.user.role == "child":
            raise ForbiddenError(
                "Your account may not have API keys. Ask the owner of this Parlor."
            )
        if "admin" in scopes and caller.user.role != "owner":
            raise ForbiddenError("Only the owner may have a key that manages Parlor.")
        now, secret = self._clock.now(), KEY_PREFIX + secrets.token_urlsafe(32)
        key = ApiKey(
            id=new_id("key", self._clock),
            name=name,
            scopes=tuple(sorted(set(scopes))),
            hint=secret[-_HINT:],
            created_at=now,
            expires_at=now + timedelta(days=days) if days else None,
        )
        user = caller.user
        detail = " ".join(key.scopes) + (f", {days} days" if days else "")
        event = AuditEvent("key_made", user.username, name, detail, origin.address)
        if not await self._store.add(key, user, hash_of(secret), event, most=_MOST):
            raise TooManyKeysError(f"{_MOST} keys are the most. Remove some that nobody uses.")
        return key, secret

    async def remove(self, caller: Caller, key_id: str, *, origin: Origin) -> None:
        """Refused from now on. Raises NotFoundError."""
        event = AuditEvent("key_removed", caller.user.username, "", address=origin.address)
        if not await self._store.remove(caller.user.id, key_id, event):
            raise NotFoundError("There is no such key.")
        self._on_ending()

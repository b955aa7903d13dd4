"""What people stay signed in with: a browser's cookie, or a program's pair of tokens."""

import asyncio
import secrets
from collections.abc import Callable
from dataclasses import dataclass
from datetime import timedelta
from typing import ClassVar, Literal

from backend.auth.audit_store import AuditEvent, AuditKind
from backend.auth.callers import SESSION_LIFE, NotSignedInError, hash_of
from backend.auth.people import Caller, Origin, User
from backend.auth.session_store import ListedSession, NewSession, SessionStore
from backend.auth.tokens import InvalidTokenError, Subject, Tokens, new_token_id
from backend.kit.clock import Clock
from backend.kit.errors import AppError, NotFoundError
from backend.kit.ids import new_id

type Way = Literal["password", "passkey", "oidc", "access", "set-up"]
"""How somebody signed in."""


class RefreshInvalidError(AppError):
    code: ClassVar[str] = "refresh_invalid"
    status = 401

    def __init__(self) -> None:
        super().__init__("That refresh token is not valid (any more). Sign in again.")


class RefreshReusedError(AppError):
    code: ClassVar[str] = "refresh_reused"
    status = 401

    def __init__(self) -> None:
        super().__init__(
            "That refresh token was used before: somebody may have copied it, so this sign-in"
            " has ended. Sign in again."
        )


@dataclass(frozen=True, slots=True)
class SignedIn:
    """The tokens are the only copies: they go into cookies and nowhere else."""

    user: User
    token: str
    known: str
    """Marks this browser as one that the person has signed in with."""


@dataclass(frozen=True, slots=True)
class TokenPair:
    """For a program. The only copies."""

    user: User
    access: str
    refresh: str
    access_life: timedelta


class Sessions:
    def __init__(
        self, store: SessionStore, tokens: Tokens, clock: Clock, *, on_ending: Callable[[], None]
    ) -> None:
        """`on_ending`: called when a session has ended."""
        self._store = store
        self._tokens = tokens
        self._clock = clock
        self._on_ending = on_ending

    async def open(
        self,
        user: User,
        origin: Origin,
        *,
        way: Way = "password",
        password_hash: str | None = None,
    ) -> SignedIn:
        """For somebody who has shown who they are. Raises NotSignedInError: they may not sign in
        any more, or (`password_hash`) the password they showed has changed since."""
        token = secrets.token_urlsafe(32)
        expires_at = self._clock.now() + SESSION_LIFE
        session = NewSession(new_id("session", self._clock), "session", hash_of(token), expires_at)
        event = _event("signed_in", user, origin, way)
        if await self._store.open(session, user, origin, event, password_hash) is None:
            raise NotSignedInError
        known = await asyncio.to_thread(self._tokens.sign, "known", Subject(user.id))
        return SignedIn(user, token, known)

    async def open_tokens(
        self,
        user: User,
        origin: Origin,
        *,
        way: Way = "password",
        password_hash: str | None = None,
    ) -> TokenPair:
        """For a program of theirs. Raises NotSignedInError, as above."""
        chain, token_id = self._next(new_id("session", self._clock))
        event = _event("signed_in", user, origin, f"{way}, a program")
        version = await self._store.open(chain, user, origin, event, password_hash)
        if version is None:
            raise NotSignedInError
        return await self._pair(user, Subject(user.id, chain.id, version), token_id)

    async def refresh(self, token: str, origin: Origin) -> TokenPair:
        """The next pair; this token is void from now on. One that comes a second time may have
        been copied, and nobody can tell which is the copy: the whole chain ends.

        Raises RefreshInvalidError, RefreshReusedError.
        """
        try:
            claims = await asyncio.to_thread(self._tokens.read, "refresh", token)
        except InvalidTokenError as error:
            raise RefreshInvalidError from error
        subject = claims.subject
        following, token_id = self._next(subject.session_id)
        refreshed = await self._store.refresh(following, hash_of(claims.token_id), subject, origin)
        if refreshed is None:
            raise RefreshInvalidError
        if refreshed.is_reused:
            self._on_ending()
            raise RefreshReusedError
        return await self._pair(refreshed.user, subject, token_id)

    async def listed(self, caller: Caller) -> list[ListedSession]:
        return await self._store.listed(caller.user.id)

    async def end(self, caller: Caller, session_id: str, *, origin: Origin) -> None:
        """Raises NotFoundError."""
        event = _event("session_ended", caller.user, origin)
        if not await self._store.close(caller.user.id, session_id, event):
            raise NotFoundError("There is no such session.")
        self._on_ending()

    async def end_others(self, caller: Caller, *, origin: Origin) -> None:
        event = _event("sessions_ended", caller.user, origin, "all but one")
        await self._store.close_others(caller.user.id, caller.credential_id, event)
        self._on_ending()

    async def log_out(self, caller: Caller, *, origin: Origin) -> None:
        """A browser ends its session; a program ends all programs of the person, as tokens may
        have been handed on."""
        event = _event("signed_out", caller.user, origin)
        if caller.kind == "token":
            await self._store.end_tokens(caller.user.id, event)
        else:
            await self._store.close(caller.user.id, caller.credential_id, event)
        self._on_ending()

    async def rotate_key(self) -> None:
        """Raises KeyringError."""
        await asyncio.to_thread(self._tokens.rotate_key)
        await self._store.note(AuditEvent("signing_key_changed", "", ""))

    def _next(self, chain_id: str) -> tuple[NewSession, str]:
        """The chain as it is with the next refresh token, and that token's id."""
        token_id = new_token_id()
        expires_at = self._clock.now() + self._tokens.rules.refresh_life
        return NewSession(chain_id, "token", hash_of(token_id), expires_at), token_id

    async def _pair(self, user: User, subject: Subject, token_id: str) -> TokenPair:
        def sign() -> TokenPair:
            access = self._tokens.sign("access", subject)
            refresh = self._tokens.sign("refresh", subject, token_id)
            return TokenPair(user, access, refresh, self._tokens.rules.access_life)

        return await asyncio.to_thread(sign)


def _event(kind: AuditKind, user: User, origin: Origin, detail: str = "") -> AuditEvent:
    return AuditEvent(kind, user.username, user.username, detail, origin.address)

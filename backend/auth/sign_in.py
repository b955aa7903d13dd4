"""Showing by password (and code) that one is somebody: no faster for a stranger than the limiter says."""

import asyncio
from dataclasses import dataclass
from typing import ClassVar

from backend.auth.audit_store import AuditEvent, AuditStore
from backend.auth.callers import NotSignedInError
from backend.auth.limiter import Attempt, LoginLimiter, Place, network_of
from backend.auth.passwords import Passwords
from backend.auth.people import Account, Caller, Origin, User
from backend.auth.second_factor import SecondFactor, WrongCodeError
from backend.auth.session_store import SessionStore
from backend.auth.store import AuthStore
from backend.auth.tokens import InvalidTokenError, Tokens
from backend.kit.errors import AppError


class WrongCredentialsError(AppError):
    code: ClassVar[str] = "wrong_credentials"
    status = 401


class SecondFactorRequiredError(AppError):
    code: ClassVar[str] = "second_factor_required"
    status = 401

    def __init__(self) -> None:
        super().__init__("Enter the code of your authenticator app, or a recovery code.")


@dataclass(frozen=True, slots=True)
class Proof:
    """What somebody gives to show who they are."""

    username: str
    password: str
    code: str | None = None
    known: str | None = None
    """The mark of a browser that somebody has signed in with before."""


@dataclass(frozen=True, slots=True)
class Proven:
    user: User
    password_hash: str
    """That was checked: another one since then means that the proof is void."""


class SignIn:
    def __init__(  # noqa: PLR0913  # wired in one place, accounts.py
        self,
        people: AuthStore,
        sessions: SessionStore,
        audit: AuditStore,
        *,
        passwords: Passwords,
        second_factor: SecondFactor,
        tokens: Tokens,
        limiter: LoginLimiter,
    ) -> None:
        self._people = people
        self._sessions = sessions
        self._audit = audit
        self._passwords = passwords
        self._second_factor = second_factor
        self._tokens = tokens
        self._limiter = limiter

    async def prove(self, proof: Proof, origin: Origin) -> Proven:
        """An unknown name takes as long as a wrong password, and is counted alike.

        Raises WrongCredentialsError, SecondFactorRequiredError, WrongCodeError,
        TooManyAttemptsError.
        """
        account = await self._people.account(proof.username)
        place = await self._place(account, proof.known, origin)
        attempt = self._limiter.password(proof.username, place)
        stored = account.password_hash if account else None
        right = await self._passwords.matches(proof.password, stored)
        if account is None or not right or account.is_disabled:
            await self._note(attempt, account, origin)
            raise WrongCredentialsError("That name and password do not belong together.")
        user = account.user
        if (await self._second_factor.state(user.id)).totp:
            if not proof.code:
                attempt.release()
                raise SecondFactorRequiredError
            if not await self._second_factor.accepts(user, proof.code, origin=origin):
                await self._note(attempt, account, origin)
                raise WrongCodeError
        attempt.succeeded()
        return Proven(user, account.password_hash)

    async def confirm(self, caller: Caller, password: str, *, origin: Origin) -> Proven:
        """Somebody who is signed in shows that it is them. A stolen session may not guess on.

        Raises WrongCredentialsError, TooManyAttemptsError.
        """
        account = await self._people.account(caller.user.username)
        if account is None:
            raise NotSignedInError
        place = Place(origin.address, known=f"session {caller.credential_id}")
        attempt = self._limiter.password(caller.user.username, place)
        if not await self._passwords.matches(password, account.password_hash):
            await self._note(attempt, account, origin)
            raise WrongCredentialsError("That is not your password.")
        attempt.succeeded()
        return Proven(account.user, account.password_hash)

    async def _place(self, account: Account | None, known: str | None, origin: Origin) -> Place:
        """The same questions are asked whether the account exists or not."""
        user_id = account.user.id if account else ""
        signed_in_at = await self._sessions.open_addresses(user_id)
        mark = await self._mark(known, user_id) if known else None
        if mark:
            return Place(origin.address, known=f"browser {mark}")
        here = network_of(origin.address)
        if here and any(network_of(address) == here for address in signed_in_at):
            return Place(origin.address, known=f"address {here}")
        return Place(origin.address)

    async def _mark(self, known: str, user_id: str) -> str | None:
        """The id of a browser's mark when it is of this person."""
        try:
            claims = await asyncio.to_thread(self._tokens.read, "known", known)
        except InvalidTokenError:
            return None
        return claims.token_id if claims.subject.user_id == user_id else None

    async def _note(self, attempt: Attempt, account: Account | None, origin: Origin) -> None:
        """For names that do not exist too, or the time it takes would tell them apart. A name
        that nobody has is not written down: it may be a password in the wrong field."""
        if attempt.fills:
            subject = account.user.username if account else ""
            detail = "too many wrong passwords or codes"
            event = AuditEvent("sign_in_blocked", "", subject, detail, origin.address)
            await self._audit.add(event)

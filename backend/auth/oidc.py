"""Signing in by way of an OpenID Connect provider, and linking an account there to a person here."""

import asyncio
import hashlib
import hmac
import re
import secrets
from contextlib import suppress
from dataclasses import asdict, dataclass
from datetime import timedelta
from typing import Literal

import orjson

from backend.auth.audit_store import AuditEvent
from backend.auth.identity_store import IdentityStore
from backend.auth.limiter import LoginLimiter
from backend.auth.oidc_provider import Identity, OidcProvider, Question
from backend.auth.people import Caller, Origin, User
from backend.auth.service import AuthService, NewPerson
from backend.auth.sessions import SignedIn
from backend.auth.store import NameTakenError
from backend.kit.errors import AppError

QUESTION_LIFE = timedelta(minutes=10)
_NO_NAME = re.compile(r"[^\w.@+\- ]")
_TRIES = 20

type NewPeople = Literal["none", "adult", "child"]


class OidcDeniedError(AppError):
    """The person said no there, or the provider did."""

    code = "oidc_denied"
    status = 401

    def __init__(self) -> None:
        super().__init__("The provider did not sign you in.")


class OidcExpiredError(AppError):
    """Not the answer to a question that this browser was asked, or not in time, or not once."""

    code = "oidc_expired"
    status = 401

    def __init__(self) -> None:
        super().__init__("That sign-in took too long or was begun elsewhere. Try again.")


class OidcUnknownError(AppError):
    code = "oidc_unknown"
    status = 403

    def __init__(self) -> None:
        super().__init__("Nobody here has that account. Sign in and link it in your account first.")


class OidcTakenError(AppError):
    code = "oidc_taken"
    status = 409

    def __init__(self) -> None:
        super().__init__("That account belongs to somebody else here.")


@dataclass(frozen=True, slots=True)
class Begun:
    address: str
    """Of the provider: where the browser goes now."""
    browser: str
    """For a cookie; only the browser that has it may bring the answer."""


@dataclass(frozen=True, slots=True)
class Answer:
    """The query of the callback, and that cookie."""

    state: str | None
    code: str | None
    error: str | None
    issuer: str | None
    browser: str | None


class OidcSignIn:
    def __init__(
        self,
        provider: OidcProvider,
        store: IdentityStore,
        accounts: AuthService,
        limiter: LoginLimiter,
        *,
        new_people: NewPeople,
    ) -> None:
        self._provider = provider
        self._store = store
        self._accounts = accounts
        self._limiter = limiter
        self._new_people = new_people
        self._joining = asyncio.Lock()
        """Somebody new who comes twice at once would be two people otherwise."""

    async def begin(self, redirect_uri: str, *, link: Caller | None, origin: Origin) -> Begun:
        """`link`: whose way in the account becomes. Raises OidcFailedError, TooManyAttemptsError."""
        self._limiter.question(origin.address)
        state, nonce, verifier = (secrets.token_urlsafe(32) for _ in range(3))
        question = Question(state, nonce, verifier, redirect_uri)
        address = await self._provider.address(question)
        browser = secrets.token_urlsafe(32)
        payload = {
            **asdict(question),
            "browser": _hash(browser),
            "link": link.user.id if link else None,
        }
        del payload["state"]
        await self._store.ask(_hash(question.state), orjson.dumps(payload).decode(), QUESTION_LIFE)
        return Begun(address, browser)

    async def finish(
        self, answer: Answer, *, caller: Caller | None, origin: Origin
    ) -> SignedIn | None:
        """A new session; None when the account was linked to `caller`.

        Raises OidcExpiredError, OidcDeniedError, OidcFailedError, OidcUnknownError,
        OidcTakenError, NotSignedInError.
        """
        question, link = await self._question(answer)
        if link is not None and (caller is None or caller.user.id != link):
            raise OidcExpiredError  # somebody else is signed in by now
        if answer.error is not None or not answer.code:
            raise OidcDeniedError
        identity = await self._provider.identity(question, code=answer.code, issuer=answer.issuer)
        if link is not None and caller is not None:
            await self._link(identity, caller.user, origin)
            return None
        async with self._joining:
            user = await self._person(identity, origin)
        return await self._accounts.open_session(user, origin, way="oidc")

    async def _question(self, answer: Answer) -> tuple[Question, str | None]:
        """The question that this browser was asked, and whom to link. It can be asked for once."""
        if not answer.state or not answer.browser:
            raise OidcExpiredError
        kept = await self._store.take(_hash(answer.state))
        if kept is None:
            raise OidcExpiredError
        payload = orjson.loads(kept)
        if not hmac.compare_digest(payload["browser"], _hash(answer.browser)):
            raise OidcExpiredError
        question = Question(
            answer.state, payload["nonce"], payload["verifier"], payload["redirect_uri"]
        )
        return question, payload["link"]

    async def _person(self, identity: Identity, origin: Origin) -> User:
        user = await self._store.person(identity.issuer, identity.subject)
        if user is not None:
            return user
        if await self._accounts.needs_setup():
            raise OidcUnknownError
        if identity.email:
            user = await self._store.person_by_email(identity.email)
        if user is None:
            user = await self._newcomer(identity, origin)
        await self._link(identity, user, origin)
        return user

    async def _newcomer(self, identity: Identity, origin: Origin) -> User:
        role = self._new_people
        if role == "none":
            raise OidcUnknownError
        wanted = _NO_NAME.sub("", identity.username).strip(" .@+-")[:50] or "person"
        for number in range(1, _TRIES):
            person = NewPerson(
                username=wanted if number == 1 else f"{wanted}-{number}",
                # Nobody knows it: this person signs in there, until the owner sets a password.
                password=secrets.token_urlsafe(48),
                display_name=identity.name,
                role=role,
                email=identity.email,
            )
            with suppress(NameTakenError):
                return await self._accounts.add_person(
                    person, actor=identity.issuer, address=origin.address
                )
        raise OidcUnknownError

    async def _link(self, identity: Identity, user: User, origin: Origin) -> None:
        label = identity.email or identity.name or identity.username or identity.subject
        event = AuditEvent(
            "identity_added", user.username, user.username, identity.issuer, origin.address
        )
        if not await self._store.link((identity.issuer, identity.subject), user.id, label, event):
            raise OidcTakenError


def _hash(text: str) -> str:
    return hashlib.sha256(text.encode("utf-8", "replace")).hexdigest()

"""Accounts and sign-in."""

import hashlib
import secrets
from dataclasses import dataclass
from datetime import timedelta

from backend.auth.passwords import Passwords
from backend.auth.people import Caller, Origin, Role, Session, User
from backend.auth.setup_code import SetupCode
from backend.auth.store import AuthStore, SetupDoneError
from backend.kit.clock import Clock
from backend.kit.errors import AppError, NotFoundError
from backend.kit.ids import new_id

SESSION_LIFE = timedelta(days=30)
_CACHE_SECONDS = 2.0
"""A session closed by another process is refused this much later at the latest."""
_TOUCH_AFTER = timedelta(hours=1)


class NotSignedInError(AppError):
    code = "not_signed_in"
    status = 401

    def __init__(self) -> None:
        super().__init__("Please sign in.")


class WrongCredentialsError(AppError):
    code = "wrong_credentials"
    status = 401


class SetupCodeWrongError(AppError):
    code = "setup_code_wrong"
    status = 403


@dataclass(frozen=True, slots=True)
class SignedIn:
    """`token` is the only copy: it goes into the cookie and nowhere else."""

    user: User
    token: str


class AuthService:
    def __init__(
        self, store: AuthStore, passwords: Passwords, setup_code: SetupCode, clock: Clock
    ) -> None:
        self._store = store
        self._passwords = passwords
        self._setup_code = setup_code
        self._clock = clock
        self._cache: dict[str, tuple[float, Caller]] = {}
        self._endings = 0
        """Sessions closed so far: what was read before the last one may not be remembered."""
        self._set_up = False

    async def needs_setup(self) -> bool:
        if not self._set_up:
            self._set_up = await self._store.has_people()
        return not self._set_up

    async def setup_code(self) -> str | None:
        """The code for the set-up link, None once somebody exists."""
        if await self.needs_setup():
            return self._setup_code.read_or_make()
        self._setup_code.discard()
        return None

    async def register_owner(
        self, code: str, username: str, password: str, display_name: str, *, origin: Origin
    ) -> SignedIn:
        """Raises SetupDoneError, SetupCodeWrongError, WeakPasswordError."""
        if not await self.needs_setup():
            raise SetupDoneError("Parlor is set up already; ask its owner for an account.")
        if not self._setup_code.matches(code):
            raise SetupCodeWrongError(
                "That set-up code is not the current one. `parlor users setup-link` prints it."
            )
        user = await self.add(username, password, display_name, role="owner", first=True)
        self._setup_code.discard()
        return await self._open_session(user, origin)

    async def add(
        self, username: str, password: str, display_name: str, *, role: Role, first: bool = False
    ) -> User:
        """Raises WeakPasswordError, NameTakenError, SetupDoneError."""
        user = User(
            id=new_id("user", self._clock),
            username=username,
            display_name=display_name or username,
            role=role,
        )
        await self._store.add(user, await self._passwords.hash(password), first=first)
        return user

    async def people(self) -> list[User]:
        return await self._store.people()

    async def set_password(self, username: str, password: str) -> None:
        """Raises NotFoundError, WeakPasswordError. Ends that person's sessions."""
        account = await self._store.account(username)
        if account is None:
            raise NotFoundError(f"There is nobody named {username!r}.")
        await self._store.set_password(account.user.id, await self._passwords.hash(password))
        self._forget()

    async def login(self, username: str, password: str, *, origin: Origin) -> SignedIn:
        """Raises WrongCredentialsError; an unknown name takes as long as a wrong password."""
        account = await self._store.account(username)
        stored = account.password_hash if account else None
        right = await self._passwords.matches(password, stored)
        if account is None or not right or account.is_disabled:
            raise WrongCredentialsError("That name and password do not belong together.")
        return await self._open_session(account.user, origin)

    async def logout(self, caller: Caller) -> None:
        await self._store.close_session(caller.credential_id)
        self._forget()

    async def caller(self, token: str | None) -> Caller:
        """Raises NotSignedInError."""
        if not token:
            raise NotSignedInError
        token_hash = _hash(token)
        now = self._clock.monotonic()
        cached = self._cache.get(token_hash)
        if cached and cached[0] > now:
            return cached[1]
        endings = self._endings
        session = await self._store.session(token_hash)
        if session is None:
            self._cache.pop(token_hash, None)
            raise NotSignedInError
        await self._prolong(session)
        if len(self._cache) > 1000:  # far above a household
            self._cache.clear()
        caller = Caller(session.user, "session", session.id)
        if endings == self._endings:
            self._cache[token_hash] = (now + _CACHE_SECONDS, caller)
        return caller

    def _forget(self) -> None:
        self._endings += 1
        self._cache.clear()

    async def _open_session(self, user: User, origin: Origin) -> SignedIn:
        token = secrets.token_urlsafe(32)
        now = self._clock.now()
        session = Session(new_id("session", self._clock), user, now + SESSION_LIFE, now)
        await self._store.open_session(session, _hash(token), kind="session", origin=origin)
        self._set_up = True
        return SignedIn(user, token)

    async def _prolong(self, session: Session) -> None:
        now = self._clock.now()
        if now - session.last_seen_at > _TOUCH_AFTER:
            await self._store.touch(session.id, now + SESSION_LIFE)


def _hash(token: str) -> str:
    # A token has 256 random bits: a plain hash cannot be guessed back.
    return hashlib.sha256(token.encode()).hexdigest()

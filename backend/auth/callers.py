"""Who is behind a request: cookie, signed token, API key or a display's token -> a caller."""

import asyncio
import hashlib
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from datetime import timedelta

from backend.auth.app_store import AppStore
from backend.auth.device_store import DeviceStore
from backend.auth.key_store import KeyStore
from backend.auth.people import AnyCaller, Caller, Origin
from backend.auth.session_store import SessionStore
from backend.auth.tokens import InvalidTokenError, Subject, Tokens
from backend.kit.clock import Clock
from backend.kit.errors import AppError

SESSION_LIFE = timedelta(days=30)
KEY_PREFIX = "parlor_key_"
WALL_PREFIX = "parlor_wall_"
APP_PREFIX = "parlor_app_"
_CACHE_SECONDS = 2.0
"""What another process ended is refused this much later at the latest."""
_PROLONG_AFTER = timedelta(hours=1)
_RENEW_WALL_SECONDS = 24 * 3600.0
"""The token of a display has no end, but browsers forget every cookie some day."""
_FOREVER = float("inf")


class NotSignedInError(AppError):
    code = "not_signed_in"
    status = 401

    def __init__(self) -> None:
        super().__init__("Please sign in.")


@dataclass(frozen=True, slots=True)
class Shown:
    """What a request shows of who sent it."""

    cookie: str | None = None
    """Of a browser's session."""
    wall_cookie: str | None = None
    authorization: str | None = None
    resource: str | None = None
    """Where it is shown, when that is a place that apps have tokens for."""


@dataclass(frozen=True, slots=True)
class Recognised:
    caller: AnyCaller
    prolonged: bool = False
    """The cookie that was shown should last longer now."""


@dataclass(frozen=True, slots=True)
class _Found:
    caller: AnyCaller
    expires_at: float = _FOREVER
    prolonged: bool = False


type _Look = Callable[[str, Origin], Awaitable[_Found | None]]


class Callers:
    def __init__(  # noqa: PLR0913  # wired in one place, accounts.py
        self,
        sessions: SessionStore,
        keys: KeyStore,
        devices: DeviceStore,
        apps: AppStore,
        tokens: Tokens,
        *,
        clock: Clock,
        on_ending: Callable[[], None],
    ) -> None:
        """`on_ending`: called when some credential has ended."""
        self._sessions = sessions
        self._keys = keys
        self._devices = devices
        self._apps = apps
        self._tokens = tokens
        self._clock = clock
        self._on_ending = on_ending
        self._cache: dict[bytes, tuple[float, float, AnyCaller]] = {}
        self._renew_walls: dict[str, float] = {}
        self._endings = 0
        """Credentials ended so far: what was read before the last may not be remembered."""

    async def identify(self, shown: Shown, origin: Origin) -> Recognised:
        """An `Authorization` header decides alone. Raises NotSignedInError."""
        found: Recognised | None = None
        if shown.authorization is not None:
            scheme, _, bearer = shown.authorization.partition(" ")
            if scheme.lower() == "bearer":
                found = await self._bearer(bearer.strip(), shown.resource, origin)
        else:
            if shown.cookie:
                found = await self._recognise(b"c", shown.cookie, self._by_cookie, origin)
            if found is None and shown.wall_cookie:
                found = await self._recognise(b"w", shown.wall_cookie, self._by_wall, origin)
        if found is None:
            raise NotSignedInError
        return found

    async def _bearer(self, bearer: str, resource: str | None, origin: Origin) -> Recognised | None:
        if not bearer.startswith(APP_PREFIX):
            return await self._recognise(b"b", bearer, self._by_bearer, origin)
        if resource is None:  # the token of an app is not looked at where it does not belong
            return None

        async def by_app(token: str, _: Origin) -> _Found | None:
            app = await self._apps.find(hash_of(token), resource)
            return None if app is None else _Found(app.caller, app.expires_at.timestamp())

        return await self._recognise(b"a" + resource.encode() + b" ", bearer, by_app, origin)

    def forget(self) -> None:
        """Some credential has ended: ask the database about all of them again."""
        self._endings += 1
        self._cache.clear()
        self._on_ending()

    async def _recognise(
        self, way: bytes, credential: str, look: _Look, origin: Origin
    ) -> Recognised | None:
        key = way + hashlib.sha256(credential.encode("utf-8", "replace")).digest()
        moment = self._clock.monotonic()
        if cached := self._cache.get(key):
            until, expires_at, caller = cached
            if until > moment and expires_at > self._clock.now().timestamp():
                return Recognised(caller)
        endings = self._endings
        found = await look(credential, origin)
        if found is None:
            self._cache.pop(key, None)
            return None
        if len(self._cache) > 1000:  # far above a household
            self._cache.clear()
        if endings == self._endings:
            self._cache[key] = (moment + _CACHE_SECONDS, found.expires_at, found.caller)
        return Recognised(found.caller, found.prolonged)

    async def _by_cookie(self, cookie: str, origin: Origin) -> _Found | None:
        session = await self._sessions.by_cookie(hash_of(cookie))
        if session is None:
            return None
        caller, now = Caller(session.user, "session", session.id), self._clock.now()
        if now - session.last_seen_at <= _PROLONG_AFTER:
            return _Found(caller, session.expires_at.timestamp())
        expires_at = now + SESSION_LIFE
        await self._sessions.prolong(session.id, origin.address, expires_at)
        return _Found(caller, expires_at.timestamp(), prolonged=True)

    async def _by_bearer(self, bearer: str, origin: Origin) -> _Found | None:
        if bearer.startswith(KEY_PREFIX):
            key = await self._keys.find(hash_of(bearer))
            if key is None:
                return None
            expires_at = key.expires_at.timestamp() if key.expires_at else _FOREVER
            return _Found(key.caller, expires_at)
        if bearer.startswith(WALL_PREFIX):
            return await self._by_wall(bearer, origin)
        try:
            # In a thread: the first one imports the library and reads the key.
            claims = await asyncio.to_thread(self._tokens.read, "access", bearer)
        except InvalidTokenError:
            return None
        subject = claims.subject
        chain = await self._sessions.chain(subject.session_id)
        if chain is None or subject != Subject(chain.user.id, chain.id, chain.token_version):
            return None
        return _Found(Caller(chain.user, "token", chain.id), claims.expires_at)

    async def _by_wall(self, token: str, _: Origin) -> _Found | None:
        device = await self._devices.device(hash_of(token))
        if device is None:
            return None
        now = self._clock.monotonic()
        prolonged = now >= self._renew_walls.get(device.credential_id, 0)
        if prolonged:
            self._renew_walls[device.credential_id] = now + _RENEW_WALL_SECONDS
        return _Found(device, prolonged=prolonged)


def hash_of(token: str) -> str:
    # A token has 256 random bits: a plain hash cannot be guessed back.
    return hashlib.sha256(token.encode("utf-8", "replace")).hexdigest()

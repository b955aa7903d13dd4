"""The token endpoint's work (OAuth 2.1): a code or a refresh token in, a pair of tokens out.

Programs are public: they have no secret, so what they show has to be bound to what only they can
know (PKCE) and used once. Whatever is wrong, the words are the same few of the standard.
"""

import base64
import hashlib
import re
import secrets
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import timedelta
from hmac import compare_digest
from typing import ClassVar, NoReturn

from backend.auth.app_grant import Code, Grant, Issued, NewGrant
from backend.auth.app_issuer import Issuer
from backend.auth.app_limits import AppLimits
from backend.auth.app_request import is_resource, scopes_of
from backend.auth.app_token_store import AppTokenStore
from backend.auth.callers import APP_PREFIX, hash_of
from backend.auth.people import Origin, Scope
from backend.kit.clock import Clock
from backend.kit.errors import AppError
from backend.kit.ids import new_id

ACCESS_LIFE = timedelta(hours=1)
REFRESH_LIFE = timedelta(days=30)
"""From its last use on."""
RENEW_PREFIX = "parlor_renew_"
_VERIFIER = re.compile(r"[A-Za-z0-9._~-]{43,128}")


class TokenRequestError(AppError):
    code: ClassVar[str] = "invalid_request"
    status = 400


class UnsupportedGrantTypeError(TokenRequestError):
    code = "unsupported_grant_type"


class InvalidGrantError(TokenRequestError):
    code = "invalid_grant"

    def __init__(self) -> None:
        super().__init__("That is not valid (any more): ask the person again.")


class InvalidTargetError(TokenRequestError):
    code = "invalid_target"

    def __init__(self, issuer: Issuer) -> None:
        super().__init__(f"Tokens are given for {issuer.resource} alone.")


class InvalidClientError(TokenRequestError):
    code = "invalid_client"
    status = 401

    def __init__(self) -> None:
        super().__init__("Programs have no secret here: send client_id alone.")
        self.challenge = "Basic"


@dataclass(frozen=True, slots=True)
class AppTokenPair:
    """The only copies."""

    access: str
    refresh: str
    scopes: tuple[Scope, ...]
    access_life: timedelta = ACCESS_LIFE


class AppTokens:
    def __init__(
        self,
        store: AppTokenStore,
        limits: AppLimits,
        clock: Clock,
        *,
        on_ending: Callable[[], None],
    ) -> None:
        """`on_ending`: called when a program has lost what it had."""
        self._store = store
        self._limits = limits
        self._clock = clock
        self._on_ending = on_ending

    async def give(self, form: Mapping[str, str], issuer: Issuer, origin: Origin) -> AppTokenPair:
        """Raises TokenRequestError, TooManyAttemptsError."""
        self._limits.token(origin.address)
        if "resource" in form and not is_resource(form["resource"], issuer.resource):
            raise InvalidTargetError(issuer)
        match _needed(form, "grant_type"):
            case "authorization_code":
                return await self._exchange(form, issuer, origin)
            case "refresh_token":
                return await self._refresh(form, issuer, origin)
            case _:
                raise UnsupportedGrantTypeError("grant_type: authorization_code or refresh_token.")

    async def revoke(self, form: Mapping[str, str], origin: Origin) -> None:
        """What is none is not worth a word (RFC 7009, 2.2). Raises TokenRequestError,
        TooManyAttemptsError."""
        self._limits.token(origin.address)
        token, client_id = _needed(form, "token"), _needed(form, "client_id")
        family, _, _ = token.removeprefix(RENEW_PREFIX).partition(".")
        if await self._store.revoke(hash_of(token), hash_of(family), client_id):
            self._on_ending()

    async def _exchange(
        self, form: Mapping[str, str], issuer: Issuer, origin: Origin
    ) -> AppTokenPair:
        client_id, code = _needed(form, "client_id"), _needed(form, "code")
        verifier = _needed(form, "code_verifier")

        def is_right(given: Code) -> bool:
            return (
                given.client.id == client_id
                # OAuth 2.1 does not send it again: PKCE says more. Whoever does has to be right.
                and form.get("redirect_uri", given.redirect_uri) == given.redirect_uri
                and given.resource == issuer.resource
                and _proves(verifier, given.challenge)
            )

        family = secrets.token_urlsafe(16)
        access, refresh, issued = self._new(family)
        grant = NewGrant(new_id("app", self._clock), hash_of(family), issued)
        found = await self._store.exchange(hash_of(code), is_right, grant, origin)
        if not isinstance(found, Grant):
            self._refuse(is_ended=found == "reused")
        # A grant of the same program may have given way to this one.
        self._on_ending()
        return AppTokenPair(access, refresh, found.scopes)

    async def _refresh(
        self, form: Mapping[str, str], issuer: Issuer, origin: Origin
    ) -> AppTokenPair:
        client_id, shown = _needed(form, "client_id"), _needed(form, "refresh_token")
        wanted = scopes_of(form["scope"]) if "scope" in form else None
        family, _, _ = shown.removeprefix(RENEW_PREFIX).partition(".")
        access, refresh, issued = self._new(family)

        def scopes_for(grant: Grant) -> tuple[Scope, ...]:
            if grant.client_id != client_id or grant.resource != issuer.resource:
                return ()
            return tuple(scope for scope in grant.scopes if wanted is None or scope in wanted)

        found = await self._store.refresh(
            hash_of(family), hash_of(shown), scopes_for, issued, origin
        )
        if isinstance(found, str):
            self._refuse(is_ended=found == "reused")
        return AppTokenPair(access, refresh, found)

    def _new(self, family: str) -> tuple[str, str, Issued]:
        """An access and a refresh token, and what is kept of them."""
        access = APP_PREFIX + secrets.token_urlsafe(32)
        refresh = f"{RENEW_PREFIX}{family}.{secrets.token_urlsafe(32)}"
        now = self._clock.now()
        return (
            access,
            refresh,
            Issued(hash_of(access), now + ACCESS_LIFE, hash_of(refresh), now + REFRESH_LIFE),
        )

    def _refuse(self, *, is_ended: bool) -> NoReturn:
        if is_ended:
            self._on_ending()
        raise InvalidGrantError


def _needed(form: Mapping[str, str], name: str) -> str:
    value = form.get(name, "")
    if not value:
        raise TokenRequestError(f"{name} is missing.")
    return value


def _proves(verifier: str, challenge: str) -> bool:
    """PKCE, S256 (RFC 7636, 4.6)."""
    if not _VERIFIER.fullmatch(verifier):
        return False
    digest = hashlib.sha256(verifier.encode()).digest()
    return compare_digest(base64.urlsafe_b64encode(digest).rstrip(b"=").decode(), challenge)

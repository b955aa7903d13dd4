"""One OpenID Connect provider: where it is, what it is asked, and whether to believe its answer."""

import base64
import hashlib
import hmac
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import quote, urlencode, urlsplit

import orjson
import structlog

from backend.auth.signed_tokens import (
    ALGORITHMS,
    Claims,
    Expected,
    PublishedKeys,
    TokenRefusedError,
    fetched_json,
    verified,
)
from backend.kit.clock import Clock
from backend.kit.errors import AppError
from backend.kit.outbound import FetchFailedError, Outbound

_OLDEST_SECONDS = 3600
_SCOPES = "openid profile email"
_WELL_KNOWN = "/.well-known/openid-configuration"
_LARGEST = 200_000
_LONGEST_EMAIL = 254

_log = structlog.get_logger()


class OidcFailedError(AppError):
    code = "oidc_failed"
    status = 502

    def __init__(self) -> None:
        super().__init__("Signing in there did not work. The log says why (level debug).")


@dataclass(frozen=True, slots=True)
class Client:
    """What this Parlor is to the provider."""

    issuer: str
    client_id: str
    secret: str = field(default="", repr=False)


@dataclass(frozen=True, slots=True)
class Question:
    """One try to sign in. The browser and the provider see `state`, `nonce` and a hash of
    `verifier`."""

    state: str
    nonce: str
    verifier: str
    redirect_uri: str


@dataclass(frozen=True, slots=True)
class Identity:
    """Who the provider says it is."""

    issuer: str
    subject: str
    email: str | None
    """Only one that the provider has verified."""
    name: str
    username: str


@dataclass(frozen=True, slots=True)
class _Metadata:
    issuer: str
    authorize: str
    token: str
    keys: str
    algorithms: tuple[str, ...]
    sends_issuer: bool
    takes_basic: bool


class OidcProvider:
    def __init__(self, client: Client, outbound: Outbound, clock: Clock) -> None:
        self._client = client
        self._outbound = outbound
        self._clock = clock
        self._keys = PublishedKeys(outbound, clock)
        self._known: tuple[float, _Metadata] | None = None

    async def address(self, question: Question) -> str:
        """Where the browser goes to be asked. Raises OidcFailedError."""
        metadata = await self._metadata()
        challenge = hashlib.sha256(question.verifier.encode()).digest()
        asked = {
            "response_type": "code",
            "client_id": self._client.client_id,
            "redirect_uri": question.redirect_uri,
            "scope": _SCOPES,
            "state": question.state,
            "nonce": question.nonce,
            "code_challenge": base64.urlsafe_b64encode(challenge).rstrip(b"=").decode(),
            "code_challenge_method": "S256",
        }
        joint = "&" if urlsplit(metadata.authorize).query else "?"
        return f"{metadata.authorize}{joint}{urlencode(asked)}"

    async def identity(self, question: Question, *, code: str, issuer: str | None) -> Identity:
        """What an answer is worth; `issuer` is who it says it comes from (RFC 9207).

        Raises OidcFailedError.
        """
        metadata = await self._metadata()
        if issuer != metadata.issuer and (issuer is not None or metadata.sends_issuer):
            raise _failed("the answer names another issuer")
        token = await self._exchange(metadata, question, code)
        expected = Expected(metadata.issuer, self._client.client_id, metadata.algorithms)
        try:
            claims = await verified(token, self._keys, metadata.keys, expected, self._clock)
        except (TokenRefusedError, FetchFailedError) as error:
            raise _failed(f"id token: {error}") from error
        self._check_party(claims, question)
        return _identity(metadata.issuer, claims)

    def _check_party(self, claims: Claims, question: Question) -> None:
        ours, party = self._client.client_id, claims.get("azp")
        audiences = claims.get("aud")
        is_shared = isinstance(audiences, list) and len(audiences) > 1
        if party != ours and (party is not None or is_shared):
            raise _failed("the token was made for another program")
        nonce = claims.get("nonce")
        if not isinstance(nonce, str) or not hmac.compare_digest(
            nonce.encode("utf-8", "replace"), question.nonce.encode()
        ):
            raise _failed("the token answers another question")

    async def _exchange(self, metadata: _Metadata, question: Question, code: str) -> str:
        form = {
            "grant_type": "authorization_code",
            "code": code,
            "redirect_uri": question.redirect_uri,
            "code_verifier": question.verifier,
        }
        headers = {"Accept": "application/json"}
        ours, secret = self._client.client_id, self._client.secret
        if secret and metadata.takes_basic:
            pair = f"{quote(ours, safe='')}:{quote(secret, safe='')}".encode()
            headers["Authorization"] = f"Basic {base64.b64encode(pair).decode()}"
        else:
            form["client_id"] = ours
            if secret:
                form["client_secret"] = secret
        try:
            answer = await self._outbound.fetch(
                metadata.token,
                method="POST",
                headers=headers,
                form=form,
                redirects=0,  # what is sent here is meant for this address alone
                largest=_LARGEST,
                seconds=15,
            )
        except FetchFailedError as error:
            raise _failed("the token address did not answer") from error
        token = _field(answer.content, "id_token") if answer.status == 200 else None
        if token is None:
            raise _failed(f"the code was not accepted ({answer.status})")
        return token

    async def _metadata(self) -> _Metadata:
        now = self._clock.monotonic()
        if self._known and now - self._known[0] < _OLDEST_SECONDS:
            return self._known[1]
        named = self._client.issuer
        try:
            found = await fetched_json(self._outbound, named.rstrip("/") + _WELL_KNOWN)
        except FetchFailedError as error:
            raise _failed("its description cannot be fetched") from error
        metadata = _read(named, found)
        self._known = (now, metadata)
        return metadata


def _read(named: str, found: dict[str, Any]) -> _Metadata:
    """Raises OidcFailedError."""
    issuer = found.get("issuer")
    # A final slash is easily forgotten in a setting; everything else has to be the same.
    if not isinstance(issuer, str) or issuer.rstrip("/") != named.rstrip("/"):
        raise _failed("its description is of another issuer")
    addresses = [
        found.get(name) for name in ("authorization_endpoint", "token_endpoint", "jwks_uri")
    ]
    scheme = urlsplit(issuer).scheme
    if not all(isinstance(one, str) and _is_web(one, scheme) for one in addresses):
        raise _failed("its description lacks an address")
    offered = found.get("id_token_signing_alg_values_supported", ["RS256"])
    ways = found.get("token_endpoint_auth_methods_supported", ["client_secret_basic"])
    authorize, token, keys = (str(one) for one in addresses)
    return _Metadata(
        issuer=issuer,
        authorize=authorize,
        token=token,
        keys=keys,
        algorithms=tuple(name for name in ALGORITHMS if name in offered),
        sends_issuer=found.get("authorization_response_iss_parameter_supported") is True,
        takes_basic="client_secret_basic" in ways,
    )


def _is_web(address: str, scheme: str) -> bool:
    """Never less safe than the issuer itself."""
    parts = urlsplit(address)
    return bool(parts.hostname) and parts.scheme in ("https", scheme)


def _identity(issuer: str, claims: Claims) -> Identity:
    subject = claims.get("sub")
    if not isinstance(subject, str) or not 0 < len(subject) <= 255:
        raise _failed("the token names nobody")
    # Whole or not at all: the beginning of one may be somebody else's.
    email = _text(claims, "email", longest=_LONGEST_EMAIL + 1)
    if claims.get("email_verified") is not True or "@" not in email or len(email) > _LONGEST_EMAIL:
        email = ""
    username = _text(claims, "preferred_username") or email.partition("@")[0]
    return Identity(issuer, subject, email or None, _text(claims, "name"), username)


def _text(claims: Claims, name: str, *, longest: int = 100) -> str:
    value = claims.get(name)
    return " ".join(value.split())[:longest] if isinstance(value, str) else ""


def _field(content: bytes, name: str) -> str | None:
    try:
        found = orjson.loads(content)
    except orjson.JSONDecodeError:
        return None
    value = found.get(name) if isinstance(found, dict) else None
    return value if isinstance(value, str) else None


def _failed(reason: str) -> OidcFailedError:
    _log.debug("oidc_failed", reason=reason)
    return OidcFailedError()

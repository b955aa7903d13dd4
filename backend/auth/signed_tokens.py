"""Signed tokens of others (JWT), checked against the keys that their issuer publishes (JWKS)."""

import asyncio
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import orjson

from backend.kit.clock import Clock
from backend.kit.outbound import FetchFailedError, Outbound

ALGORITHMS = ("RS256", "ES256")
"""Never `none`, never HS*: with those the published key itself could sign."""
SKEW_SECONDS = 60
_OLDEST_SECONDS = 3600
_REFETCH_SECONDS = 60
_LARGEST = 1_000_000
_LONGEST_TOKEN = 20_000
_KINDS = {"RS256": "RSA", "ES256": "EC"}

type Claims = Mapping[str, Any]


class TokenRefusedError(Exception):
    """`str()` is the reason, for the log alone."""


@dataclass(frozen=True, slots=True)
class Expected:
    issuer: str
    audience: str
    algorithms: tuple[str, ...] = ALGORITHMS


async def fetched_json(outbound: Outbound, url: str) -> dict[str, Any]:
    """Raises FetchFailedError."""
    answer = await outbound.fetch(
        url, headers={"Accept": "application/json"}, largest=_LARGEST, seconds=10
    )
    try:
        found = orjson.loads(answer.content)
    except orjson.JSONDecodeError:
        found = None
    if answer.status != 200 or not isinstance(found, dict):
        raise FetchFailedError
    return found


class PublishedKeys:
    """Fetched when asked for; again after an hour, and when a key is unknown (it may be new), but
    then once a minute at most: unknown keys are easy to invent."""

    def __init__(self, outbound: Outbound, clock: Clock) -> None:
        self._outbound = outbound
        self._clock = clock
        self._keys: list[dict[str, Any]] = []
        self._fetched_at: float | None = None
        self._from = ""
        self._fetching = asyncio.Lock()

    async def candidates(
        self, url: str, key_id: str | None, algorithm: str
    ) -> list[dict[str, Any]]:
        """Raises FetchFailedError."""
        if url != self._from or self._age() > _OLDEST_SECONDS:
            await self._fetch(url, _OLDEST_SECONDS)
        found = self._fitting(key_id, algorithm)
        if not found and self._age() > _REFETCH_SECONDS:
            await self._fetch(url, _REFETCH_SECONDS)
            found = self._fitting(key_id, algorithm)
        return found

    def _age(self) -> float:
        if self._fetched_at is None:
            return float("inf")
        return self._clock.monotonic() - self._fetched_at

    async def _fetch(self, url: str, older_than: float) -> None:
        async with self._fetching:
            if url == self._from and self._age() <= older_than:  # somebody else did, meanwhile
                return
            keys = (await fetched_json(self._outbound, url)).get("keys")
            self._keys = (
                [key for key in keys if isinstance(key, dict)] if isinstance(keys, list) else []
            )
            self._from, self._fetched_at = url, self._clock.monotonic()

    def _fitting(self, key_id: str | None, algorithm: str) -> list[dict[str, Any]]:
        fitting = [
            key
            for key in self._keys
            if key.get("kty") == _KINDS[algorithm]
            and key.get("use", "sig") == "sig"
            and key.get("alg", algorithm) == algorithm
        ]
        if key_id is None:  # fine where there is no choice
            return fitting if len(fitting) == 1 else []
        return [key for key in fitting if key.get("kid") == key_id]


async def verified(
    token: str, keys: PublishedKeys, keys_url: str, expected: Expected, clock: Clock
) -> Claims:
    """What a token says, once all about it is as expected. Raises TokenRefusedError,
    FetchFailedError."""
    if len(token) > _LONGEST_TOKEN:
        raise TokenRefusedError("too long")
    header = await asyncio.to_thread(_header, token)
    algorithm, key_id = header.get("alg"), header.get("kid")
    if algorithm not in expected.algorithms or algorithm not in ALGORITHMS:
        raise TokenRefusedError("an algorithm that was not agreed on")
    if key_id is not None and not isinstance(key_id, str):
        raise TokenRefusedError("no key id")
    for key in await keys.candidates(keys_url, key_id, algorithm):
        claims = await asyncio.to_thread(_opened, token, key, algorithm)
        if claims is not None:
            _check(claims, expected, clock.now().timestamp())
            return claims
    raise TokenRefusedError("signed by nobody we know")


def _header(token: str) -> dict[str, Any]:
    import jwt  # noqa: PLC0415  # start-up: heavy, only where somebody signs in elsewhere

    try:
        return jwt.get_unverified_header(token)
    except jwt.PyJWTError as error:
        raise TokenRefusedError("no token") from error


def _opened(token: str, key: dict[str, Any], algorithm: str) -> Claims | None:
    """The claims if this key signed them. Only the signature is looked at here."""
    import jwt  # noqa: PLC0415  # as above

    try:
        public = jwt.PyJWK.from_dict(key, algorithm)
        claims: dict[str, Any] = jwt.decode(
            token,
            public,
            algorithms=[algorithm],
            options={
                "verify_exp": False,
                "verify_iat": False,
                "verify_nbf": False,
                "verify_aud": False,
                "verify_iss": False,
                "verify_sub": False,
            },
        )
    except jwt.PyJWTError:
        return None
    return claims


def _check(claims: Claims, expected: Expected, now: float) -> None:
    """Raises TokenRefusedError."""
    if claims.get("iss") != expected.issuer:
        raise TokenRefusedError("another issuer")
    audience = claims.get("aud")
    audiences = audience if isinstance(audience, list) else [audience]
    if expected.audience not in audiences:
        raise TokenRefusedError("another audience")
    expires_at, issued_at = _time(claims, "exp"), _time(claims, "iat")
    if expires_at is None or expires_at + SKEW_SECONDS <= now:
        raise TokenRefusedError("expired")
    if issued_at is None or issued_at - SKEW_SECONDS > now:
        raise TokenRefusedError("from the future")
    not_before = _time(claims, "nbf")
    if not_before is not None and not_before - SKEW_SECONDS > now:
        raise TokenRefusedError("not valid yet")


def _time(claims: Claims, name: str) -> float | None:
    value = claims.get(name)
    return value if isinstance(value, int | float) and not isinstance(value, bool) else None

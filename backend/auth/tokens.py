"""Signed tokens (JWT): for programs, and the mark of a browser that somebody has signed in with.

The library is imported, and keys are read, inside the functions: call them off the event loop.
"""

import secrets
from dataclasses import dataclass
from datetime import timedelta
from typing import Any, Literal

from backend.kit.clock import Clock
from backend.kit.keyring import Keyring

type Use = Literal["access", "refresh", "known"]
KNOWN_LIFE = timedelta(days=180)
_ALGORITHM = "HS256"
_LEEWAY = 5
_AUDIENCES: dict[Use, str] = {"access": "api", "refresh": "refresh", "known": "known"}
_REQUIRED = ["exp", "iat", "iss", "aud", "sub", "jti", "sid", "ver", "typ"]


class InvalidTokenError(Exception):
    """Not a token of this Parlor for this use, or not any more."""


@dataclass(frozen=True, slots=True)
class TokenRules:
    access_life: timedelta = timedelta(minutes=15)
    refresh_life: timedelta = timedelta(days=7)
    issuer: str = "parlor"
    audience: str = "parlor"
    """The beginning; each use has an audience of its own, so that no token passes for another."""

    def life(self, use: Use) -> timedelta:
        match use:
            case "access":
                return self.access_life
            case "refresh":
                return self.refresh_life
            case "known":
                return KNOWN_LIFE


@dataclass(frozen=True, slots=True)
class Subject:
    """What a token is about."""

    user_id: str
    session_id: str = ""
    version: int = 0
    """The person's token version at the time: a higher one ends the token."""


@dataclass(frozen=True, slots=True)
class Claims:
    subject: Subject
    token_id: str
    expires_at: float


def new_token_id() -> str:
    return secrets.token_urlsafe(16)


class Tokens:
    def __init__(self, keyring: Keyring, rules: TokenRules, clock: Clock) -> None:
        self._keyring = keyring
        self._clock = clock
        self.rules = rules

    def sign(self, use: Use, subject: Subject, token_id: str = "") -> str:
        """`token_id`: a new one when none is given. Raises KeyringError."""
        import jwt  # noqa: PLC0415  # start-up: 80 ms that only programs and sign-ins need

        now = self._clock.now()
        key = self._keyring.newest("tokens")
        claims = {
            "iss": self.rules.issuer,
            "aud": self._audience(use),
            "sub": subject.user_id,
            "sid": subject.session_id,
            "ver": subject.version,
            "typ": use,
            "jti": token_id or new_token_id(),
            "iat": int(now.timestamp()),
            "exp": int((now + self.rules.life(use)).timestamp()),
        }
        return jwt.encode(claims, key.secret, algorithm=_ALGORITHM, headers={"kid": key.id})

    def read(self, use: Use, token: str) -> Claims:
        """Raises InvalidTokenError, KeyringError."""
        import jwt  # noqa: PLC0415  # as above

        try:
            key_id = jwt.get_unverified_header(token).get("kid")
            key = self._keyring.find("tokens", key_id) if isinstance(key_id, str) else None
            if key is None:
                raise InvalidTokenError("signed by nobody we know")
            claims = jwt.decode(
                token,
                key.secret,
                algorithms=[_ALGORITHM],
                audience=self._audience(use),
                issuer=self.rules.issuer,
                # Times are compared below, with the clock that everything else goes by.
                options={
                    "require": _REQUIRED,
                    "strict_aud": True,
                    "verify_exp": False,
                    "verify_iat": False,
                },
            )
        except (jwt.PyJWTError, ValueError) as error:
            raise InvalidTokenError(str(error)) from error
        return self._checked(use, claims)

    def rotate_key(self) -> None:
        """Sign with a new key. The old one is kept until the last refresh token has ended.

        Raises KeyringError."""
        self._keyring.rotate("tokens", keep=self.rules.refresh_life)

    def _checked(self, use: Use, claims: dict[str, Any]) -> Claims:
        now = self._clock.now().timestamp()
        issued, expires, version = claims["iat"], claims["exp"], claims["ver"]
        texts = claims["sub"], claims["sid"], claims["jti"]
        # `type`, not `isinstance`: true and false are numbers elsewhere only.
        if any(type(value) is not int for value in (issued, expires, version)):
            raise InvalidTokenError("a number is none")
        if not all(isinstance(value, str) for value in texts) or claims["typ"] != use:
            raise InvalidTokenError("a text is none, or it is for another use")
        if issued > now + _LEEWAY or expires <= now - _LEEWAY:
            raise InvalidTokenError("not yet, or not any more")
        subject = Subject(claims["sub"], claims["sid"], version)
        return Claims(subject, claims["jti"], float(expires + _LEEWAY))

    def _audience(self, use: Use) -> str:
        return f"{self.rules.audience}-{_AUDIENCES[use]}"

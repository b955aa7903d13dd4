"""An OpenID Connect provider on loopback: discovery, consent, tokens, keys. It misbehaves on request."""

import base64
import hashlib
import json
import secrets
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any, Self
from urllib.parse import parse_qs, unquote, urlencode, urlsplit

import jwt
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from jwt.algorithms import ECAlgorithm, RSAAlgorithm

from tests.fakes.clock import StillClock
from tests.fakes.site import Asked, FakeSite, Reply

CLIENT, SECRET = "parlor-test", "kestrel client secret/+"


@dataclass(eq=False)
class SigningKey:
    id: str
    algorithm: str

    @classmethod
    def rsa(cls, key_id: str = "one") -> Self:
        return cls(key_id, "RS256")

    @classmethod
    def ec(cls, key_id: str = "curve") -> Self:
        return cls(key_id, "ES256")

    @cached_property
    def private(self) -> Any:
        """Made when it is asked for: that takes a while."""
        if self.algorithm == "RS256":
            return rsa.generate_private_key(65537, 2048)
        return ec.generate_private_key(ec.SECP256R1())

    def published(self) -> dict[str, Any]:
        kind: Any = RSAAlgorithm if self.algorithm == "RS256" else ECAlgorithm
        found = json.loads(kind.to_jwk(self.private.public_key()))
        return {**found, "kid": self.id, "use": "sig", "alg": self.algorithm}

    def public_pem(self) -> bytes:
        encoding, kind = serialization.Encoding.PEM, serialization.PublicFormat.SubjectPublicKeyInfo
        pem: bytes = self.private.public_key().public_bytes(encoding, kind)
        return pem

    def sign(self, claims: dict[str, Any], **header: Any) -> str:
        return jwt.encode(
            claims, self.private, algorithm=self.algorithm, headers={"kid": self.id, **header}
        )


_KEY = SigningKey.rsa()
"""The same for all."""


@dataclass
class Consent:
    query: dict[str, str]
    used: bool = False


@dataclass
class IdentityProvider:
    """`claims` and `metadata` change what it says; `signs` replaces how an id token is made."""

    clock: StillClock
    claims: dict[str, Any] = field(default_factory=dict)
    metadata: dict[str, Any] = field(default_factory=dict)
    key: SigningKey = field(default_factory=lambda: _KEY)
    published: list[SigningKey] = field(default_factory=list)
    signs: Any = None
    skew: float = 0
    """Seconds by which its clock is ahead."""
    callback_issuer: str | None = "own"
    token_reply: Reply | None = None

    async def __aenter__(self) -> Self:
        self.published = self.published or [self.key]
        self.consents: dict[str, Consent] = {}
        self._site = FakeSite(self._answer)
        await self._site.__aenter__()
        return self

    async def __aexit__(self, *error: object) -> None:
        await self._site.__aexit__(*error)

    @property
    def issuer(self) -> str:
        return self._site.url

    @property
    def asked(self) -> list[Asked]:
        return self._site.asked

    def times(self, path: str) -> int:
        return sum(asked.path == path for asked in self.asked)

    def consent(self, address: str, **claims: Any) -> str:
        """The person says yes at `address`; returns where their browser is sent back to."""
        parts = urlsplit(address)
        assert f"{parts.scheme}://{parts.netloc}" == self.issuer
        assert parts.path == "/authorize"
        query = {name: values[0] for name, values in parse_qs(parts.query).items()}
        assert query["client_id"] == CLIENT
        assert query["response_type"] == "code"
        assert query["code_challenge_method"] == "S256"
        assert "openid" in query["scope"].split()
        self.claims |= claims
        code = secrets.token_urlsafe(16)
        self.consents[code] = Consent(query)
        back = {"code": code, "state": query["state"]}
        if self.callback_issuer is not None:
            back["iss"] = self.issuer if self.callback_issuer == "own" else self.callback_issuer
        return f"{query['redirect_uri']}?{urlencode(back)}"

    def _answer(self, asked: Asked) -> Reply:
        match asked.path:
            case "/.well-known/openid-configuration":
                return _json(self._description())
            case "/jwks":
                return _json({"keys": [key.published() for key in self.published]})
            case "/token":
                return self.token_reply or self._token(asked)
        return Reply(404)

    def _description(self) -> dict[str, Any]:
        return {
            "issuer": self.issuer,
            "authorization_endpoint": f"{self.issuer}/authorize",
            "token_endpoint": f"{self.issuer}/token",
            "jwks_uri": f"{self.issuer}/jwks",
            "id_token_signing_alg_values_supported": ["RS256", "ES256", "HS256", "none"],
            "token_endpoint_auth_methods_supported": ["client_secret_basic"],
            "authorization_response_iss_parameter_supported": True,
            **self.metadata,
        }

    def _token(self, asked: Asked) -> Reply:
        form = {name: values[0] for name, values in parse_qs(asked.body.decode()).items()}
        if not self._is_client(asked, form):
            return _json({"error": "invalid_client"}, 401)
        consent = self.consents.get(form.get("code", ""))
        if consent is None or consent.used or form["grant_type"] != "authorization_code":
            return _json({"error": "invalid_grant"}, 400)
        consent.used = True
        challenge = hashlib.sha256(form["code_verifier"].encode()).digest()
        if (
            base64.urlsafe_b64encode(challenge).rstrip(b"=").decode()
            != consent.query["code_challenge"]
            or form["redirect_uri"] != consent.query["redirect_uri"]
        ):
            return _json({"error": "invalid_grant"}, 400)
        now = self.clock.now().timestamp() + self.skew
        claims = {
            "iss": self.issuer,
            "aud": CLIENT,
            "sub": "subject-1",
            "iat": int(now),
            "exp": int(now + 300),
            "nonce": consent.query["nonce"],
            **self.claims,
        }
        claims = {name: value for name, value in claims.items() if value is not None}
        token = self.signs(claims) if self.signs else self.key.sign(claims)
        return _json({"access_token": "unused", "token_type": "Bearer", "id_token": token})

    def _is_client(self, asked: Asked, form: dict[str, str]) -> bool:
        if (
            "client_secret_basic"
            not in self._description()["token_endpoint_auth_methods_supported"]
        ):
            return (form.get("client_id"), form.get("client_secret")) == (CLIENT, SECRET)
        kind, _, given = asked.headers.get("authorization", "").partition(" ")
        name, _, word = base64.b64decode(given).decode().partition(":")
        return (kind, unquote(name), unquote(word)) == ("Basic", CLIENT, SECRET)


def unsigned(claims: dict[str, Any]) -> str:
    """An id token with the algorithm `none`."""
    return jwt.encode(claims, None, algorithm="none")


def signed_with_the_public_key(key: SigningKey, claims: dict[str, Any]) -> str:
    """HS256, as if the public key were a shared secret. By hand: libraries refuse to do it."""
    import hmac  # noqa: PLC0415  # used nowhere else

    def part(value: Any) -> bytes:
        return base64.urlsafe_b64encode(json.dumps(value).encode()).rstrip(b"=")

    text = part({"alg": "HS256", "typ": "JWT", "kid": key.id}) + b"." + part(claims)
    mark = hmac.digest(key.public_pem(), text, "sha256")
    return (text + b"." + base64.urlsafe_b64encode(mark).rstrip(b"=")).decode()


def _json(value: Any, status: int = 200) -> Reply:
    return Reply(status, json.dumps(value).encode(), {"Content-Type": "application/json"})

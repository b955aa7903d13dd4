"""A passkey authenticator and the browser around it, in software: ES256, attestation "none"."""

import hashlib
import json
import secrets
from base64 import urlsafe_b64decode, urlsafe_b64encode
from dataclasses import dataclass, field
from typing import Any

import cbor2
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec

PRESENT, VERIFIED, ATTESTED = 0x01, 0x04, 0x40


def encoded(raw: bytes) -> str:
    return urlsafe_b64encode(raw).rstrip(b"=").decode()


def decoded(text: str) -> bytes:
    return urlsafe_b64decode(text + "==")


@dataclass
class SoftPasskey:
    id: bytes
    key: ec.EllipticCurvePrivateKey
    rp_id: str
    user_handle: bytes
    sign_count: int = 0


@dataclass
class Authenticator:
    """Makes passkeys and signs with them, at the site that the browser has open."""

    origin: str
    flags: int = PRESENT | VERIFIED
    passkeys: list[SoftPasskey] = field(default_factory=list)
    counts: bool = True

    @property
    def rp_id(self) -> str:
        return self.origin.partition("://")[2].partition(":")[0]

    def create(self, options: dict[str, Any]) -> dict[str, Any]:
        """What `navigator.credentials.create()` gives, as JSON."""
        passkey = SoftPasskey(
            secrets.token_bytes(32),
            ec.generate_private_key(ec.SECP256R1()),
            options["rp"]["id"],
            decoded(options["user"]["id"]),
        )
        self.passkeys.append(passkey)
        numbers = passkey.key.public_key().public_numbers()
        cose = {
            1: 2,
            3: -7,
            -1: 1,
            -2: numbers.x.to_bytes(32, "big"),
            -3: numbers.y.to_bytes(32, "big"),
        }
        attested = bytes(16) + len(passkey.id).to_bytes(2, "big") + passkey.id + cbor2.dumps(cose)
        data = self._data(passkey, self.flags | ATTESTED) + attested
        attestation = cbor2.dumps({"fmt": "none", "attStmt": {}, "authData": data})
        return self._answer(
            passkey,
            clientDataJSON=encoded(self._client_data("webauthn.create", options["challenge"])),
            attestationObject=encoded(attestation),
            transports=["internal"],
        )

    def get(self, options: dict[str, Any]) -> dict[str, Any]:
        """What `navigator.credentials.get()` gives for the newest passkey, as JSON."""
        passkey = self.passkeys[-1]
        if self.counts:
            passkey.sign_count += 1
        client_data = self._client_data("webauthn.get", options["challenge"])
        data = self._data(passkey, self.flags)
        signed = data + hashlib.sha256(client_data).digest()
        return self._answer(
            passkey,
            clientDataJSON=encoded(client_data),
            authenticatorData=encoded(data),
            signature=encoded(passkey.key.sign(signed, ec.ECDSA(hashes.SHA256()))),
            userHandle=encoded(passkey.user_handle),
        )

    def _data(self, passkey: SoftPasskey, flags: int) -> bytes:
        rp_hash = hashlib.sha256(self.rp_id.encode()).digest()
        return rp_hash + bytes([flags]) + passkey.sign_count.to_bytes(4, "big")

    def _client_data(self, kind: str, challenge: str) -> bytes:
        return json.dumps({"type": kind, "challenge": challenge, "origin": self.origin}).encode()

    def _answer(self, passkey: SoftPasskey, **response: Any) -> dict[str, Any]:
        return {
            "id": encoded(passkey.id),
            "rawId": encoded(passkey.id),
            "type": "public-key",
            "authenticatorAttachment": "platform",
            "clientExtensionResults": {},
            "response": response,
        }

"""Secrets of others at rest: sealed with a key that the database does not hold."""

import secrets
from typing import TYPE_CHECKING

from backend.kit.errors import AppError
from backend.kit.keyring import Keyring

if TYPE_CHECKING:
    from cryptography.hazmat.primitives.ciphers.aead import ChaCha20Poly1305

_NONCE = 12
_KEY_ID = 8
_UNREADABLE = "A stored secret cannot be read with this installation's keys; enter it again."


class SealBrokenError(AppError):
    """The sealed text was changed, belongs elsewhere, or its key is gone."""

    code = "secret_unreadable"


class Sealer:
    """ChaCha20-Poly1305 (RFC 8439). `context` says whose secret it is: text sealed for one place
    does not open in another."""

    def __init__(self, keyring: Keyring) -> None:
        self._keyring = keyring

    def seal(self, text: str, context: str) -> bytes:
        key = self._keyring.newest("secrets")
        nonce = secrets.token_bytes(_NONCE)
        return (
            key.id.encode()
            + nonce
            + _cipher(key.secret).encrypt(nonce, text.encode(), context.encode())
        )

    def open(self, sealed: bytes, context: str) -> str:
        """Raises SealBrokenError."""
        from cryptography.exceptions import InvalidTag  # noqa: PLC0415  # start-up: rarely needed

        key = self._keyring.find("secrets", sealed[:_KEY_ID].decode("ascii", "replace"))
        if key is None:
            raise SealBrokenError(_UNREADABLE)
        nonce, secret = sealed[_KEY_ID : _KEY_ID + _NONCE], sealed[_KEY_ID + _NONCE :]
        try:
            return _cipher(key.secret).decrypt(nonce, secret, context.encode()).decode()
        except (InvalidTag, ValueError) as error:
            raise SealBrokenError(_UNREADABLE) from error


def _cipher(key: bytes) -> "ChaCha20Poly1305":
    from cryptography.hazmat.primitives.ciphers.aead import (  # noqa: PLC0415  # as above
        ChaCha20Poly1305,
    )

    return ChaCha20Poly1305(key)

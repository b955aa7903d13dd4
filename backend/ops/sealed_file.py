"""A file encrypted as a stream: nobody without the key reads it, changes it, cuts it or reorders it.

Header: a magic word, the key's id, 32 random bytes. From these and the key comes a key of this
file's own (HKDF, RFC 5869), so a changed header opens nothing. Then pieces of 64 KiB, each under
ChaCha20-Poly1305 (RFC 8439) with its number and "this is the last" in the nonce (the STREAM
construction, Hoang, Reyhanitabar, Rogaway, Vizár 2015).
"""

import hashlib
import hmac
import io
import secrets
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, BinaryIO, Self, override

from backend.kit.key_text import key_from_text
from backend.ops.archive import BackupError

if TYPE_CHECKING:
    from _typeshed import ReadableBuffer, WriteableBuffer
    from cryptography.hazmat.primitives.ciphers.aead import ChaCha20Poly1305

MAGIC = b"parlor-sealed-1\n"
PIECE = 64 * 1024
_ID, _SALT, _TAG, _COUNTER = 8, 32, 16, 11
_HEADER = len(MAGIC) + _ID + _SALT


@dataclass(frozen=True, slots=True)
class BackupKey:
    secret: bytes = field(repr=False)

    @classmethod
    def parse(cls, text: str) -> Self:
        """Raises KeyTextError."""
        return cls(key_from_text(text))

    @property
    def id(self) -> bytes:
        """Tells keys apart and says nothing about them."""
        return hmac.digest(self.secret, b"parlor backup key id", hashlib.sha256)[:_ID]


class SealedWriter(io.RawIOBase):
    """What is written is encrypted into `file`; nothing is whole before `finish`."""

    def __init__(self, file: BinaryIO, key: BackupKey) -> None:
        super().__init__()
        header = MAGIC + key.id + secrets.token_bytes(_SALT)
        file.write(header)
        self._file = file
        self._cipher = _cipher(key, header)
        self._waiting = bytearray()
        self._number = 0

    @override
    def writable(self) -> bool:
        return True

    @override
    def write(self, data: "ReadableBuffer", /) -> int:
        size = len(memoryview(data))
        self._waiting += data
        at = 0
        while len(self._waiting) - at > PIECE:  # the last piece is known as such only at the end
            self._put(self._waiting[at : at + PIECE], is_last=False)
            at += PIECE
        del self._waiting[:at]
        return size

    def finish(self) -> None:
        self._put(self._waiting, is_last=True)
        self._waiting = bytearray()

    def _put(self, piece: bytearray, *, is_last: bool) -> None:
        nonce = _nonce(self._number, is_last=is_last)
        self._file.write(self._cipher.encrypt(nonce, bytes(piece), None))
        self._number += 1


class SealedReader(io.RawIOBase):
    """Gives only bytes that are proved to be the writer's, in order. Reading raises BackupError."""

    def __init__(self, file: BinaryIO, key: BackupKey, name: str) -> None:
        super().__init__()
        header = file.read(_HEADER)
        if len(header) != _HEADER or header[: len(MAGIC)] != MAGIC:
            raise BackupError(f"{name} is no whole backup: it ends too early.")
        if header[len(MAGIC) :][:_ID] != key.id:
            raise BackupError(f"{name} was encrypted with another key than the one given.")
        self._file = file
        self._name = name
        self._cipher = _cipher(key, header)
        self._next = file.read(PIECE + _TAG)
        self._piece = memoryview(b"")
        self._number = 0

    @override
    def readable(self) -> bool:
        return True

    @override
    def readinto(self, buffer: "WriteableBuffer", /) -> int:
        room = memoryview(buffer)
        while not self._piece and self._next:
            self._piece = memoryview(self._open())
        size = min(len(room), len(self._piece))
        if not self._number:
            raise self._damaged()
        room[:size] = self._piece[:size]
        self._piece = self._piece[size:]
        return size

    def _open(self) -> bytes:
        from cryptography.exceptions import InvalidTag  # noqa: PLC0415  # start-up: rarely needed

        sealed, self._next = self._next, self._file.read(PIECE + _TAG)
        nonce = _nonce(self._number, is_last=not self._next)
        try:
            piece = self._cipher.decrypt(nonce, sealed, None)
        except (InvalidTag, ValueError):
            raise self._damaged() from None
        self._number += 1
        return piece

    def _damaged(self) -> BackupError:
        return BackupError(
            f"{self._name} is no whole backup: its bytes have changed, or its end is missing."
        )


def is_sealed(path: Path) -> bool:
    """By its first bytes, whatever its name. Raises OSError."""
    with path.open("rb") as file:
        return file.read(len(MAGIC)) == MAGIC


@contextmanager
def unsealed(path: Path, key: BackupKey | None) -> Iterator[BinaryIO]:
    """Its content, decrypted where it is encrypted. Raises BackupError, OSError."""
    sealed = is_sealed(path)
    with path.open("rb") as file:
        if not sealed:
            yield file
        elif key is None:
            raise BackupError(
                f"{path.name} is encrypted. Say its key: PARLOR_BACKUP_KEY, or --key-file FILE."
            )
        else:
            yield io.BufferedReader(SealedReader(file, key, path.name), PIECE)


def _nonce(number: int, *, is_last: bool) -> bytes:
    return number.to_bytes(_COUNTER, "big") + bytes([is_last])


def _cipher(key: BackupKey, header: bytes) -> "ChaCha20Poly1305":
    from cryptography.hazmat.primitives.ciphers.aead import (  # noqa: PLC0415  # as above
        ChaCha20Poly1305,
    )
    from cryptography.hazmat.primitives.hashes import SHA256  # noqa: PLC0415  # as above
    from cryptography.hazmat.primitives.kdf.hkdf import HKDF  # noqa: PLC0415  # as above

    own = HKDF(SHA256(), 32, salt=header[-_SALT:], info=header).derive(key.secret)
    return ChaCha20Poly1305(own)

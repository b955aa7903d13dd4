"""Passwords: argon2id, off the event loop, a few at a time."""

import asyncio

from argon2 import PasswordHasher
from argon2.exceptions import InvalidHashError, VerificationError

from backend.kit.errors import InvalidInputError

SHORTEST = 8
LONGEST = 256
_AT_ONCE = 2
"""Each takes 64 MiB for a moment."""


class WeakPasswordError(InvalidInputError):
    code = "weak_password"


class Passwords:
    """`hasher` is argon2-cffi's default profile (RFC 9106, low memory) unless a test says other."""

    def __init__(self, hasher: PasswordHasher | None = None) -> None:
        self._hasher = hasher or PasswordHasher()
        self._slots = asyncio.Semaphore(_AT_ONCE)
        self._nobody: str | None = None

    async def hash(self, password: str) -> str:
        """Raises WeakPasswordError."""
        if not SHORTEST <= len(password) <= LONGEST:
            raise WeakPasswordError(
                f"A password has {SHORTEST} to {LONGEST} characters; this one has {len(password)}."
            )
        async with self._slots:
            return await asyncio.to_thread(self._hasher.hash, password)

    async def matches(self, password: str, stored: str | None) -> bool:
        """`stored` None (no such person) takes as long as a wrong password."""
        async with self._slots:
            if self._nobody is None:
                nobody = await asyncio.to_thread(self._hasher.hash, "nobody has this password")
                self._nobody = nobody
            right = await asyncio.to_thread(self._verify, password, stored or self._nobody)
        return right and stored is not None

    def _verify(self, password: str, stored: str) -> bool:
        try:
            return self._hasher.verify(stored, password)
        except (VerificationError, InvalidHashError):
            return False

"""Secrets of other services: sealed at rest, and given out only for the host they were entered for."""

import asyncio
from urllib.parse import urlsplit

from backend.kit.errors import InvalidInputError
from backend.kit.seal import Sealer
from backend.vault.store import VaultStore

_PORTS = {"http": 80, "https": 443}


class Vault:
    """A secret belongs to an origin (scheme, host, port). Whoever points its service at another
    host has nothing stored there: asking for the new host removes what was kept for the old one,
    so that going back does not bring it back either."""

    def __init__(self, store: VaultStore, sealer: Sealer) -> None:
        self._store = store
        self._sealer = sealer

    async def put(self, name: str, origin: str, secret: str) -> None:
        """Raises InvalidInputError, KeyringError."""
        place = origin_of(origin)
        # The key file is read, and the cipher loaded: off the event loop.
        sealed = await asyncio.to_thread(self._sealer.seal, secret, _context(name, place))
        await self._store.put(name, place, sealed)

    async def get(self, name: str, origin: str) -> str | None:
        """Raises InvalidInputError, SealBrokenError, KeyringError."""
        place = origin_of(origin)
        found = await self._store.find(name)
        if found is None:
            return None
        if found.origin != place:
            await self._store.remove(name, unless_origin=place)
            return None
        return await asyncio.to_thread(self._sealer.open, found.sealed, _context(name, place))

    async def forget(self, name: str) -> None:
        await self._store.remove(name)

    async def names(self) -> list[str]:
        """Whose secrets are kept; the secrets themselves are never listed."""
        return await self._store.names()


def origin_of(address: str) -> str:
    """Scheme, host and port of a URL, in one spelling. Raises InvalidInputError."""
    try:
        parts = urlsplit(address)
        port = parts.port or _PORTS.get(parts.scheme)
    except ValueError:
        parts, port = urlsplit(""), None
    if parts.scheme not in _PORTS or not parts.hostname:
        raise InvalidInputError("A secret is kept for an http or https address.")
    return f"{parts.scheme}://{parts.hostname.removesuffix('.')}:{port}"


def _context(name: str, origin: str) -> str:
    return f"{name}\n{origin}"

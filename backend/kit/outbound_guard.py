"""Which addresses `kit.outbound` asks, and which machines it connects to."""

import re
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass, field
from ipaddress import ip_address
from typing import TYPE_CHECKING

from backend.kit.addresses import Openings, is_public, parsed, plain_host

if TYPE_CHECKING:
    import httpx2

_LONGEST_URL = 4000
_PORTS = frozenset({80, 443})
_FIRST_FREE_PORT = 1024
_PLAIN_HOST = re.compile(rb"[a-z0-9_][a-z0-9._-]*|[0-9a-f:.]+")
"""No escapes, no zone of an interface: what two readers could take for different hosts."""

type Resolver = Callable[[str, int], Awaitable[Sequence[str]]]


class RefusedError(OSError):
    """Not ours to connect to; `str()` is the reason, for the log alone."""


@dataclass(frozen=True, slots=True)
class Guard:
    """What may be asked for, and what may be connected to."""

    openings: Openings = field(default_factory=Openings)
    resolver: Resolver | None = None
    """Of tests; the machine's own otherwise."""

    def check_url(self, url: "httpx2.URL") -> None:
        """Raises RefusedError."""
        if url.scheme not in ("http", "https"):
            raise RefusedError("neither http nor https")
        if url.userinfo:
            raise RefusedError("a name or password before the host")
        if not _PLAIN_HOST.fullmatch(url.raw_host):
            raise RefusedError("no plain host")
        if len(str(url)) > _LONGEST_URL:
            raise RefusedError("too long")
        port = port_of(url)
        is_usual = port in _PORTS or _FIRST_FREE_PORT <= port < 65536
        if not is_usual and (plain_host(url.host), port) not in self.openings.places:
            raise RefusedError("a port of another service")

    def check_address(self, host: str, port: int, address: str) -> None:
        """Raises RefusedError. Every address of a name is checked, not only the one to be used."""
        try:
            given = ip_address(address)
        except ValueError:
            raise RefusedError("no address") from None
        if is_public(given):
            return
        if not self.openings.admits(host, port, parsed(address) or given):
            raise RefusedError("not a public address")


def port_of(url: "httpx2.URL") -> int:
    return url.port or (443 if url.scheme == "https" else 80)

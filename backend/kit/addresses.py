"""Which network addresses belong to the public internet, and which the operator opened beside it."""

import re
from collections.abc import Iterable
from dataclasses import dataclass, field
from ipaddress import (
    IPv4Address,
    IPv4Network,
    IPv6Address,
    IPv6Network,
    ip_address,
    ip_network,
)
from typing import Self
from urllib.parse import urlsplit

type Address = IPv4Address | IPv6Address
type Network = IPv4Network | IPv6Network

_NAT64 = IPv6Network("64:ff9b::/96")
_ISATAP = (0x00005EFE, 0x02005EFE)
_GLOBAL_IPV6 = IPv6Network("2000::/3")
_PUBLIC_BUT_NOT = tuple(
    ip_network(text)
    for text in (
        "168.63.129.16/32",  # the host under a virtual machine, at one large provider
        "192.88.99.0/24",  # 6to4 relays: whatever is behind them
        "3fff::/20",  # documentation
    )
)
_NEVER = tuple(
    ip_network(text)
    for text in (
        "0.0.0.0/8",
        "169.254.0.0/16",
        "224.0.0.0/4",
        "240.0.0.0/4",
        "168.63.129.16/32",
        "::/128",
        "fe80::/10",
        "ff00::/8",
        "fd00:ec2::/32",
    )
)
"""Where clouds tell a machine its secrets, and what is no single machine: a name never leads here."""
_HOST_PORT = re.compile(r"^(\[[0-9a-fA-F:.]+\]|[^\s:/\[\]@]+):([0-9]{1,5})$")


def is_public(address: Address) -> bool:
    """Whether anybody on the internet may have it; of an IPv6 address also what is inside it."""
    if isinstance(address, IPv6Address):
        if address.ipv4_mapped is not None:
            return is_public(address.ipv4_mapped)
        if address in _NAT64:
            return is_public(IPv4Address(int(address) & 0xFFFFFFFF))
        if address not in _GLOBAL_IPV6 or _leads_to_ipv4(address) or address.scope_id:
            return False
    return (
        address.is_global
        and not address.is_multicast
        and not address.is_reserved
        and not _within(address, _PUBLIC_BUT_NOT)
    )


def _within(address: Address, networks: Iterable[Network]) -> bool:
    return any(address.version == network.version and address in network for network in networks)


def _leads_to_ipv4(address: IPv6Address) -> bool:
    """Tunnels: 6to4, Teredo, ISATAP. Nothing public is reached by them alone."""
    return (
        address.sixtofour is not None
        or address.teredo is not None
        or (int(address) >> 32) & 0xFFFFFFFF in _ISATAP
    )


def plain_host(host: str) -> str:
    """One spelling for a host name: lower case, no final dot, no brackets."""
    return host.lower().removesuffix(".").removeprefix("[").removesuffix("]")


@dataclass(frozen=True, slots=True)
class Openings:
    """What the operator allows beside the public internet: `host:port`, exactly, and networks."""

    places: frozenset[tuple[str, int]] = frozenset()
    networks: tuple[Network, ...] = ()

    @classmethod
    def of(cls, entries: Iterable[str]) -> Self:
        """Raises ValueError with the entry that is neither."""
        places, networks = set(), []
        for entry in entries:
            if found := _HOST_PORT.match(entry):
                port = int(found[2])
                if not 0 < port < 65536:
                    raise ValueError(f"{entry!r}: there is no port {port}")
                places.add((plain_host(found[1]), port))
            else:
                networks.append(_network(entry))
        return cls(frozenset(places), tuple(networks))

    def with_place(self, host: str, port: int) -> "Openings":
        return Openings(self.places | {(plain_host(host), port)}, self.networks)

    def with_url(self, url: str) -> "Openings":
        """One place more, which the operator named in a setting of its own."""
        parts = urlsplit(url)
        port = parts.port or (443 if parts.scheme == "https" else 80)
        return self.with_place(parts.hostname or "", port)

    def admits(self, host: str, port: int, address: Address) -> bool:
        """Whether `address`, to which `host` led, may be connected to."""
        if _within(address, self.networks):
            return True
        if (str(address), port) in self.places:
            return True
        named = (plain_host(host), port) in self.places
        return named and not _within(address, _NEVER)


def _network(entry: str) -> Network:
    try:
        return ip_network(entry)
    except ValueError:
        raise ValueError(
            f"{entry!r} is neither host:port nor a network such as 192.168.7.0/24"
        ) from None


@dataclass(slots=True)
class Peers:
    """Those whose word about the real client is taken: addresses and networks."""

    networks: tuple[Network, ...] = ()
    _known: dict[str, bool] = field(default_factory=dict)

    def include(self, address: str) -> bool:
        if not self.networks:
            return False
        known = self._known.get(address)
        if known is None:
            if len(self._known) > 1000:  # many strangers; a proxy is one address
                self._known.clear()
            found = parsed(address)
            known = found is not None and _within(found, self.networks)
            self._known[address] = known
        return known


def parsed(text: str) -> Address | None:
    """An address, IPv4 in its own notation also where it came mapped into IPv6."""
    try:
        address = ip_address(text)
    except ValueError:
        return None
    mapped = address.ipv4_mapped if isinstance(address, IPv6Address) else None
    return mapped or address

"""Whom a certificate vouches for: names and addresses, and which of them are local."""

import re
from collections.abc import Iterable, Sequence
from ipaddress import IPv4Address, IPv4Network, IPv6Address, IPv6Network, ip_address, ip_network

from cryptography import x509

from backend.kit.errors import AppError

_HOST_NAME = re.compile(
    r"(?=.{1,253}$)([a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?)(\.[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?)*"
)
_PRIVATE_NETWORKS = (
    *("10.0.0.0/8", "172.16.0.0/12", "192.168.0.0/16", "100.64.0.0/10", "169.254.0.0/16"),
    *("127.0.0.0/8", "fc00::/7", "fe80::/10", "::1/128"),
)

type Address = IPv4Address | IPv6Address

_LOCAL: tuple[x509.GeneralName, ...] = (
    *map(x509.DNSName, ("localhost", "lan", "local", "home.arpa", "internal")),
    *map(x509.IPAddress, map(ip_network, _PRIVATE_NETWORKS)),
)
"""Domains and networks that nobody outside has."""


class CertificateError(AppError):
    code = "certificate"


def subjects_of(names: Sequence[str]) -> list[x509.GeneralName]:
    """Each once, as a certificate writes it. Raises CertificateError."""
    found: list[x509.GeneralName] = []
    for name in dict.fromkeys(name.strip().rstrip(".").lower() for name in names):
        try:
            found.append(x509.IPAddress(ip_address(name.strip("[]"))))
        except ValueError:
            found.append(x509.DNSName(_host_name(name)))
    if not found:
        raise CertificateError("Say at least one host name or address the server is reached by.")
    return found


def permitted_to(subjects: Iterable[x509.GeneralName]) -> list[x509.GeneralName]:
    """What an authority for `subjects` may vouch for: these, and all that is local."""
    return [*_LOCAL, *(_as_constraint(one) for one in subjects if not is_within(one, _LOCAL))]


def is_within(subject: x509.GeneralName, permitted: Sequence[x509.GeneralName]) -> bool:
    if isinstance(subject, x509.DNSName):
        domains = [limit.value for limit in permitted if isinstance(limit, x509.DNSName)]
        return any(
            subject.value == domain or subject.value.endswith(f".{domain}") for domain in domains
        )
    address: Address = subject.value
    networks = [
        limit.value for limit in permitted if isinstance(limit.value, (IPv4Network, IPv6Network))
    ]
    return any(address.version == network.version and address in network for network in networks)


def _host_name(name: str) -> str:
    try:
        ascii_name = name.encode("idna").decode()
    except UnicodeError:
        ascii_name = ""
    if not _HOST_NAME.fullmatch(ascii_name):
        raise CertificateError(f"{name!r} is neither a host name nor an address.")
    return ascii_name


def _as_constraint(subject: x509.GeneralName) -> x509.GeneralName:
    if isinstance(subject, x509.DNSName):
        return subject
    return x509.IPAddress(ip_network(subject.value))

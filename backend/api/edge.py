"""Who is at the door: the real client's address, the name it asked for, and headers within reason.

Decided once, before anything else looks at a request. Nothing behind reads a proxy's headers.
"""

import re
from collections.abc import Iterable, Sequence
from contextlib import suppress
from pathlib import Path

from starlette.responses import Response
from starlette.types import Scope

from backend.api.errors import error_response
from backend.kit.addresses import Peers, parsed, plain_host
from backend.settings import Settings

LARGEST_HEAD = 32_000
MOST_HEADERS = 100
FROM_PROXY = "parlor.from_proxy"
"""Scope key: the connection comes from a proxy that the operator trusts."""

_HOST = re.compile(
    r"(?P<name>[a-z0-9_](?:[a-z0-9._-]{0,252})|\[[0-9a-f:.]{2,45}\])(?::[0-9]{1,5})?",
    re.IGNORECASE,
)
_FORWARDED_FOR, _FORWARDED_PROTO = b"x-forwarded-for", b"x-forwarded-proto"
_CONNECTING, _CODING = b"cf-connecting-ip", b"transfer-encoding"
_LOOKED_AT = (b"host", _FORWARDED_FOR, _FORWARDED_PROTO, _CONNECTING, _CODING)
LOOPBACK_NAMES = frozenset({"localhost", "127.0.0.1", "::1"})
_TOO_LARGE = f"The headers of a request may hold {LARGEST_HEAD} bytes in {MOST_HEADERS} lines."
_NO_HOST = "A request names its host once, and plainly."
_UNKNOWN_HOST = (
    "This Parlor is not known by that name. Whoever runs it can add the name to PARLOR_HOSTS"
    " (a comma list), or set PARLOR_PUBLIC_URL."
)
_HANG_UP = {"Connection": "close"}
_REMEMBERED = 500


type _Head = dict[bytes, list[bytes]]
"""The few headers that the door looks at; every line of each."""


class Gate:
    def __init__(self, names: Iterable[str], peers: Peers) -> None:
        self._names = frozenset(plain_host(name) for name in names)
        self._peers = peers
        self._admitted: set[tuple[bytes, str]] = set()
        """Host headers that were right, with the address they came in on."""

    def admit(self, scope: Scope) -> Response | None:
        """Sets the scope's client and scheme right; the answer when this goes no further."""
        headers = scope["headers"]
        if len(headers) > MOST_HEADERS:
            return error_response(431, "headers_too_large", _TOO_LARGE, _HANG_UP)
        head, size = _head(headers)
        line = len(scope.get("raw_path") or b"") + len(scope.get("query_string") or b"")
        if size + line > LARGEST_HEAD:
            return error_response(431, "headers_too_large", _TOO_LARGE, _HANG_UP)
        if not _framed_plainly(scope, head):
            return error_response(400, "bad_request", "The request is not plain HTTP/1.", _HANG_UP)
        client = scope.get("client")
        peer = client[0] if client else ""
        scope[FROM_PROXY] = proxied = self._peers.include(peer)
        if proxied:
            scope["client"] = (self._client(peer, head), 0)
            scheme = b",".join(head[_FORWARDED_PROTO]).split(b",")[-1].strip()
            if scheme in (b"http", b"https"):
                scope["scheme"] = scheme.decode()
        return self._refuse_host(scope, head[b"host"])

    def _client(self, peer: str, head: _Head) -> str:
        """The nearest address that is no proxy of ours. What stands before it anybody can write,
        so Cloudflare's own header counts only where no proxy has kept the usual list."""
        entries = [
            entry.strip()
            for line in head[_FORWARDED_FOR]
            for entry in line.decode("latin-1").split(",")
        ]
        if not entries:
            given = [line.decode("latin-1").strip() for line in head[_CONNECTING]]
            entries = given if len(given) == 1 else []
        nearest = peer
        for entry in reversed(entries):
            address = _address(entry)
            if address is None:
                return peer
            nearest = address
            if not self._peers.include(address):
                break
        return nearest

    def _refuse_host(self, scope: Scope, hosts: Sequence[bytes]) -> Response | None:
        server = scope.get("server")
        reached = server[0] if server else ""
        if len(hosts) == 1 and (hosts[0], reached) in self._admitted:
            return None
        found = _HOST.fullmatch(hosts[0].decode("latin-1")) if len(hosts) == 1 else None
        if found is None:
            return error_response(400, "bad_request", _NO_HOST, _HANG_UP)
        if not self._is_ours(plain_host(found["name"]), reached):
            return error_response(421, "unknown_host", _UNKNOWN_HOST)
        if len(self._admitted) >= _REMEMBERED:  # ports may be made up
            self._admitted.clear()
        self._admitted.add((hosts[0], reached))
        return None

    def _is_ours(self, name: str, reached: str) -> bool:
        if name in self._names:
            return True
        address = parsed(reached)
        if address is None:
            # A socket file is a door for programs of this machine; a name is a test's server.
            return name in LOOPBACK_NAMES if reached[:1] in ("", "/") else name == reached
        return parsed(name) == address or (address.is_loopback and name in LOOPBACK_NAMES)


def gate(settings: Settings) -> Gate:
    edge, server = settings.edge, settings.server
    names = list(edge.hosts)
    if edge.public_url and edge.public_url.host:
        names.append(edge.public_url.host)
    if server.tls_cert:
        with suppress(OSError, ValueError):  # the server says so, in better words
            names += certificate_names(server.tls_cert)
    return Gate(names, Peers(edge.trusted_proxies))


def certificate_names(path: Path) -> list[str]:
    """The names and addresses of the first certificate in a chain."""
    from cryptography import x509  # noqa: PLC0415  # start-up: only where TLS is spoken

    leaf = x509.load_pem_x509_certificates(path.read_bytes())[0]
    try:
        found = leaf.extensions.get_extension_for_class(x509.SubjectAlternativeName).value
    except x509.ExtensionNotFound:
        return []
    names = [name for name in found.get_values_for_type(x509.DNSName) if "*" not in name]
    return names + [str(address) for address in found.get_values_for_type(x509.IPAddress)]


def _head(headers: Iterable[tuple[bytes, bytes]]) -> tuple[_Head, int]:
    """And the size of all headers together."""
    found: _Head = {name: [] for name in _LOOKED_AT}
    size = 0
    for name, value in headers:
        size += len(name) + len(value) + 4
        if name in found:
            found[name].append(value)
    return found, size


def _framed_plainly(scope: Scope, head: _Head) -> bool:
    """What two servers could read as different requests is refused, whoever is right."""
    version = scope.get("http_version", "1.1")
    if version not in ("1.0", "1.1"):
        return False
    if not head[_CODING]:
        return True
    return version == "1.1" and [coding.lower() for coding in head[_CODING]] == [b"chunked"]


def _address(entry: str) -> str | None:
    """One entry of X-Forwarded-For, with or without a port."""
    if entry.startswith("["):
        entry = entry[1:].partition("]")[0]
    elif entry.count(":") == 1:
        entry = entry.partition(":")[0]
    found = parsed(entry)
    return str(found) if found is not None and "%" not in entry else None


def is_from_our_pages(scope: Scope) -> bool:
    """Whether no other site's page caused this request. Programs say neither of the two headers.

    What the browser says of the two pages decides alone: it knows both. An older one names its
    page's origin, which has to be ours to the letter: scheme, name and port.
    """
    sites = [value for name, value in scope["headers"] if name == b"sec-fetch-site"]
    origins = [value for name, value in scope["headers"] if name == b"origin"]
    if sites:
        return len(sites) == 1 and sites[0] in (b"same-origin", b"none")
    if not origins:
        return True
    hosts = [value for name, value in scope["headers"] if name == b"host"]
    if len(origins) > 1 or len(hosts) != 1:
        return False
    scheme = scope["scheme"].encode()
    ours = _without_usual_port(scheme, hosts[0].lower())
    given_scheme, _, given_host = origins[0].lower().partition(b"://")
    return given_scheme == scheme and _without_usual_port(scheme, given_host) == ours


def _without_usual_port(scheme: bytes, host: bytes) -> bytes:
    return host.removesuffix(b":443" if scheme == b"https" else b":80")

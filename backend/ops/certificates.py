"""A local certificate authority, and the server's certificate that it signs.

Strict enough for Python 3.13 and phones (RFC 5280): key usages, critical constraints, key
identifiers, at most 397 days. The authority can only vouch for private addresses, names of local
networks and the names it was made for (RFC 5280, 4.2.1.10): whoever trusts it trusts it with
nothing else.
"""

import os
import re
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from ipaddress import IPv4Address, IPv4Network, IPv6Address, IPv6Network, ip_address, ip_network
from pathlib import Path

from cryptography import x509
from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import (
    Encoding,
    NoEncryption,
    PrivateFormat,
    load_pem_private_key,
)
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID

from backend.kit.clock import Clock
from backend.kit.errors import AppError

AUTHORITY_LIFE = timedelta(days=3650)
LEAF_LIFE = timedelta(days=397)
"""What phones accept."""
RENEW_BEFORE = timedelta(days=30)
_EARLIER = timedelta(hours=1)
"""For clocks that are a little behind."""
_HOST_NAME = re.compile(
    r"(?=.{1,253}$)([a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?)(\.[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?)*"
)
_LOCAL_DOMAINS = ("localhost", "lan", "local", "home.arpa", "internal")
_PRIVATE_NETWORKS = (
    *("10.0.0.0/8", "172.16.0.0/12", "192.168.0.0/16", "100.64.0.0/10", "169.254.0.0/16"),
    *("127.0.0.0/8", "fc00::/7", "fe80::/10", "::1/128"),
)

type Address = IPv4Address | IPv6Address


class CertificateError(AppError):
    code = "certificate"


@dataclass(frozen=True, slots=True)
class CertificateFiles:
    """Where they lie. `server` holds the chain: leaf, then authority."""

    folder: Path

    @property
    def authority(self) -> Path:
        return self.folder / "authority.crt"

    @property
    def authority_key(self) -> Path:
        return self.folder / "authority.key"

    @property
    def server(self) -> Path:
        return self.folder / "server.crt"

    @property
    def server_key(self) -> Path:
        return self.folder / "server.key"


@dataclass(frozen=True, slots=True)
class Made:
    """What `ensure` did; nothing when both are False."""

    authority: bool
    server: bool
    expires_at: datetime


def ensure(files: CertificateFiles, names: Sequence[str], clock: Clock) -> Made:
    """Make what is missing, renew what ends soon or names other hosts. Otherwise change nothing.

    `names` are host names and addresses. Raises CertificateError, and OSError.
    """
    subjects = _subjects(names)
    files.folder.mkdir(parents=True, exist_ok=True, mode=0o755)
    made_authority = not files.authority.exists()
    if made_authority:
        _make_authority(files, subjects, clock)
    authority = _read(files.authority)
    _check_authority(files, authority, subjects, clock)
    leaf = _leaf(files)
    made_leaf = leaf is None or not _is_good(leaf, authority, subjects, clock)
    if made_leaf:
        _make_leaf(files, authority, subjects, clock)
        leaf = _read(files.server)
    assert leaf is not None  # noqa: S101  # made above; for the type checker
    return Made(made_authority, made_leaf, leaf.not_valid_after_utc)


def _leaf(files: CertificateFiles) -> x509.Certificate | None:
    """None where it is missing or damaged: the authority can always make another."""
    try:
        return _read(files.server) if files.server_key.exists() else None
    except (FileNotFoundError, CertificateError):
        return None


def fingerprint(certificate: Path) -> str:
    """SHA-256 of a certificate as people compare it: `AB:CD:...`. Raises CertificateError."""
    return _read(certificate).fingerprint(hashes.SHA256()).hex(":").upper()


def _subjects(names: Sequence[str]) -> list[x509.GeneralName]:
    found: list[x509.GeneralName] = []
    for name in dict.fromkeys(name.strip().rstrip(".").lower() for name in names):
        try:
            found.append(x509.IPAddress(ip_address(name.strip("[]"))))
        except ValueError:
            found.append(x509.DNSName(_host_name(name)))
    if not found:
        raise CertificateError("Say at least one host name or address the server is reached by.")
    return found


def _host_name(name: str) -> str:
    try:
        ascii_name = name.encode("idna").decode()
    except UnicodeError:
        ascii_name = ""
    if not _HOST_NAME.fullmatch(ascii_name):
        raise CertificateError(f"{name!r} is neither a host name nor an address.")
    return ascii_name


def _make_authority(
    files: CertificateFiles, subjects: Sequence[x509.GeneralName], clock: Clock
) -> None:
    key = ec.generate_private_key(ec.SECP256R1())
    now = clock.now()
    # Two Parlors in one house have authorities that can be told apart.
    label = f"Parlor authority {now:%Y-%m-%d} {os.urandom(2).hex()}"
    name = x509.Name(
        [
            x509.NameAttribute(NameOID.ORGANIZATION_NAME, "Parlor"),
            x509.NameAttribute(NameOID.COMMON_NAME, label),
        ]
    )
    permitted: list[x509.GeneralName] = [x509.DNSName(domain) for domain in _LOCAL_DOMAINS]
    permitted += [x509.IPAddress(ip_network(network)) for network in _PRIVATE_NETWORKS]
    permitted += [_as_constraint(subject) for subject in subjects if not _is_local(subject)]
    usage = x509.KeyUsage(
        digital_signature=False,
        content_commitment=False,
        key_encipherment=False,
        data_encipherment=False,
        key_agreement=False,
        key_cert_sign=True,
        crl_sign=True,
        encipher_only=False,
        decipher_only=False,
    )
    certificate = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - _EARLIER)
        .not_valid_after(now + AUTHORITY_LIFE)
        .add_extension(x509.BasicConstraints(ca=True, path_length=0), critical=True)
        .add_extension(usage, critical=True)
        .add_extension(x509.NameConstraints(permitted, None), critical=True)
        .add_extension(x509.SubjectKeyIdentifier.from_public_key(key.public_key()), critical=False)
        .sign(key, hashes.SHA256())
    )
    _write(files.authority_key, _pem(key), secret=True)
    _write(files.authority, certificate.public_bytes(Encoding.PEM), secret=False)


def _make_leaf(
    files: CertificateFiles,
    authority: x509.Certificate,
    subjects: Sequence[x509.GeneralName],
    clock: Clock,
) -> None:
    authority_key = _read_key(files.authority_key)
    key = ec.generate_private_key(ec.SECP256R1())
    now = clock.now()
    usage = x509.KeyUsage(
        digital_signature=True,
        content_commitment=False,
        key_encipherment=False,
        data_encipherment=False,
        key_agreement=False,
        key_cert_sign=False,
        crl_sign=False,
        encipher_only=False,
        decipher_only=False,
    )
    certificate = (
        x509.CertificateBuilder()
        .subject_name(x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "Parlor")]))
        .issuer_name(authority.subject)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - _EARLIER)
        .not_valid_after(min(now + LEAF_LIFE - _EARLIER, authority.not_valid_after_utc))
        .add_extension(x509.BasicConstraints(ca=False, path_length=None), critical=True)
        .add_extension(usage, critical=True)
        .add_extension(x509.ExtendedKeyUsage([ExtendedKeyUsageOID.SERVER_AUTH]), critical=False)
        .add_extension(x509.SubjectAlternativeName(subjects), critical=False)
        .add_extension(x509.SubjectKeyIdentifier.from_public_key(key.public_key()), critical=False)
        .add_extension(
            x509.AuthorityKeyIdentifier.from_issuer_public_key(authority_key.public_key()),
            critical=False,
        )
        .sign(authority_key, hashes.SHA256())
    )
    chain = certificate.public_bytes(Encoding.PEM) + authority.public_bytes(Encoding.PEM)
    _write(files.server_key, _pem(key), secret=True)
    _write(files.server, chain, secret=False)


def _check_authority(
    files: CertificateFiles,
    authority: x509.Certificate,
    subjects: Sequence[x509.GeneralName],
    clock: Clock,
) -> None:
    way_out = f"Move {files.folder} away to make a new authority; every device then trusts it anew."
    if authority.not_valid_after_utc - clock.now() < RENEW_BEFORE:
        raise CertificateError(
            f"The authority ends {authority.not_valid_after_utc:%Y-%m-%d}. {way_out}"
        )
    try:
        limits = authority.extensions.get_extension_for_class(x509.NameConstraints).value
    except x509.ExtensionNotFound:  # an authority of the operator's own
        return
    permitted = limits.permitted_subtrees or []
    outside = [subject for subject in subjects if not _is_within(subject, permitted)]
    if outside:
        names = ", ".join(str(subject.value) for subject in outside)
        raise CertificateError(f"The authority was not made to vouch for {names}. {way_out}")


def _is_good(
    leaf: x509.Certificate,
    authority: x509.Certificate,
    subjects: Sequence[x509.GeneralName],
    clock: Clock,
) -> bool:
    named = leaf.extensions.get_extension_for_class(x509.SubjectAlternativeName).value
    if set(named) != set(subjects) or leaf.not_valid_after_utc - clock.now() < RENEW_BEFORE:
        return False
    try:
        leaf.verify_directly_issued_by(authority)
    except (InvalidSignature, ValueError, TypeError):
        return False
    return True


def _is_local(subject: x509.GeneralName) -> bool:
    local: list[x509.GeneralName] = [x509.DNSName(domain) for domain in _LOCAL_DOMAINS]
    local += [x509.IPAddress(ip_network(network)) for network in _PRIVATE_NETWORKS]
    return _is_within(subject, local)


def _is_within(subject: x509.GeneralName, permitted: Sequence[x509.GeneralName]) -> bool:
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


def _as_constraint(subject: x509.GeneralName) -> x509.GeneralName:
    if isinstance(subject, x509.DNSName):
        return subject
    return x509.IPAddress(ip_network(subject.value))


def _read(path: Path) -> x509.Certificate:
    try:
        return x509.load_pem_x509_certificate(path.read_bytes())
    except ValueError as error:
        raise CertificateError(f"{path} is not a certificate (PEM).") from error


def _read_key(path: Path) -> ec.EllipticCurvePrivateKey:
    try:
        key = load_pem_private_key(path.read_bytes(), password=None)
    except FileNotFoundError as error:
        raise CertificateError(
            f"{path} is missing: the authority's key stays where the authority was made."
        ) from error
    except (ValueError, TypeError) as error:
        raise CertificateError(f"{path} is not an unencrypted private key (PEM).") from error
    if not isinstance(key, ec.EllipticCurvePrivateKey):
        raise CertificateError(f"{path} is not an elliptic curve key.")
    return key


def _pem(key: ec.EllipticCurvePrivateKey) -> bytes:
    return key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())


def _write(path: Path, content: bytes, *, secret: bool) -> None:
    """Whole or not at all: a server may read it at any moment."""
    fresh = path.with_name(f"{path.name}.new")
    fresh.unlink(missing_ok=True)
    mode = 0o600 if secret else 0o644
    handle = os.open(fresh, os.O_CREAT | os.O_EXCL | os.O_WRONLY | os.O_CLOEXEC, mode)
    with os.fdopen(handle, "wb") as file:
        file.write(content)
        file.flush()
        os.fsync(file.fileno())
    fresh.replace(path)

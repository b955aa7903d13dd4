"""A local certificate authority, and the server's certificate that it signs.

Strict enough for Python 3.13 and phones (RFC 5280): key usages, critical constraints, key
identifiers, at most 397 days. The authority can only vouch for private addresses, names of local
networks and the names it was made for (RFC 5280, 4.2.1.10): whoever trusts it trusts it with
nothing else.
"""

import os
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path

from cryptography import x509
from cryptography.exceptions import InvalidSignature, UnsupportedAlgorithm
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
from backend.ops.certificate_names import CertificateError, is_within, permitted_to, subjects_of

AUTHORITY_LIFE = timedelta(days=3650)
LEAF_LIFE = timedelta(days=397)
"""What phones accept."""
RENEW_BEFORE = timedelta(days=30)
_EARLIER = timedelta(hours=1)
"""For clocks that are a little behind."""


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
    subjects = subjects_of(names)
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
    """None where it is missing, damaged or of another key, as a power cut between the two files
    leaves it: the authority can always make another."""
    try:
        leaf, key = _read(files.server), load_pem_private_key(files.server_key.read_bytes(), None)
    except (FileNotFoundError, CertificateError, ValueError, TypeError, UnsupportedAlgorithm):
        return None
    return leaf if key.public_key() == leaf.public_key() else None


def fingerprint(certificate: Path) -> str:
    """SHA-256 of a certificate as people compare it: `AB:CD:...`. Raises CertificateError."""
    return _read(certificate).fingerprint(hashes.SHA256()).hex(":").upper()


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
        .add_extension(x509.NameConstraints(permitted_to(subjects), None), critical=True)
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
    if authority_key.public_key() != authority.public_key():
        raise CertificateError(
            f"{files.authority_key} is not the key of {files.authority}: bring back the two that"
            " belong together, from a backup or as they were beside it."
        )
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
    outside = [subject for subject in subjects if not is_within(subject, permitted)]
    if outside:
        names = ", ".join(str(subject.value) for subject in outside)
        raise CertificateError(f"The authority was not made to vouch for {names}. {way_out}")


def _is_good(
    leaf: x509.Certificate,
    authority: x509.Certificate,
    subjects: Sequence[x509.GeneralName],
    clock: Clock,
) -> bool:
    try:
        named = leaf.extensions.get_extension_for_class(x509.SubjectAlternativeName).value
    except x509.ExtensionNotFound:  # somebody else's
        return False
    if set(named) != set(subjects) or leaf.not_valid_after_utc - clock.now() < RENEW_BEFORE:
        return False
    try:
        leaf.verify_directly_issued_by(authority)
    except (InvalidSignature, ValueError, TypeError):
        return False
    return True


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
        os.fchmod(file.fileno(), mode)  # whatever the umask: the server is another user
        file.write(content)
        file.flush()
        os.fsync(file.fileno())
    fresh.replace(path)

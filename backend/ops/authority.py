"""The local authority as people who are to trust it see it. Its key is never read here."""

from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

import structlog

_log = structlog.get_logger()


@dataclass(frozen=True, slots=True)
class Authority:
    name: str
    fingerprint: str
    """SHA-256, `AB:CD:...`."""
    ends_at: datetime
    is_limited: bool
    """It can vouch for certain names only (RFC 5280, 4.2.1.10)."""
    pem: bytes
    """The certificate alone, whatever else lies in its file."""


def read_authority(certificate: Path) -> Authority | None:
    """None where there is none; why a file cannot be used is logged for who runs it."""
    from cryptography import x509  # noqa: PLC0415  # start-up: rarely asked for
    from cryptography.hazmat.primitives import hashes  # noqa: PLC0415  # as above
    from cryptography.hazmat.primitives.serialization import Encoding  # noqa: PLC0415  # as above
    from cryptography.x509.oid import NameOID  # noqa: PLC0415  # as above

    try:
        found = x509.load_pem_x509_certificates(certificate.read_bytes())[0]
        extensions = found.extensions
        is_authority = extensions.get_extension_for_class(x509.BasicConstraints).value.ca
    except FileNotFoundError:
        return None
    except (OSError, ValueError, x509.ExtensionNotFound) as error:
        _log.warning("authority_unusable", file=str(certificate), error=str(error))
        return None
    if not is_authority:
        _log.warning("authority_unusable", file=str(certificate), error="it may not sign others")
        return None
    names = found.subject.get_attributes_for_oid(NameOID.COMMON_NAME)
    return Authority(
        name=str(names[0].value) if names else found.subject.rfc4514_string(),
        fingerprint=found.fingerprint(hashes.SHA256()).hex(":").upper(),
        ends_at=found.not_valid_after_utc,
        is_limited=any(isinstance(one.value, x509.NameConstraints) for one in extensions),
        pem=found.public_bytes(Encoding.PEM),
    )

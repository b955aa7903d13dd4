"""What the host must offer: room on the disk, a certificate that is good, keys.

Each answers with what is wrong and what to do, "" when nothing is. They read files.
"""

import shutil
from datetime import datetime, timedelta
from pathlib import Path

from backend.kit.clock import Clock
from backend.kit.errors import AppError
from backend.kit.keyring import Keyring
from backend.ops.backup import in_words

LEAST_ROOM = 200_000_000
_SOON = timedelta(days=14)
"""`parlor certs` renews a month before the end: two weeks before, something has gone wrong."""


def disk_problem(state: Path) -> str:
    folder = _existing(state)
    try:
        free = shutil.disk_usage(folder).free
    except OSError as error:
        return f"{folder}: {error.strerror}."
    if free < LEAST_ROOM:
        return f"Only {in_words(free)} are free in {folder}: remove something, or enlarge the disk."
    return ""


def certificate_end(certificate: Path) -> datetime:
    """Of the first one in the file. Raises OSError, ValueError."""
    from cryptography import x509  # noqa: PLC0415  # start-up: only where TLS is spoken

    return x509.load_pem_x509_certificates(certificate.read_bytes())[0].not_valid_after_utc


def certificate_problem(certificate: Path | None, clock: Clock) -> str:
    """Nothing is wrong where none is configured."""
    if certificate is None:
        return ""
    try:
        end = certificate_end(certificate)
    except OSError as error:
        return f"{certificate} cannot be read: {error.strerror}."
    except ValueError:
        return f"{certificate} is not a certificate (PEM)."
    if end <= clock.now():
        return f"{certificate} ended {end:%Y-%m-%d}: renew it (`parlor certs make`)."
    if end - clock.now() < _SOON:
        return f"{certificate} ends {end:%Y-%m-%d}: renew it (`parlor certs make`)."
    return ""


def keys_problem(state: Path, clock: Clock) -> str:
    try:
        Keyring(state, clock).find("secrets", "")
    except AppError as error:
        return error.detail
    except OSError as error:
        return f"{state / 'keys.json'} cannot be read: {error.strerror}. Check who owns it."
    return ""


def _existing(folder: Path) -> Path:
    """It, or the nearest folder above that is there already."""
    folder = folder.absolute()
    return next((one for one in (folder, *folder.parents) if one.exists()), folder)

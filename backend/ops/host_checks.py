"""What the host must offer: room on the disk, a certificate that is good, keys.

Each answers with what is wrong and what to do, None when nothing is. They read files.
"""

import shutil
from datetime import datetime, timedelta
from pathlib import Path

from backend.kit.clock import Clock
from backend.kit.errors import AppError
from backend.kit.keyring import Keyring
from backend.ops.backup import in_words
from backend.ops.finding import Problem

LEAST_ROOM = 200_000_000
_SOON = timedelta(days=14)
"""`parlor certs` renews a month before the end: two weeks before, something has gone wrong."""
_RENEW = "Renew it: `parlor certs make`."


def disk_room(state: Path) -> tuple[int, int]:
    """Free and in all, in bytes. Raises OSError."""
    usage = shutil.disk_usage(_existing(state))
    return usage.free, usage.total


def disk_problem(state: Path) -> Problem | None:
    folder = _existing(state)
    try:
        free, _ = disk_room(folder)
    except OSError as error:
        return Problem(f"{folder}: {error.strerror}.", "Check the disk.")
    if free < LEAST_ROOM:
        words = f"Only {in_words(free)} are free in {folder}."
        return Problem(words, "Remove something, or enlarge the disk.")
    return None


def certificate_end(certificate: Path) -> datetime:
    """Of the first one in the file. Raises OSError, ValueError."""
    from cryptography import x509  # noqa: PLC0415  # start-up: only where TLS is spoken

    return x509.load_pem_x509_certificates(certificate.read_bytes())[0].not_valid_after_utc


def certificate_problem(certificate: Path | None, clock: Clock) -> Problem | None:
    """Nothing is wrong where none is configured."""
    if certificate is None:
        return None
    try:
        end = certificate_end(certificate)
    except OSError as error:
        words = f"{certificate} cannot be read: {error.strerror}."
        return Problem(words, "Check `PARLOR_TLS_CERT`, and who owns the file.")
    except ValueError:
        words = f"{certificate} is not a certificate (PEM)."
        return Problem(words, "Make one: `parlor certs make`.")
    if end <= clock.now():
        return Problem(f"{certificate} ended {end:%Y-%m-%d}.", _RENEW)
    if end - clock.now() < _SOON:
        return Problem(f"{certificate} ends {end:%Y-%m-%d}.", _RENEW)
    return None


def keys_problem(state: Path, clock: Clock) -> Problem | None:
    try:
        Keyring(state, clock).find("secrets", "")
    except AppError as error:
        return Problem(error.detail, "")
    except OSError as error:
        words = f"{state / 'keys.json'} cannot be read: {error.strerror}."
        return Problem(words, "Check who owns it.")
    return None


def _existing(folder: Path) -> Path:
    """It, or the nearest folder above that is there already."""
    folder = folder.absolute()
    return next((one for one in (folder, *folder.parents) if one.exists()), folder)

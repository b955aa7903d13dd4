"""A restore tried out: the newest backup is unpacked into a folder of its own and opened."""

import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from backend.db.copies import count_rows, examine
from backend.kit.clock import Clock
from backend.ops.archive import BackupError, Manifest
from backend.ops.archive_reading import read_archive, read_authority
from backend.ops.backup import Say, check_room, in_words, lock_folder
from backend.ops.backup_content import REHEARSAL
from backend.ops.backup_folder import newest_backup
from backend.ops.backup_restore import unpack
from backend.ops.host_checks import keys_problem
from backend.ops.sealed_file import BackupKey

_COUNTED = {"users": "people", "conversations": "conversations", "messages": "messages"}


@dataclass(frozen=True, slots=True)
class Rehearsed:
    archive: Path
    words: str


def rehearse(
    folder: Path, database: Path, clock: Clock, key: BackupKey | None = None, *, say: Say = print
) -> Rehearsed:
    """What is running is not touched, and nothing is left behind.

    Raises BackupError, StorageError, OSError.
    """
    archive = newest_backup(folder)
    if archive is None:
        raise BackupError(f"There is no backup in {folder}.")
    state = database.parent
    began = clock.monotonic()
    say(f"Checking {archive.name}.")
    manifest = read_archive(archive, key=key)
    with _room_of_its_own(state, manifest) as room:
        say(f"Restoring it into {room} ({in_words(manifest.size)}).")
        restored = unpack(archive, manifest, room, database.name, key=key)
        number = examine(restored)
        if problem := keys_problem(room, clock):
            raise BackupError(f"The keys in it are of no use: {problem}")
        counts = count_rows(restored, tuple(_COUNTED))
    _check_authority(read_authority(archive, key))
    found = ", ".join(f"{counts[table]} {words}" for table, words in _COUNTED.items())
    words = (
        f"{archive.name}: {found}; schema {manifest.schema_number}"
        f"{f' brought to {number}' if number != manifest.schema_number else ''};"
        f" {clock.monotonic() - began:.0f} s."
    )
    return Rehearsed(archive, words)


@contextmanager
def _room_of_its_own(state: Path, manifest: Manifest) -> Iterator[Path]:
    """On the disk that a restore would use; /tmp may be memory."""
    work = state / REHEARSAL
    work.mkdir(exist_ok=True, mode=0o700)
    with lock_folder(work, "Another rehearsal is under way."):
        try:
            room = work / "state"
            shutil.rmtree(room, ignore_errors=True)  # of a run that was killed
            check_room(manifest.size, work, "the rehearsal")
            room.mkdir(mode=0o700)
            yield room
        finally:
            shutil.rmtree(work, ignore_errors=True)


def _check_authority(files: dict[str, bytes]) -> None:
    """Its key is the one that its certificate speaks of."""
    if not files:
        return
    from cryptography import x509  # noqa: PLC0415  # start-up: rarely needed
    from cryptography.hazmat.primitives.serialization import (  # noqa: PLC0415  # as above
        load_pem_private_key,
    )

    try:
        certificate = x509.load_pem_x509_certificate(files["authority.crt"])
        key = load_pem_private_key(files["authority.key"], password=None)
        fits = key.public_key() == certificate.public_key()
    except (KeyError, ValueError, TypeError):
        fits = False
    if not fits:
        raise BackupError("The certificate authority in it is not whole: it cannot be restored.")

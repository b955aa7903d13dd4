"""Who has the database open, in the kernel's own books: a killed process is out of them at once.

Everybody who opens it shares a lock; who replaces the whole state folder wants it alone.
"""

import fcntl
import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from backend.kit.errors import AppError


class InUseError(AppError):
    code = "in_use"
    status = 503


@contextmanager
def in_use(path: Path) -> Iterator[None]:
    """For as long as the database is open. Raises InUseError while a backup is restored over it."""
    with _locked(path, fcntl.LOCK_SH, f"{path.parent} is being restored from a backup."):
        yield


@contextmanager
def out_of_use(path: Path) -> Iterator[None]:
    """Nobody opens it meanwhile. Raises InUseError when somebody has it open."""
    lock = lock_of(path).name
    words = (
        f"A Parlor is running on {path.parent} (it holds {lock}). Stop it first:"
        " systemctl stop parlor.socket parlor"
    )
    with _locked(path, fcntl.LOCK_EX, words):
        yield


def lock_of(path: Path) -> Path:
    return path.with_name(f"{path.name}.in-use")


@contextmanager
def _locked(path: Path, how: int, words: str) -> Iterator[None]:
    handle = os.open(lock_of(path), os.O_RDONLY | os.O_CREAT | os.O_CLOEXEC, 0o600)
    try:
        if os.geteuid() == 0:  # the folder's owner must be able to open what root has made
            owner = path.parent.stat()
            os.fchown(handle, owner.st_uid, owner.st_gid)
        try:
            fcntl.flock(handle, how | fcntl.LOCK_NB)
        except BlockingIOError:
            raise InUseError(words) from None
        yield
    finally:
        os.close(handle)

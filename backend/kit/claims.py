"""What each process is at work on, in the kernel's own books: a killed one is out of them at once."""

import fcntl
import os
import struct
from hashlib import blake2b
from pathlib import Path

_FLOCK = "hhqqi"
"""Kind of lock, from where, place, length, process: C's `struct flock`."""


class Claims:
    """Names that one process alone may hold at a time. Each is a byte of a file, which stays empty."""

    def __init__(self, path: Path) -> None:
        self._handle = os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)

    def take(self, name: str) -> bool:
        """False while another process has it. Harmless twice."""
        try:
            self._lock(name, fcntl.F_WRLCK)
        except BlockingIOError:
            return False
        return True

    def give_up(self, name: str) -> None:
        self._lock(name, fcntl.F_UNLCK)

    def close(self) -> None:
        os.close(self._handle)

    def _lock(self, name: str, kind: int) -> None:
        place = int.from_bytes(blake2b(name.encode(), digest_size=7).digest())
        lock = struct.pack(_FLOCK, kind, os.SEEK_SET, place, 1, 0)
        fcntl.fcntl(self._handle, fcntl.F_OFD_SETLK, lock)

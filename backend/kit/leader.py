"""One process of several is the leader: it alone rings, repairs and prunes.

The lock is the kernel's (`flock`), so a killed leader gives it up without any clean-up.
"""

import fcntl
import os
from collections.abc import Awaitable, Callable
from pathlib import Path

from backend.kit.schedule import pause

_RETRY_SECONDS = 1.0


class Leader:
    def __init__(self, lock_file: Path) -> None:
        self._path = lock_file
        self._handle: int | None = None

    def try_lead(self) -> bool:
        if self._handle is not None:
            return True
        handle = os.open(self._path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
        try:
            fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            os.close(handle)
            return False
        self._handle = handle
        return True

    async def lead(self, duties: Callable[[], Awaitable[None]]) -> None:
        """Wait for the lock as long as it takes, then run `duties`."""
        while not self.try_lead():
            await pause(_RETRY_SECONDS)
        await duties()

    def close(self) -> None:
        if self._handle is not None:
            os.close(self._handle)
            self._handle = None

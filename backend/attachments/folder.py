"""Contents on disk, each once, under its hash. Everything here blocks."""

import errno
import hashlib
import os
import secrets
import shutil
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path

_UNFINISHED = ".new"


class FileFolder:
    """`spared`: bytes of the disk that are left to the database, whatever comes."""

    def __init__(self, path: Path, *, spared: int) -> None:
        self._path = path
        self._spared = spared

    def write(self, data: bytes, now: float) -> str:
        """Keep it, durable when this returns; its hash. `now`: what its age is counted from, also
        where it was there already. Raises OSError."""
        sha256 = hashlib.sha256(data).hexdigest()
        place = self.place(sha256)
        if not self._renewed(place, len(data), now):
            for folder in (self._path, place.parent):
                if not folder.is_dir():
                    folder.mkdir(mode=0o700, exist_ok=True)
                    _sync(folder.parent)
            if shutil.disk_usage(self._path).free < self._spared + len(data):
                raise OSError(errno.ENOSPC, "The rest of the disk is for the database", place)
            unfinished = place.with_name(f"{sha256}.{secrets.token_hex(4)}{_UNFINISHED}")
            try:
                _write_through(unfinished, data)
                os.utime(unfinished, (now, now))
                unfinished.replace(place)
            except OSError:
                unfinished.unlink(missing_ok=True)
                raise
            _sync(place.parent)
        return sha256

    def place(self, sha256: str) -> Path:
        return self._path / sha256[:2] / sha256

    def size(self, sha256: str) -> int:
        """0 where it is missing."""
        try:
            return self.place(sha256).stat().st_size
        except (FileNotFoundError, NotADirectoryError):
            return 0

    def remove(self, sha256: str, before: float | None = None) -> None:
        """`before`: only if it was last kept before that moment; another process may keep it too."""
        place = self.place(sha256)
        with suppress(FileNotFoundError):
            if before is None or place.stat().st_mtime < before:
                place.unlink()

    def older_than(self, moment: float) -> list[str]:
        """Hashes of what was last kept before; what was never finished is removed on the way."""
        found: list[str] = []
        for entry in self._entries():
            with suppress(FileNotFoundError):
                if not entry.is_file(follow_symlinks=False) or entry.stat().st_mtime >= moment:
                    continue
                if entry.name.endswith(_UNFINISHED):
                    Path(entry.path).unlink(missing_ok=True)
                else:
                    found.append(entry.name)
        return found

    def _renewed(self, place: Path, size: int, now: float) -> bool:
        """Whether the content is there already; it counts as kept now."""
        try:
            if place.stat().st_size != size:
                return False
            os.utime(place, (now, now))
        except FileNotFoundError:
            return False
        return True

    def _entries(self) -> Iterator["os.DirEntry[str]"]:
        with suppress(FileNotFoundError, NotADirectoryError):
            for folder in sorted(self._path.iterdir()):
                with suppress(FileNotFoundError, NotADirectoryError):
                    yield from list(os.scandir(folder))


def _write_through(path: Path, data: bytes) -> None:
    handle = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o600)
    with os.fdopen(handle, "wb") as file:
        file.write(data)
        file.flush()
        os.fsync(file.fileno())


def _sync(folder: Path) -> None:
    """A new name is on disk only when its folder is."""
    handle = os.open(folder, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)

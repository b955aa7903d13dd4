"""Where copies of backups may lie: what a folder and a bucket have in common, and the folder."""

import asyncio
import errno
import hashlib
import os
import shutil
from pathlib import Path
from typing import ClassVar, Protocol

from backend.kit.errors import AppError

_CHUNK = 1024 * 1024


class OffsiteError(AppError):
    """A copy elsewhere could not be made or used; the words say what to do."""

    code = "offsite"


class OffsiteRefusedError(OffsiteError):
    """They do not let us in, or not write."""

    code: ClassVar[str] = "offsite_refused"


class OffsiteMissingError(OffsiteError):
    """There is no such place."""

    code: ClassVar[str] = "offsite_missing"


class OffsiteUnreachableError(OffsiteError):
    """It does not answer, or broke off; trying again later goes on from there."""

    code: ClassVar[str] = "offsite_unreachable"


class OffsiteFullError(OffsiteError):
    code: ClassVar[str] = "offsite_full"


class Place(Protocol):
    """All raise OffsiteError."""

    async def names(self) -> dict[str, int]:
        """What lies there, with its size."""
        ...

    async def put(self, file: Path) -> None:
        """Under its own name; nobody sees it there before it is whole."""
        ...

    async def get(self, name: str, target: Path) -> None: ...

    async def remove(self, name: str) -> None: ...

    async def tidy(self, wanted: set[str]) -> None:
        """Forget what was begun for files that are not wanted any more."""
        ...


class FolderPlace:
    """A folder that is there already: an absent mount must not be taken for an empty one."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder

    async def names(self) -> dict[str, int]:
        return await self._tried(self._names)

    async def put(self, file: Path) -> None:
        await self._tried(lambda: _copy(file, self._folder))

    async def get(self, name: str, target: Path) -> None:
        await self._tried(lambda: _plain_copy(self._folder / name, target))

    async def remove(self, name: str) -> None:
        await self._tried(lambda: (self._folder / name).unlink(missing_ok=True))

    async def tidy(self, wanted: set[str]) -> None:  # noqa: ARG002  # a place's own business
        def remove_unfinished() -> None:
            for left in self._folder.glob(".parlor-*.partial"):
                left.unlink()

        await self._tried(remove_unfinished)

    def _names(self) -> dict[str, int]:
        return {path.name: path.stat().st_size for path in self._folder.iterdir() if path.is_file()}

    async def _tried[T](self, work: "_Work[T]") -> T:
        try:
            return await asyncio.to_thread(work)
        except FileNotFoundError as error:
            raise OffsiteMissingError(
                f"{error.filename} does not exist. Is the disk mounted? Parlor does not make that"
                " folder by itself."
            ) from error
        except PermissionError as error:
            raise OffsiteRefusedError(
                f"{self._folder} may not be written by the user that Parlor runs as."
            ) from error
        except OSError as error:
            if error.errno in (errno.ENOSPC, errno.EDQUOT):
                raise OffsiteFullError(f"{self._folder} is full.") from error
            raise OffsiteUnreachableError(f"{self._folder}: {error.strerror}.") from error


class _Work[T](Protocol):
    def __call__(self) -> T: ...


def _copy(file: Path, folder: Path) -> None:
    partial = folder / f".{file.name}.partial"
    partial.unlink(missing_ok=True)
    try:
        _plain_copy(file, partial)
        with partial.open("rb") as again:
            os.fsync(again.fileno())
            _drop_cached(again.fileno())
            there = hashlib.file_digest(again, "sha256").digest()
        with file.open("rb") as here:
            if hashlib.file_digest(here, "sha256").digest() != there:
                raise OffsiteUnreachableError(
                    f"{folder} gave back other bytes than were written to it: check that disk."
                )
        partial.rename(folder / file.name)
    finally:
        partial.unlink(missing_ok=True)


def _plain_copy(source: Path, target: Path) -> None:
    handle = os.open(target, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o600)
    with os.fdopen(handle, "wb") as out, source.open("rb") as given:
        shutil.copyfileobj(given, out, _CHUNK)
        out.flush()
        os.fsync(out.fileno())


def _drop_cached(handle: int) -> None:
    """So that reading it back asks the disk."""
    os.posix_fadvise(handle, 0, 0, os.POSIX_FADV_DONTNEED)

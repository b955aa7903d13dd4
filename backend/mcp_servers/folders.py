"""Files below one folder, opened part by part from it; links are never followed."""

import os
import stat
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from backend.kit.errors import NotFoundError

_FOLDER = os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW | os.O_CLOEXEC
_FILE = os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC

type Parts = tuple[str, ...]


@contextmanager
def opened_folder(root: Path, parts: Parts, *, make: bool = False) -> Iterator[int]:
    """The descriptor of a folder below `root`. Raises NotFoundError."""
    folder = os.open(root, _FOLDER)
    try:
        for part in parts:
            if make and not exists(folder, part):
                os.mkdir(part, 0o700, dir_fd=folder)
            inner = step(folder, part)
            os.close(folder)
            folder = inner
        yield folder
    finally:
        os.close(folder)


def step(folder: int, part: str) -> int:
    """The descriptor of a folder in a folder. Raises NotFoundError."""
    try:
        return os.open(part, _FOLDER, dir_fd=folder)
    except (OSError, ValueError) as error:
        raise NotFoundError(f"There is no folder {part!r} here.") from error


def exists(folder: int, name: str) -> bool:
    """Whatever it is; a link that leads nowhere is something too."""
    try:
        os.stat(name, dir_fd=folder, follow_symlinks=False)
    except FileNotFoundError:
        return False
    return True


def open_file(folder: int, name: str) -> int:
    """The descriptor of a regular file. Raises NotFoundError."""
    try:
        opened = os.open(name, _FILE, dir_fd=folder)
    except (OSError, ValueError) as error:
        raise NotFoundError(f"There is no file {name!r} here.") from error
    if not stat.S_ISREG(os.fstat(opened).st_mode):
        os.close(opened)
        raise NotFoundError(f"{name!r} is not a file.")
    return opened

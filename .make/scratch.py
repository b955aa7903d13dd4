"""Where the tests keep their own files."""

from __future__ import annotations

import os
import shutil
import tempfile
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator

IN_MEMORY = Path("/dev/shm")  # noqa: S108 - in a folder of our own
ROOM = 2_000_000_000


def _is_fit() -> bool:
    """Tests start programs of their own from there, which some containers forbid."""
    return (
        IN_MEMORY.is_dir()
        and os.access(IN_MEMORY, os.W_OK)
        and shutil.disk_usage(IN_MEMORY).free > ROOM
        and not os.statvfs(IN_MEMORY).f_flag & os.ST_NOEXEC
    )


@contextmanager
def scratch() -> Iterator[list[str]]:
    """Words for pytest. In memory where there is room: for a disk tests wait half of their time."""
    if not _is_fit():
        yield []
        return
    folder = tempfile.mkdtemp(prefix="parlor-tests-", dir=IN_MEMORY)
    try:
        yield [f"--basetemp={folder}/tests"]
    finally:
        shutil.rmtree(folder, ignore_errors=True)

"""What is measured on the host: read from files, None where that does not go."""

import os
import time
from datetime import datetime, timedelta
from pathlib import Path

from backend.container import DATABASE_NAME

_RELEASES = "releases"
"""On a deployment each release lies in a folder of its own in there, named after it."""
_BEGAN = 19
"""Which word of /proc/self/stat after the program's name, in ticks since the machine started."""


def database_bytes(state: Path) -> int:
    """Of the database and its log."""
    return sum(_size(state / f"{DATABASE_NAME}{end}") for end in ("", "-wal"))


def newest_backup_made(folder: Path | None) -> datetime | None:
    from backend.ops.backup_folder import (  # noqa: PLC0415  # start-up: for whoever looks after it
        made_at,
        newest_backup,
    )

    try:
        newest = newest_backup(folder) if folder else None
    except OSError:
        return None
    return made_at(newest.name) if newest else None


def certificate_ends(certificate: Path | None) -> datetime | None:
    from backend.ops.host_checks import certificate_end  # noqa: PLC0415  # as above

    try:
        return certificate_end(certificate) if certificate else None
    except (OSError, ValueError):
        return None


def disk(state: Path) -> tuple[int, int] | None:
    """Free and in all, in bytes."""
    from backend.ops.host_checks import disk_room  # noqa: PLC0415  # as above

    try:
        return disk_room(state)
    except OSError:
        return None


def started_at(now: datetime) -> datetime | None:
    """This process, by the kernel's word."""
    try:
        words = Path("/proc/self/stat").read_text("utf-8", "replace").rpartition(")")[2].split()
        began = int(words[_BEGAN]) / os.sysconf("SC_CLK_TCK")
    except (OSError, ValueError, IndexError):
        return None
    age = timedelta(seconds=time.clock_gettime(time.CLOCK_BOOTTIME) - began)
    return (now - age).replace(microsecond=0)


def release_of(program: Path) -> str | None:
    """The release that a program's file belongs to; None where it was not deployed."""
    folder = program.resolve().parent
    return folder.name if folder.parent.name == _RELEASES else None


def _size(path: Path) -> int:
    try:
        return path.stat().st_size
    except OSError:
        return 0

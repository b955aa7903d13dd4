"""A folder of backups, as its files' names tell: which there are, when each was made, which go."""

import re
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

from backend.ops.archive import About, BackupError
from backend.ops.archive_reading import read_about
from backend.ops.retention import Keep, kept
from backend.ops.sealed_file import BackupKey

SEALED = ".enc"
UNFINISHED = ".parlor-*.partial"
_NAME = re.compile(r"parlor-(\d{8}T\d{6})Z\.tar\.gz(\.enc)?")


@dataclass(frozen=True, slots=True)
class Found:
    """A backup in a folder; `about` is None where its first words cannot be read."""

    path: Path
    size: int
    sealed: bool
    about: About | None


def name_of(moment: datetime, *, sealed: bool) -> str:
    return f"parlor-{moment.astimezone(UTC):%Y%m%dT%H%M%S}Z.tar.gz{SEALED if sealed else ''}"


def made_at(name: str) -> datetime | None:
    """By its name; None when it is no backup's."""
    if not (found := _NAME.fullmatch(name)):
        return None
    try:
        return datetime.strptime(f"{found[1]}+0000", "%Y%m%dT%H%M%S%z")
    except ValueError:  # the 40th of a month
        return None


def backups_in(folder: Path) -> list[Path]:
    """Newest first. Raises OSError."""
    found = [path for path in folder.iterdir() if made_at(path.name)]
    return sorted(found, key=lambda path: path.name, reverse=True)


def list_backups(folder: Path, key: BackupKey | None = None) -> list[Found]:
    """Newest first. Raises OSError."""
    found = []
    for path in backups_in(folder):
        try:
            about = read_about(path, key)
        except (BackupError, OSError):
            about = None
        found.append(Found(path, path.stat().st_size, path.name.endswith(SEALED), about))
    return found


def newest_backup(folder: Path) -> Path | None:
    """Raises OSError."""
    return next(iter(backups_in(folder)), None)


def too_many(names: Iterable[str], keep: Keep, *, newest: str) -> list[str]:
    """Those that may go, oldest first. What says it is younger than `newest`, the one that was just
    made, comes from a clock that was wrong: it stays and takes nobody's place. What has no
    backup's name is none of our business."""
    latest = made_at(newest)
    dated = {
        name: moment
        for name in names
        if (moment := made_at(name)) and (latest is None or moment <= latest)
    }
    stay = kept(dated.values(), keep)
    return sorted(name for name, moment in dated.items() if moment not in stay)

"""Backups: made while the server runs, checked before older ones go, kept in a folder."""

import fcntl
import os
import re
import shutil
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager, suppress
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

from backend.db.copies import copy_database, examine
from backend.db.in_use import in_use
from backend.kit.clock import Clock
from backend.kit.version import VERSION
from backend.ops.archive import (
    FORMAT,
    LONGEST_PATH,
    STATE,
    About,
    ArchiveWriter,
    BackupError,
    Manifest,
)
from backend.ops.archive_reading import read_about, read_archive
from backend.ops.backup_content import WORK, Content, state_content

KEEP = 14
_NAME = re.compile(r"parlor-(\d{8}T\d{6})Z\.tar\.gz")
_UNFINISHED = ".parlor-*.tar.gz.partial"
_SPARE = 32 * 1024 * 1024
"""Bytes that stay free after a backup."""

type Say = Callable[[str], None]


@dataclass(frozen=True, slots=True)
class Found:
    """A backup in a folder; `about` is None where its first words cannot be read."""

    path: Path
    size: int
    about: About | None


def make_backup(
    database: Path, folder: Path, clock: Clock, *, keep: int = KEEP, say: Say = print
) -> Path:
    """A new backup of the folder that `database` lies in, then none of `folder` beyond `keep`.

    The database is copied first: what it names in other files is there when those are read, and
    so are the keys that it was sealed with. Raises BackupError, InUseError, StorageError, OSError.
    """
    state = database.parent.resolve()
    database = state / database.name
    if not database.exists():
        raise BackupError(f"There is nothing to back up yet: {database} does not exist.")
    folder.mkdir(parents=True, exist_ok=True, mode=0o700)
    folder = folder.resolve()
    with ExitStack() as stack:
        stack.enter_context(in_use(database))
        work = stack.enter_context(_work_folder(state))
        _remove_unfinished(folder)
        _check_room(database, folder, state_content(state, database.name, but=folder))
        now = clock.now().astimezone(UTC)
        target = folder / f"parlor-{now:%Y%m%dT%H%M%S}Z.tar.gz"
        if target.exists():
            raise BackupError(f"{target} has just been made. Try again in a second.")
        say(f"Copying the database ({in_words(database.stat().st_size)}).")
        copy = work / database.name
        copy_database(database, copy)
        about = About(
            format=FORMAT, parlor=VERSION, schema_number=examine(copy), made_at=_whole(now)
        )
        with _unfinished(target) as partial:
            content = state_content(state, database.name, but=folder)
            say(f"Packing {len(content.files)} files ({in_words(content.size)}).")
            _write(partial, about, content, state=state, copy=copy)
            say(f"Checking {target.name}.")
            read_archive(partial)
            partial.rename(target)
    sync_folder(folder)
    for path in content.skipped:
        say(f"Left out: {path} (neither a plain file nor a folder).")
    for old in _too_many(folder, target, keep):
        old.unlink()
        say(f"Removed {old.name}; {keep} are kept.")
    say(f"Made {target} ({in_words(target.stat().st_size)}).")
    return target


def verify_backup(archive: Path) -> Manifest:
    """Every byte is read and compared. Raises BackupError, OSError."""
    return read_archive(archive)


def list_backups(folder: Path) -> list[Found]:
    """Newest first. Raises OSError."""
    found = []
    for path in _backups(folder):
        try:
            about = read_about(path)
        except (BackupError, OSError):
            about = None
        found.append(Found(path, path.stat().st_size, about))
    return found


def newest_backup(folder: Path) -> datetime | None:
    """When the newest was made, by its name. Raises OSError."""
    for path in _backups(folder):
        if name := _NAME.fullmatch(path.name):
            return datetime.strptime(f"{name[1]}+0000", "%Y%m%dT%H%M%S%z")
    return None


def check_room(needs: int, folder: Path, what: str) -> None:
    """Raises BackupError in words when `folder` has no room for that many bytes."""
    free = shutil.disk_usage(folder).free
    if free < needs + _SPARE:
        raise BackupError(
            f"Not enough room in {folder}: {what} may take {in_words(needs)}, and {in_words(free)} are"
            " free. Nothing was changed."
        )


@contextmanager
def lock_folder(folder: Path, words: str) -> Iterator[None]:
    """Raises BackupError with `words` when another process holds it."""
    handle = os.open(folder, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        try:
            fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            raise BackupError(words) from None
        yield
    finally:
        os.close(handle)


def sync_folder(folder: Path) -> None:
    """What was renamed in it stays so after a power cut, where the file system can promise that."""
    handle = os.open(folder, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        with suppress(OSError):  # network shares cannot
            os.fsync(handle)
    finally:
        os.close(handle)


@contextmanager
def _work_folder(state: Path) -> Iterator[Path]:
    """Inside the state folder, because SQLite needs a local disk and backups may lie elsewhere."""
    work = state / WORK
    work.mkdir(exist_ok=True, mode=0o700)
    if os.geteuid() == 0:  # or the service could not clear up after a run that was killed
        owner = state.stat()
        os.chown(work, owner.st_uid, owner.st_gid)
    with lock_folder(work, f"Another backup of {state} is being made."):
        try:
            for left in work.iterdir():
                left.unlink()
            yield work
        finally:
            shutil.rmtree(work, ignore_errors=True)


def _remove_unfinished(folder: Path) -> None:
    """Left by runs that were killed; one that still runs holds a lock on its own."""
    for left in folder.glob(_UNFINISHED):
        with suppress(PermissionError), left.open("rb") as file:  # somebody else's
            try:
                fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError:
                continue
            left.unlink()


@contextmanager
def _unfinished(target: Path) -> Iterator[Path]:
    """A private file under another name, removed again unless it was renamed."""
    partial = target.with_name(f".{target.name}.partial")
    handle = os.open(partial, os.O_RDWR | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o600)
    try:
        fcntl.flock(handle, fcntl.LOCK_EX)
        yield partial
    finally:
        partial.unlink(missing_ok=True)
        os.close(handle)


def _write(partial: Path, about: About, content: Content, *, state: Path, copy: Path) -> None:
    with partial.open("r+b") as file:
        writer = ArchiveWriter(file, about)
        for path in sorted([*content.folders, *content.files]):
            if len(path) + len(STATE) > LONGEST_PATH:
                raise BackupError(f"The path {path[:100]!r}... is too long for a backup.")
            source = copy if path == copy.name else state / path
            with suppress(FileNotFoundError):  # removed since the list was made
                if path in content.folders:
                    writer.add_folder(STATE + path, source.stat().st_mode)
                else:
                    writer.add_file(STATE + path, source)
        writer.finish()
        file.flush()
        os.fsync(file.fileno())


def _check_room(database: Path, folder: Path, content: Content) -> None:
    """For the worst case, in which nothing can be compressed."""
    copy = sum(
        path.stat().st_size
        for path in (database, database.with_name(f"{database.name}-wal"))
        if path.exists()
    )
    if database.parent.stat().st_dev == folder.stat().st_dev:
        check_room(copy + content.size, folder, "the backup")
    else:
        check_room(copy, database.parent, "the copy of the database")
        check_room(copy + content.size, folder, "the backup")


def _backups(folder: Path) -> list[Path]:
    """Newest first."""
    found = [path for path in folder.iterdir() if _NAME.fullmatch(path.name)]
    return sorted(found, key=lambda path: path.name, reverse=True)


def _too_many(folder: Path, new: Path, keep: int) -> list[Path]:
    """The new one stays, whatever the clock said when the others were made."""
    return [path for path in _backups(folder) if path != new][max(keep, 1) - 1 :]


def _whole(moment: datetime) -> datetime:
    return moment.replace(microsecond=0)


def in_words(size: int) -> str:
    amount, unit = float(size), "bytes"
    for larger in ("kB", "MB", "GB", "TB"):
        if amount < 1000:
            break
        amount, unit = amount / 1000, larger
    return f"{amount:.0f} {unit}" if amount >= 10 or unit == "bytes" else f"{amount:.1f} {unit}"

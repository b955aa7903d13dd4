"""Backups: made while the server runs, checked before older ones go, kept in a folder."""

import fcntl
import os
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
    AUTHORITY,
    AUTHORITY_FILES,
    FORMAT,
    LONGEST_PATH,
    STATE,
    About,
    ArchiveWriter,
    BackupError,
    Manifest,
)
from backend.ops.archive_reading import read_archive
from backend.ops.backup_content import WORK, Content, state_content
from backend.ops.backup_folder import UNFINISHED, name_of, too_many
from backend.ops.retention import USUAL, Keep
from backend.ops.sealed_file import BackupKey, SealedWriter

_SPARE = 32 * 1024 * 1024
"""Bytes that stay free after a backup."""

type Say = Callable[[str], None]


@dataclass(frozen=True, slots=True)
class BackupOptions:
    """Without `key` the file is plain. `authority`: folder of the certificate authority, whose
    key goes into encrypted backups only."""

    keep: Keep = USUAL
    key: BackupKey | None = None
    authority: Path | None = None


@dataclass(frozen=True, slots=True)
class _Source:
    """What is packed: `copy` stands for the database."""

    state: Path
    copy: Path
    content: Content
    authority: dict[str, bytes]


def make_backup(
    database: Path,
    folder: Path,
    clock: Clock,
    options: BackupOptions = BackupOptions(),  # frozen
    *,
    say: Say = print,
) -> Path:
    """A new backup of the folder that `database` lies in, then none of `folder` beyond
    `options.keep`.

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
        target = folder / name_of(now, sealed=bool(options.key))
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
            _write(partial, about, _Source(state, copy, content, _authority(options)), options.key)
            say(f"Checking {target.name}.")
            read_archive(partial, key=options.key)
            partial.rename(target)
    sync_folder(folder)
    for path in content.skipped:
        say(f"Left out: {path} (neither a plain file nor a folder).")
    _remove_old(folder, target, options.keep, say)
    say(f"Made {target} ({in_words(target.stat().st_size)}).")
    _say_what_it_lacks(options, say)
    return target


def _authority(options: BackupOptions) -> dict[str, bytes]:
    folder = options.authority
    if options.key is None or folder is None:
        return {}
    files = [folder / name for name in AUTHORITY_FILES]
    return {path.name: path.read_bytes() for path in files if path.exists()}


def _say_what_it_lacks(options: BackupOptions, say: Say) -> None:
    if options.key is not None:
        return
    say(
        "It is not encrypted: it holds every key of this Parlor. To change that: parlor backup key."
    )
    if options.authority is not None:
        say("Left out: the certificate authority; only an encrypted backup may hold it.")


def _remove_old(folder: Path, new: Path, keep: Keep, say: Say) -> None:
    for name in too_many([path.name for path in folder.iterdir()], keep, newest=new.name):
        (folder / name).unlink()
        say(f"Removed {name}.")


def verify_backup(archive: Path, key: BackupKey | None = None) -> Manifest:
    """Every byte is read and compared. Raises BackupError, OSError."""
    return read_archive(archive, key=key)


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
    for left in folder.glob(UNFINISHED):
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


def _write(partial: Path, about: About, source: _Source, key: BackupKey | None) -> None:
    with partial.open("r+b") as file:
        sealed = SealedWriter(file, key) if key else None
        writer = ArchiveWriter(sealed or file, about)
        for name, given in source.authority.items():
            writer.add_bytes(AUTHORITY + name, given)
        _write_state(writer, source)
        writer.finish()
        if sealed:
            sealed.finish()
        file.flush()
        os.fsync(file.fileno())


def _write_state(writer: ArchiveWriter, source: _Source) -> None:
    content, copy = source.content, source.copy
    for path in sorted([*content.folders, *content.files]):
        if len(path) + len(STATE) > LONGEST_PATH:
            raise BackupError(f"The path {path[:100]!r}... is too long for a backup.")
        found = copy if path == copy.name else source.state / path
        with suppress(FileNotFoundError):  # removed since the list was made
            if path in content.folders:
                writer.add_folder(STATE + path, found.stat().st_mode)
            else:
                writer.add_file(STATE + path, found)


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


def _whole(moment: datetime) -> datetime:
    return moment.replace(microsecond=0)


def in_words(size: int) -> str:
    amount, unit = float(size), "bytes"
    for larger in ("kB", "MB", "GB", "TB"):
        if amount < 1000:
            break
        amount, unit = amount / 1000, larger
    return f"{amount:.0f} {unit}" if amount >= 10 or unit == "bytes" else f"{amount:.1f} {unit}"

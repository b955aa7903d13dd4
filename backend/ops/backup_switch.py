"""One folder takes another's place: at any moment one of the two is whole, and nothing is deleted.

Beside the state folder lies `.NAME.restoring`, with the new tree in `new` and, from the moment all
of it is on disk, `switching.json`. Whoever comes after a kill reads there what was being done.
"""

import ctypes
import errno
import json
import os
import secrets
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any

from backend.ops.archive import BackupError
from backend.ops.backup import Say, lock_folder, sync_folder
from backend.ops.backup_content import RESTORED

_MARK = "switching.json"
_AT_FDCWD, _RENAME_EXCHANGE = -100, 2
_NO_EXCHANGE = (errno.ENOSYS, errno.EINVAL, errno.EOPNOTSUPP, errno.EPERM)


@dataclass(frozen=True, slots=True)
class Switch:
    state: Path
    work: Path
    finished: str
    """Id of a switch that an earlier run had begun and this one has finished."""

    @property
    def new(self) -> Path:
        """Make and fill this folder, then `commit`."""
        return self.work / "new"

    def commit(self, origin: str, now: datetime) -> Path | None:
        """Put the new tree in place; where the old one is now, when there was one.

        `origin`: what the tree was made from, as `was_made_from` may ask later.
        """
        mark = secrets.token_hex(8)
        _write(self.new / RESTORED, {"id": mark, "origin": origin, "at": now.isoformat()})
        if self.state.exists() and os.geteuid() == 0:
            _hand_over(self.new, self.state.stat())
        sync_tree(self.new)
        aside = _free(
            self.state.with_name(f"{self.state.name}.before-restore-{now:%Y%m%dT%H%M%SZ}")
        )
        _write(self.work / _MARK, {"id": mark, "aside": aside.name})
        sync_folder(self.work)
        try:
            _exchange(self.new, self.state, aside)
        except OSError:
            _mend(self.state, self.work, lambda _: None)
            raise
        _finish(self.state, self.work, aside)
        _clear(self.work)
        return aside if aside.exists() else None


@contextmanager
def switching(state: Path, say: Say) -> Iterator[Switch]:
    """Alone with the folder's work folder, after mending what an earlier run left.

    Raises BackupError, OSError.
    """
    if state.is_mount():
        raise BackupError(
            f"{state} is a mount point and cannot be replaced. Set PARLOR_STATE_DIR to a folder"
            " inside it."
        )
    work = state.with_name(f".{state.name}.restoring")
    try:
        work.mkdir(exist_ok=True, mode=0o700)
    except PermissionError as error:
        raise BackupError(
            f"{state} cannot be replaced: {work.parent} cannot be written. Run this as root."
        ) from error
    with lock_folder(work, f"Another restore of {state} is under way."):
        finished = _mend(state, work, say)
        try:
            yield Switch(state, work, finished)
        finally:
            if not (work / _MARK).exists():  # else it is needed to mend
                shutil.rmtree(work)


def was_made_from(state: Path) -> str:
    """What `commit` was told about this folder; "" when it was never restored."""
    return str(_read(state / RESTORED).get("origin", ""))


def is_empty(state: Path) -> bool:
    """Locks are nobody's data."""
    return not state.exists() or all(_is_lock(path) for path in state.iterdir())


def sync_tree(folder: Path) -> None:
    """Files and names of all that lies in it."""
    for place, _, names in os.walk(folder):
        for name in names:
            with (Path(place) / name).open("rb") as file:
                os.fsync(file.fileno())
        sync_folder(Path(place))


def _hand_over(tree: Path, owner: os.stat_result) -> None:
    """To whom the folder belonged: the service reads it, root has restored it."""
    os.chown(tree, owner.st_uid, owner.st_gid)
    for place, folders, names in os.walk(tree):
        for name in (*folders, *names):
            os.chown(Path(place) / name, owner.st_uid, owner.st_gid, follow_symlinks=False)


def _mend(state: Path, work: Path, say: Say) -> str:
    """Id of the switch that is finished now; "" when there was none, or it was undone."""
    mark, new = _read(work / _MARK), work / "new"
    if not mark:  # nothing had been switched
        _clear(work)
        return ""
    aside = state.with_name(str(mark["aside"]))
    if _read(state / RESTORED).get("id") == mark["id"]:
        _finish(state, work, aside)
        _clear(work)
        say(f"An interrupted restore is finished; what was there before is in {aside}.")
        return str(mark["id"])
    if _read(new / RESTORED).get("id") != mark["id"]:
        raise BackupError(
            f"An interrupted restore left {work}, and it cannot be told what that is. Move it away."
        )
    if not state.exists() and aside.exists():
        aside.rename(state)
        sync_folder(state.parent)
    _clear(work)
    say("An interrupted restore is undone; it had changed nothing.")
    return ""


def _exchange(new: Path, state: Path, aside: Path) -> None:
    """In one step where the file system can (Linux, renameat2), else in two."""
    if not state.exists():
        new.rename(state)
    elif not _swap(new, state):
        state.rename(aside)
        new.rename(state)
    sync_folder(state.parent)


def _finish(state: Path, work: Path, aside: Path) -> None:
    """The old tree lies in `new` now, if there was one and it was swapped."""
    old = work / "new"
    if old.exists() and is_empty(old):
        shutil.rmtree(old)
    elif old.exists():
        old.rename(aside)
    sync_folder(state.parent)


def _swap(one: Path, other: Path) -> bool:
    """False where this cannot be done in one step."""
    libc = ctypes.CDLL(None, use_errno=True)
    if not hasattr(libc, "renameat2"):
        return False
    first, second = os.fsencode(one), os.fsencode(other)
    if libc.renameat2(_AT_FDCWD, first, _AT_FDCWD, second, _RENAME_EXCHANGE) == 0:
        return True
    reason = ctypes.get_errno()
    if reason in _NO_EXCHANGE:
        return False
    raise OSError(reason, os.strerror(reason), str(other))


def _clear(work: Path) -> None:
    """The mark goes last: what it stands for is needed to mend."""
    shutil.rmtree(work / "new", ignore_errors=True)
    for left in work.iterdir():
        if left.is_dir():
            raise BackupError(f"{left} is in the way; move it away.")
        left.unlink()


def _free(path: Path) -> Path:
    number = 2
    found = path
    while found.exists():
        found = path.with_name(f"{path.name}-{number}")
        number += 1
    return found


def _is_lock(path: Path) -> bool:
    return path.suffix in (".lock", ".in-use", ".migrating") or path.name == "lost+found"


def _write(path: Path, content: dict[str, str]) -> None:
    """Whole or not at all."""
    fresh = path.with_name(f"{path.name}.new")
    with fresh.open("w") as file:
        json.dump(content, file, indent=1)
        file.flush()
        os.fsync(file.fileno())
    fresh.rename(path)


def _read(path: Path) -> dict[str, Any]:
    try:
        found: dict[str, Any] = json.loads(path.read_text("utf-8"))
    except (FileNotFoundError, NotADirectoryError, ValueError):
        return {}
    return found

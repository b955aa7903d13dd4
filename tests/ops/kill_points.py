"""Backups and restores killed (SIGKILL) before each thing they ask of the file system.

Runs as a process of its own, which loads everything once and forks a child for each point; prints
how many points there were. Fails loudly where what is left is not whole, or cannot be mended.
"""

import os
import shutil
import signal
import sqlite3
import sys
from collections.abc import Callable
from contextlib import closing
from pathlib import Path

from backend.db.migrate import migrate
from backend.kit.log import configure_logging
from backend.ops.backup import BackupOptions, make_backup, verify_backup
from backend.ops.backup_folder import list_backups
from backend.ops.backup_restore import RestoreOptions, restore_backup
from backend.ops.retention import Keep
from backend.ops.sealed_file import BackupKey
from tests.fakes.clock import StillClock

WATCHED = {"open", "sqlite3.connect", "ctypes.dlsym", "fcntl.flock", "os.listdir", "os.scandir"}
WATCHED |= {f"os.{name}" for name in ("rename", "mkdir", "rmdir", "remove", "chmod", "utime")}
KEY = BackupKey(bytes(range(32)))
LAST_ONE = BackupOptions(keep=Keep(1, 0, 0), key=KEY)


def main(folder: Path, what: str) -> None:
    configure_logging("warning")
    old = make_state(folder / "old", "old")
    new = make_state(folder / "new", "new")
    archive = make_backup(new / "parlor.db", folder / "backups", StillClock(), say=silent)
    point, home = 1, folder / "home"
    while True:
        shutil.copytree(old, home / "state")
        is_killed = (
            kill_backup(home, point) if what == "backup" else kill_restore(home, archive, point)
        )
        if not is_killed:
            break
        shutil.rmtree(home)
        point += 1
    print(point - 1)


def kill_backup(folder: Path, point: int) -> bool:
    """Whether there was such a point."""
    state, target, clock = folder / "state", folder / "backups", StillClock()
    make_backup(state / "parlor.db", target, clock, say=silent)
    clock.forward(days=1)

    def backup() -> None:
        make_backup(state / "parlor.db", target, clock, LAST_ONE, say=silent)

    killed = runs(backup, point, folder)
    found = list_backups(target)
    assert found, "the one before went before the new one was there"
    for one in found:
        verify_backup(one.path, KEY)
    clock.forward(days=1)
    backup()
    assert len(names(target)) == 1, names(target)
    assert names(state) == {"keys.json", "parlor.db", "parlor.db.in-use", "parlor.db.migrating"}
    return killed


def kill_restore(folder: Path, archive: Path, point: int) -> bool:
    state = folder / "state"
    killed = runs(lambda: restore(archive, state), point, folder)
    whole = owner(state)
    restore(archive, state)
    assert owner(state) == "new"
    aside = [owner(path) for path in folder.glob("state.before-restore-*")]
    # Killed after the switch, the second run has nothing to do or restores once more.
    assert aside.count("old") == 1, (point, aside)
    assert set(aside) <= {"old", "new"}
    assert whole in ("old", "new")
    assert not list(folder.glob(".*")), names(folder)
    return killed


def runs(work: Callable[[], None], point: int, folder: Path) -> bool:
    """In a child that is killed at its n-th touch of the file system; False if there are fewer."""
    child = os.fork()
    if child == 0:
        left = point

        def watch(event: str, arguments: tuple[object, ...]) -> None:
            nonlocal left
            concerns = event != "open" or str(folder) in str(arguments[0])
            if event in WATCHED and concerns:
                left -= 1
                if left == 0:
                    os.kill(os.getpid(), signal.SIGKILL)

        sys.addaudithook(watch)
        try:
            work()
        except BaseException as error:  # noqa: BLE001  # the child has nobody else to tell
            print(repr(error), file=sys.stderr)
            os._exit(3)
        os._exit(0)
    status = os.waitpid(child, 0)[1]
    if os.WIFSIGNALED(status):
        assert os.WTERMSIG(status) == signal.SIGKILL
        return True
    assert os.WEXITSTATUS(status) == 0
    return False


def restore(archive: Path, state: Path) -> None:
    restore_backup(
        *(archive, state / "parlor.db", StillClock(), RestoreOptions(force=True)), say=silent
    )


def make_state(state: Path, name: str) -> Path:
    state.mkdir(parents=True)
    migrate(state / "parlor.db")
    with closing(sqlite3.connect(state / "parlor.db")) as database:
        database.execute(
            "INSERT INTO model_lists (provider, fetched_at, models) VALUES (?, 0, '[]')", (name,)
        )
        database.commit()
    (state / "keys.json").write_text(name)
    return state


def owner(state: Path) -> str:
    """Whose state that is; all of it, or this fails."""
    with closing(sqlite3.connect(state / "parlor.db")) as database:
        name = database.execute("SELECT provider FROM model_lists").fetchone()[0]
        assert database.execute("PRAGMA quick_check").fetchone()[0] == "ok"
    assert (state / "keys.json").read_text() == name
    return str(name)


def names(folder: Path) -> set[str]:
    return {path.name for path in folder.iterdir()}


def silent(_: str) -> None: ...


if __name__ == "__main__":
    main(Path(sys.argv[1]), sys.argv[2])

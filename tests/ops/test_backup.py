"""Backups of a state folder in use: what is in them, what stays, what is left behind."""

import fcntl
import os
import sqlite3
import stat
import subprocess
import sys
import tarfile
from contextlib import closing
from pathlib import Path
from threading import Event, Thread

import pytest

from backend.db.database import StorageError
from backend.db.in_use import InUseError, out_of_use
from backend.ops.archive import BackupError
from backend.ops.backup import BackupOptions, make_backup, verify_backup
from backend.ops.backup_folder import list_backups, made_at, newest_backup
from backend.ops.retention import Keep
from tests.fakes.clock import StillClock
from tests.ops.kill_points import make_state

ROOT = Path(__file__).parents[2]


@pytest.fixture
def state(tmp_path: Path) -> Path:
    return make_state(tmp_path / "state", "anna")


@pytest.fixture
def target(tmp_path: Path) -> Path:
    return tmp_path / "backups"


def back_up(state: Path, target: Path, clock: StillClock, keep: int = 7) -> Path:
    options = BackupOptions(keep=Keep(keep, 0, 0))
    return make_backup(state / "parlor.db", target, clock, options, say=print)


def put(path: Path, text: str = "x") -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text)


def test_all_that_must_be_kept_is_in_it_and_nothing_else(
    state: Path, target: Path, clock: StillClock
) -> None:
    kept = ["certs/authority.key", "mcp_servers.json", "attachments/ab/cd", "notes/Ä ü.md"]
    made_anew = ["setup-code", "leader.lock", "keys.json.lock", "parlor.db.before-0002"]
    made_anew += [
        "parlor.db-journal",
        "cache/x",
        "care/backup.json",
        "tool_servers/a/.cache/x",
        "restored.json",
    ]
    for name in kept + made_anew:
        put(state / name)
    (state / "link").symlink_to("/etc/passwd")
    manifest = verify_backup(back_up(state, target, clock))
    names = [entry.path.removeprefix("state/") for entry in manifest.files]
    assert names == sorted([*kept, "keys.json", "parlor.db"])


def test_any_tar_can_unpack_it(
    state: Path, target: Path, clock: StillClock, tmp_path: Path
) -> None:
    long = f"notes/{'n' * 200}.md"
    put(state / long, "hello")
    with tarfile.open(back_up(state, target, clock)) as archive:
        archive.extractall(tmp_path / "unpacked", filter="data")
    assert (tmp_path / "unpacked" / "state" / long).read_text() == "hello"
    assert (tmp_path / "unpacked" / "manifest.json").exists()


def test_it_is_private(state: Path, target: Path, clock: StillClock) -> None:
    os.umask(os.umask(0))
    made = back_up(state, target, clock)
    assert stat.S_IMODE(made.stat().st_mode) == 0o600
    assert stat.S_IMODE(target.stat().st_mode) == 0o700
    assert made.name == "parlor-20261120T120000Z.tar.gz"


def test_the_same_state_gives_the_same_bytes(state: Path, tmp_path: Path) -> None:
    put(state / "notes" / "b")
    put(state / "notes" / "a")
    first, second = (
        back_up(state, tmp_path / folder, StillClock()).read_bytes() for folder in ("one", "two")
    )
    assert first == second


def test_a_backup_among_writes_is_of_one_moment(
    state: Path, target: Path, clock: StillClock, tmp_path: Path
) -> None:
    """Two rows are always changed together."""
    enough, running = Event(), Event()

    def write() -> None:
        with closing(sqlite3.connect(state / "parlor.db", isolation_level=None)) as database:
            number = 0
            while not enough.is_set():
                number += 1
                database.execute("BEGIN IMMEDIATE")
                for name in ("one", "two"):
                    database.execute(
                        "INSERT OR REPLACE INTO model_lists VALUES (?, '[]', ?)", (name, number)
                    )
                database.execute("COMMIT")
                running.set()

    writer = Thread(target=write)
    writer.start()
    try:
        assert running.wait(5)
        made = back_up(state, target, clock)
    finally:
        enough.set()
        writer.join()
    with tarfile.open(made) as archive:
        archive.extract("state/parlor.db", tmp_path / "unpacked", filter="data")
    with closing(sqlite3.connect(tmp_path / "unpacked" / "state" / "parlor.db")) as database:
        moments = database.execute("SELECT fetched_at FROM model_lists WHERE provider != 'anna'")
        first, second = (row[0] for row in moments)
        assert first == second > 0


def test_the_oldest_go_when_there_are_too_many(
    state: Path, target: Path, clock: StillClock
) -> None:
    put(target / "parlor-20200101T000000Z.tar.gz.txt")
    made = []
    for _ in range(4):
        made.append(back_up(state, target, clock, keep=2))
        clock.forward(days=1)
    assert [found.path for found in list_backups(target)] == [made[3], made[2]]
    assert (target / "parlor-20200101T000000Z.tar.gz.txt").exists()


def test_a_clock_that_went_back_does_not_cost_the_new_one(
    state: Path, target: Path, clock: StillClock
) -> None:
    """What the wrong clock made takes nobody's place."""
    wrong = back_up(state, target, clock)
    clock.forward(days=-300)
    back_up(state, target, clock, keep=1)
    clock.forward(days=1)
    new = back_up(state, target, clock, keep=1)
    assert [found.path for found in list_backups(target)] == [wrong, new]


def test_a_damaged_database_is_not_backed_up_and_costs_no_older_one(
    state: Path, target: Path, clock: StillClock
) -> None:
    old = back_up(state, target, clock)
    clock.forward(days=1)
    (state / "parlor.db").write_bytes(b"not a database at all" * 300)
    with pytest.raises(StorageError):
        back_up(state, target, clock, keep=1)
    assert list(target.iterdir()) == [old]
    assert not (state / ".backup-work").exists()


def test_without_room_nothing_is_begun(state: Path, target: Path, clock: StillClock) -> None:
    with (state / "huge").open("wb") as file:
        file.truncate(2**43)
    with pytest.raises(BackupError, match=r"Not enough room.*8[.]8 TB.*Nothing was changed"):
        back_up(state, target, clock)
    assert list(target.iterdir()) == []


def test_there_is_nothing_to_back_up_before_the_first_start(
    tmp_path: Path, target: Path, clock: StillClock
) -> None:
    with pytest.raises(BackupError, match="nothing to back up yet"):
        back_up(tmp_path / "nowhere", target, clock)
    assert not target.exists()


def test_backups_inside_the_state_folder_are_not_backed_up(state: Path, clock: StillClock) -> None:
    back_up(state, state / "backups", clock)
    clock.forward(days=1)
    second = back_up(state, state / "backups", clock)
    assert [entry.path for entry in verify_backup(second).files] == [
        "state/keys.json",
        "state/parlor.db",
    ]


def test_two_at_once_are_told_apart(state: Path, target: Path, clock: StillClock) -> None:
    work = state / ".backup-work"
    work.mkdir()
    handle = os.open(work, os.O_RDONLY)
    fcntl.flock(handle, fcntl.LOCK_EX)
    try:
        with pytest.raises(BackupError, match="Another backup"):
            back_up(state, target, clock)
        assert work.exists()
    finally:
        os.close(handle)


def test_none_is_made_while_the_folder_is_being_replaced(
    state: Path, target: Path, clock: StillClock
) -> None:
    with out_of_use(state / "parlor.db"), pytest.raises(InUseError, match="being restored"):
        back_up(state, target, clock)


def test_the_newest_is_known_by_its_name(state: Path, target: Path, clock: StillClock) -> None:
    target.mkdir()
    assert newest_backup(target) is None
    for _ in range(2):
        back_up(state, target, clock)
        clock.forward(days=1)
    clock.forward(days=-1)
    newest = newest_backup(target)
    assert newest
    assert made_at(newest.name) == clock.now()


def test_a_list_names_what_cannot_be_read(state: Path, target: Path, clock: StillClock) -> None:
    back_up(state, target, clock)
    put(target / "parlor-20990101T000000Z.tar.gz", "no archive")
    damaged, good = list_backups(target)
    assert damaged.about is None
    assert good.about
    assert good.about.schema_number > 0


@pytest.mark.timeout(60)
@pytest.mark.parametrize("what", ["backup", "restore"])
def test_killed_at_any_point_something_whole_is_left_and_the_next_run_mends_the_rest(
    what: str, tmp_path: Path
) -> None:
    """At every touch of the file system; see kill_points.py for what is asserted."""
    done = subprocess.run(
        [sys.executable, "-m", "tests.ops.kill_points", tmp_path, what],
        cwd=ROOT,
        capture_output=True,
        text=True,
        timeout=50,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    assert int(done.stdout) >= 20

"""What is kept of how backups, copies and rehearsals went, and what is said of it."""

import os
from pathlib import Path
from zoneinfo import ZoneInfo

import pytest

from backend.ops.archive import BackupError
from backend.ops.care import (
    backup_problem,
    copy_problem,
    note,
    noted,
    rehearsal_problem,
    remembered,
)
from backend.ops.finding import Problem
from tests.fakes.clock import StillClock


@pytest.fixture
def state(tmp_path: Path) -> Path:
    """In use since long ago."""
    folder = tmp_path / "state"
    folder.mkdir()
    (folder / "leader.lock").touch()
    os.utime(folder / "leader.lock", (0, 0))
    return folder


def test_of_a_parlor_that_is_new_nothing_is_expected_yet(state: Path, clock: StillClock) -> None:
    began = clock.now().timestamp()
    os.utime(state / "leader.lock", (began, began))

    def problems() -> list[bool]:
        return [
            bool(backup_problem(state / "none", state, clock)),
            bool(copy_problem("/there", state, clock)),
            bool(rehearsal_problem(state, clock)),
        ]

    assert problems() == [False, False, False]
    clock.forward(days=3)
    assert problems() == [True, True, False]
    clock.forward(days=13)
    assert problems() == [True, True, True]


def test_backups_are_recent_for_two_days(state: Path, clock: StillClock) -> None:
    folder = state / "backups"
    folder.mkdir()
    assert "none" in str(backup_problem(folder, state, clock))
    (folder / "parlor-20261119T120000Z.tar.gz.enc").touch()
    assert backup_problem(folder, state, clock) is None
    clock.forward(days=2)
    assert "3 days old" in str(backup_problem(folder, state, clock))
    assert "none" in str(backup_problem(state / "nowhere", state, clock))
    (state / "file").touch()
    assert "cannot be read" in str(backup_problem(state / "file", state, clock))


def test_a_backup_from_a_time_to_come_does_not_pass_for_a_recent_one(
    state: Path, clock: StillClock
) -> None:
    """A clock was wrong once; for years nobody would be told that none is made."""
    (state / "parlor-20261120T123000Z.tar.gz").touch()
    assert backup_problem(state, state, clock) is None
    (state / "parlor-20360101T000000Z.tar.gz").touch()
    problem = backup_problem(state, state, clock)
    assert problem
    assert problem.words.startswith(
        f"{state}/parlor-20360101T000000Z.tar.gz is from a time to come"
    )


def test_last_night_s_failure_is_told_though_older_ones_are_there(
    state: Path, clock: StillClock
) -> None:
    (state / "parlor-20261120T030000Z.tar.gz").touch()
    note(state, "backup", clock, about="", words="The disk is full.", ok=False)
    problem = backup_problem(state, state, clock)
    words = "The last one failed (2026-11-20 12:00 UTC): The disk is full."
    assert problem == Problem(words, "When that is mended: `parlor backup`.")
    here = backup_problem(state, state, clock, ZoneInfo("Europe/Berlin"))
    assert "2026-11-20 13:00 CET" in str(here)


def test_a_copy_is_good_for_two_days_and_a_failure_says_since_when(
    state: Path, clock: StillClock
) -> None:
    assert "Nothing was copied to s3://house yet" in str(copy_problem("s3://house", state, clock))
    note(state, "copy", clock, about="a", words="fine", ok=True)
    assert copy_problem("s3://house", state, clock) is None
    clock.forward(days=1)
    note(state, "copy", clock, about="", words="It is full.", ok=False)
    assert "good until 2026-11-20 12:00 UTC): It is full." in str(copy_problem("x", state, clock))
    clock.forward(days=1)
    note(state, "copy", clock, about="b", words="fine", ok=True)
    clock.forward(days=3)
    assert "since 2026-11-22" in str(copy_problem("x", state, clock))


def test_a_rehearsal_is_good_for_two_weeks(state: Path, clock: StillClock) -> None:
    assert "parlor backup rehearse" in str(rehearsal_problem(state, clock))
    note(state, "rehearsal", clock, about="a", words="3 people", ok=True)
    clock.forward(days=14)
    assert rehearsal_problem(state, clock) is None
    clock.forward(days=2)
    assert "No restore was tried out since 2026-11-20" in str(rehearsal_problem(state, clock))
    note(state, "rehearsal", clock, about="", words="Its end is missing.", ok=False)
    assert "failed: Its end is missing." in str(rehearsal_problem(state, clock))


def test_what_fails_is_noted_and_goes_on_failing(state: Path, clock: StillClock) -> None:
    def work() -> str:
        raise BackupError("No room.")

    with pytest.raises(BackupError):
        remembered(state, "backup", clock, work, lambda done: (done, "fine"))
    failed = noted(state, "backup")
    assert failed
    assert (failed.ok, failed.words, failed.good_at) == (False, "No room.", None)
    assert remembered(state, "backup", clock, lambda: "x", lambda done: (done, "fine")) == "x"
    good = noted(state, "backup")
    assert good
    assert (good.ok, good.about, good.good_at) == (True, "x", clock.now())


def test_a_note_that_cannot_be_read_is_none(state: Path, clock: StillClock) -> None:
    note(state, "copy", clock, about="a", words="fine", ok=True)
    (state / "care" / "copy.json").write_text("{")
    assert noted(state, "copy") is None

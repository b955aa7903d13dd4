"""How the last backup, its copy elsewhere and the last rehearsal went: a small file for each.

Commands write them, the server and the doctor read them. They are not part of a backup.
"""

import os
from collections.abc import Callable
from contextlib import suppress
from datetime import UTC, datetime, timedelta, tzinfo
from pathlib import Path
from typing import Literal

from pydantic import AwareDatetime, BaseModel, ConfigDict, ValidationError

from backend.kit.clock import Clock
from backend.kit.errors import AppError
from backend.ops.backup_content import CARE
from backend.ops.backup_folder import made_at, newest_backup
from backend.ops.finding import Problem

type Duty = Literal["backup", "copy", "rehearsal"]

BACKUP_AGE = timedelta(days=2)
REHEARSAL_AGE = timedelta(days=15)
"""Two weeks and a little: one that was missed is no reason for alarm."""
_CLOCK_OFF = timedelta(hours=1)
"""A little is nobody's trouble."""
_SAY_LARGEST = 500
_LEADER = "leader.lock"
"""Made with the state folder's first server, never written again, and in no backup: its time says
since when this folder is in use."""


class Note(BaseModel):
    """`about`: which backup it was. `good_at`: when it last went well."""

    model_config = ConfigDict(frozen=True)

    at: AwareDatetime
    ok: bool
    about: str
    words: str
    good_at: AwareDatetime | None = None


def note(state: Path, duty: Duty, clock: Clock, *, about: str, words: str, ok: bool) -> Note:
    """Raises OSError."""
    folder = state / CARE
    folder.mkdir(exist_ok=True, mode=0o700)
    before = noted(state, duty)
    now = clock.now()
    good_at = now if ok else before.good_at if before else None
    written = Note(at=now, ok=ok, about=about, words=words[:_SAY_LARGEST], good_at=good_at)
    fresh = folder / f"{duty}.json.new"
    fresh.unlink(missing_ok=True)
    handle = os.open(fresh, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o600)
    with os.fdopen(handle, "w") as file:
        file.write(written.model_dump_json(indent=1))
    if os.geteuid() == 0:  # the service reads it, and writes the next one
        owner = state.stat()
        os.chown(folder, owner.st_uid, owner.st_gid)
        os.chown(fresh, owner.st_uid, owner.st_gid)
    fresh.replace(folder / f"{duty}.json")
    return written


def noted(state: Path, duty: Duty) -> Note | None:
    """None where there is none that can be read."""
    try:
        return Note.model_validate_json((state / CARE / f"{duty}.json").read_bytes())
    except (OSError, ValidationError):
        return None


def remembered[T](  # what is done, of which backup, and what is said of it
    state: Path,
    duty: Duty,
    clock: Clock,
    work: Callable[[], T],
    told: Callable[[T], tuple[str, str]],
) -> T:
    """Do it, and note how it went either way. `told`: which backup it was, and words.

    Raises what `work` raises.
    """
    try:
        done = work()
    except Exception as error:
        words = str(error) if isinstance(error, AppError | OSError) else type(error).__name__
        with suppress(OSError):  # the first trouble is the one to tell
            note(state, duty, clock, about="", words=words, ok=False)
        raise
    about, words = told(done)
    note(state, duty, clock, about=about, words=words, ok=True)
    return done


def is_young(state: Path, clock: Clock, age: timedelta) -> bool:
    """Of a folder that is not in use for longer nothing is expected yet."""
    try:
        began = datetime.fromtimestamp((state / _LEADER).stat().st_mtime, UTC)
    except OSError:
        return True
    return clock.now() - began < age


def backup_problem(folder: Path, state: Path, clock: Clock, zone: tzinfo = UTC) -> Problem | None:
    """None when nothing is wrong; as those below. `zone`: of the moments that are told."""
    try:
        newest = newest_backup(folder)
    except FileNotFoundError:
        newest = None
    except OSError as error:
        return Problem(f"{folder} cannot be read: {error.strerror}.", "Check who owns it.")
    last = noted(state, "backup")
    if last and not last.ok:
        words = f"The last one failed ({_on(last.at, zone)}): {last.words}"
        return Problem(words, "When that is mended: `parlor backup`.")
    made = made_at(newest.name) if newest else None
    if newest is None or made is None:
        if is_young(state, clock, BACKUP_AGE):
            return None
        return Problem(f"There is none in {folder} yet.", f"`parlor backup --to {folder}`.")
    age = clock.now() - made
    if age < -_CLOCK_OFF:
        words = (
            f"{newest} is from a time to come: the clock was wrong, and it hides what is newest."
        )
        return Problem(words, "Move it away.")
    if age > BACKUP_AGE:
        words = f"The newest in {folder} is {age.days} days old."
        return Problem(words, "See `systemctl status parlor-backup`.")
    return None


def copy_problem(place: str, state: Path, clock: Clock, zone: tzinfo = UTC) -> Problem | None:
    last = noted(state, "copy")
    if last is None:
        if is_young(state, clock, BACKUP_AGE):
            return None
        return Problem(f"Nothing was copied to {place} yet.", "`parlor backup copy`.")
    since = f"good until {_on(last.good_at, zone)}" if last.good_at else "never good so far"
    if not last.ok:
        words = f"The last copy to {place} failed ({_on(last.at, zone)}, {since}): {last.words}"
        return Problem(words, "When that is mended: `parlor backup copy`.")
    if clock.now() - last.at > BACKUP_AGE:
        words = f"Nothing was copied to {place} since {_on(last.at, zone)}."
        return Problem(words, "`parlor backup copy`.")
    return None


def rehearsal_problem(state: Path, clock: Clock, zone: tzinfo = UTC) -> Problem | None:
    last = noted(state, "rehearsal")
    if last is None:
        if is_young(state, clock, REHEARSAL_AGE):
            return None
        return Problem("No restore was tried out yet.", "`parlor backup rehearse`.")
    if not last.ok:
        return Problem(
            f"The restore that was tried out on {_on(last.at, zone)} failed: {last.words}",
            "Make a backup and try again: `parlor backup`, `parlor backup rehearse`.",
        )
    if clock.now() - last.at > REHEARSAL_AGE:
        words = f"No restore was tried out since {_on(last.at, zone)}."
        return Problem(words, "`parlor backup rehearse`.")
    return None


def _on(moment: datetime, zone: tzinfo) -> str:
    return f"{moment.astimezone(zone):%Y-%m-%d %H:%M %Z}"

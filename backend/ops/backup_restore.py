"""A backup becomes the state folder: checked, unpacked and migrated beside it, then switched."""

import hashlib
from contextlib import ExitStack
from pathlib import Path

from backend.db.copies import examine
from backend.db.in_use import out_of_use
from backend.db.migrate import MigrationError, migrate, shipped_migrations
from backend.kit.clock import Clock
from backend.ops.archive import BackupError, Manifest
from backend.ops.archive_reading import read_archive
from backend.ops.backup import Say, check_room
from backend.ops.backup_switch import Switch, is_empty, switching, was_made_from


def restore_backup(
    archive: Path, database: Path, clock: Clock, *, force: bool = False, say: Say = print
) -> None:
    """What the folder of `database` held is moved aside, never deleted. Nothing is touched before
    all of the backup is checked, unpacked and brought to this release's schema.

    A run that was killed is mended by the next one. Raises BackupError, InUseError, OSError.
    """
    state = database.parent.resolve()
    state.parent.mkdir(parents=True, exist_ok=True)
    with ExitStack() as stack:
        if state.exists():
            stack.enter_context(out_of_use(state / database.name))
        switch = stack.enter_context(switching(state, say))
        _refuse_full(state, is_fine=force or bool(switch.finished))
        manifest = _checked(archive, say)
        origin = _fingerprint(manifest)
        if switch.finished and was_made_from(state) == origin:
            say(f"{state} is what {archive.name} holds.")
            return
        _refuse_full(state, is_fine=force)
        check_room(manifest.size, state.parent, "the restored state")
        _unpack(archive, manifest, switch, database.name)
        aside = switch.commit(origin, clock.now())
    say(f"Restored {archive.name} to {state}.")
    if aside:
        say(f"What was there before is in {aside}; remove it when nothing is missing.")


def _refuse_full(state: Path, *, is_fine: bool) -> None:
    if not is_fine and not is_empty(state):
        raise BackupError(
            f"{state} is not empty. With --force it is moved aside, and nothing in it is lost."
        )


def _checked(archive: Path, say: Say) -> Manifest:
    say(f"Checking {archive.name}.")
    manifest = read_archive(archive)
    _check_schema(manifest.schema_number, f"Parlor {manifest.parlor}")
    return manifest


def _check_schema(number: int, origin: str) -> None:
    known = max(step.number for step in shipped_migrations())
    if number > known:
        raise BackupError(
            f"This backup is of {origin} with schema {number}; this release knows schemas up to"
            f" {known}. Restore it with that version or a newer one."
        )


def _unpack(archive: Path, manifest: Manifest, switch: Switch, database: str) -> None:
    switch.new.mkdir(mode=0o700)
    if read_archive(archive, switch.new, most=manifest.size) != manifest:
        raise BackupError(f"{archive} changed while it was read.")
    restored = switch.new / database
    if not restored.exists():
        raise BackupError(f"{archive.name} holds no {database}.")
    _check_schema(examine(restored), "a Parlor")
    try:
        migrate(restored)
    except MigrationError as error:
        raise BackupError(f"{error} Nothing was changed.") from error


def _fingerprint(manifest: Manifest) -> str:
    return hashlib.sha256(manifest.model_dump_json().encode()).hexdigest()

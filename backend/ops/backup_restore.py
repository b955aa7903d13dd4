"""A backup becomes the state folder: checked, unpacked and migrated beside it, then switched."""

import hashlib
import os
from contextlib import ExitStack
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

from backend.db.copies import examine
from backend.db.in_use import out_of_use
from backend.db.migrate import MigrationError, migrate, shipped_migrations
from backend.kit.clock import Clock
from backend.ops.archive import BackupError, Manifest
from backend.ops.archive_reading import read_archive, read_authority
from backend.ops.backup import Say, check_room, sync_folder
from backend.ops.backup_switch import is_empty, switching, was_made_from
from backend.ops.sealed_file import BackupKey


@dataclass(frozen=True, slots=True)
class RestoreOptions:
    """`force`: a state folder that is not empty is moved aside. `authority`: where the certificate
    authority is laid, when the backup holds one."""

    force: bool = False
    key: BackupKey | None = None
    authority: Path | None = None


def restore_backup(
    archive: Path,
    database: Path,
    clock: Clock,
    options: RestoreOptions = RestoreOptions(),  # frozen
    *,
    say: Say = print,
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
        _refuse_full(state, is_fine=options.force or bool(switch.finished))
        manifest = _checked(archive, options.key, say)
        origin = _fingerprint(manifest)
        if switch.finished and was_made_from(state) == origin:
            say(f"{state} is what {archive.name} holds.")
            _lay_authority(archive, options, clock.now(), say)
            return
        _refuse_full(state, is_fine=options.force)
        check_room(manifest.size, state.parent, "the restored state")
        switch.new.mkdir(mode=0o700)
        unpack(archive, manifest, switch.new, database.name, key=options.key)
        aside = switch.commit(origin, clock.now())
    say(f"Restored {archive.name} to {state}.")
    if aside:
        say(f"What was there before is in {aside}; remove it when nothing is missing.")
    _lay_authority(archive, options, clock.now(), say)


def _lay_authority(archive: Path, options: RestoreOptions, now: datetime, say: Say) -> None:
    """Another one that is there is kept beside it: some device may trust it."""
    files = read_authority(archive, options.key)
    folder = options.authority
    if not files:
        return
    if folder is None:
        say("The certificate authority in it stays there; --authority FOLDER brings it back.")
        return
    folder.mkdir(parents=True, exist_ok=True, mode=0o755)
    for name, content in files.items():
        place = folder / name
        if place.exists() and place.read_bytes() == content:
            continue
        fresh = place.with_name(f"{name}.new")
        fresh.unlink(missing_ok=True)
        mode = 0o600 if name.endswith(".key") else 0o644
        handle = os.open(fresh, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, mode)
        with os.fdopen(handle, "wb") as file:
            os.fchmod(file.fileno(), mode)
            file.write(content)
            file.flush()
            os.fsync(file.fileno())
        if place.exists():
            place.rename(place.with_name(f"{name}.before-restore-{now:%Y%m%dT%H%M%SZ}"))
        fresh.rename(place)
    sync_folder(folder)
    say(f"The certificate authority is back in {folder}.")


def _refuse_full(state: Path, *, is_fine: bool) -> None:
    if not is_fine and not is_empty(state):
        raise BackupError(
            f"{state} is not empty. With --force it is moved aside, and nothing in it is lost."
        )


def _checked(archive: Path, key: BackupKey | None, say: Say) -> Manifest:
    say(f"Checking {archive.name}.")
    manifest = read_archive(archive, key=key)
    _check_schema(manifest.schema_number, f"Parlor {manifest.parlor}")
    return manifest


def _check_schema(number: int, origin: str) -> None:
    known = max(step.number for step in shipped_migrations())
    if number > known:
        raise BackupError(
            f"This backup is of {origin} with schema {number}; this release knows schemas up to"
            f" {known}. Restore it with that version or a newer one."
        )


def unpack(
    archive: Path, manifest: Manifest, target: Path, database: str, *, key: BackupKey | None
) -> Path:
    """Into an empty folder, brought to this release's schema; the database in it.

    Raises BackupError, StorageError, OSError.
    """
    if read_archive(archive, target, key=key, most=manifest.size) != manifest:
        raise BackupError(f"{archive} changed while it was read.")
    restored = target / database
    if not restored.exists():
        raise BackupError(f"{archive.name} holds no {database}.")
    _check_schema(examine(restored), "a Parlor")
    try:
        migrate(restored)
    except MigrationError as error:
        raise BackupError(f"{error} Nothing was changed.") from error
    return restored


def _fingerprint(manifest: Manifest) -> str:
    return hashlib.sha256(manifest.model_dump_json().encode()).hexdigest()

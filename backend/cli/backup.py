"""`parlor backup` and `parlor restore`: the state folder as one file, and back."""

import os
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from backend.kit.clock import SystemClock
from backend.kit.key_text import KeyTextError, new_key_text
from backend.kit.log import configure_logging
from backend.settings import Settings

if TYPE_CHECKING:
    from backend.ops.sealed_file import BackupKey

backup = typer.Typer(help="Copies of everything that must be kept (on this host).")

# No `type` statements: typer would not find the words in them.
_Archive = Annotated[
    Path, typer.Argument(help="A backup.", exists=True, dir_okay=False, readable=True)
]
_Target = Annotated[
    Path | None,
    typer.Option("--to", help="Folder of the backups; PARLOR_BACKUP_DIR when not said."),
]
_Folder = Annotated[
    Path | None,
    typer.Argument(help="PARLOR_BACKUP_DIR when not said.", exists=True, file_okay=False),
]
_KeyFile = Annotated[
    Path | None,
    typer.Option(
        "--key-file", help="File of its key; PARLOR_BACKUP_KEY when not said.", dir_okay=False
    ),
]
_Authority = Annotated[
    Path | None,
    typer.Option("--authority", help="Folder of the certificate authority, where it lies apart."),
]


@backup.callback(invoke_without_command=True)
def make(
    context: typer.Context,
    to: _Target = None,
    authority: _Authority = None,
) -> None:
    """Make a backup, also while the server runs: database, keys, certificates, files. Then copy
    it to where PARLOR_BACKUP_COPY_TO says.

    It holds every secret of this Parlor: with PARLOR_BACKUP_KEY it is encrypted.
    """
    if context.invoked_subcommand:
        return
    # Start-up: one command, one import.
    from backend.ops.backup import BackupOptions, in_words, make_backup  # noqa: PLC0415
    from backend.ops.care import remembered  # noqa: PLC0415
    from backend.ops.retention import Keep  # noqa: PLC0415

    settings = _settings()
    folder = _backup_folder(settings, to)
    state, clock = settings.server.state_dir, SystemClock()
    options = BackupOptions(Keep.parse(settings.backup.keep), _key(settings, None), authority)

    def told(made: Path) -> tuple[str, str]:
        return made.name, in_words(made.stat().st_size)

    remembered(
        *(state, "backup", clock),
        lambda: make_backup(_database(state), folder, clock, options, say=_say),
        told,
    )
    if settings.backup.copy_to:
        _copy(settings, folder)


@backup.command("copy")
def copy(folder: _Folder = None) -> None:
    """Copy what is missing to where PARLOR_BACKUP_COPY_TO says, and go on where a copy broke off."""
    settings = _settings()
    if not settings.backup.copy_to:
        sys.exit("Say where: set PARLOR_BACKUP_COPY_TO to /a/folder or s3://bucket/folder.")
    _copy(settings, _backup_folder(settings, folder))


@backup.command("fetch")
def fetch(
    name: Annotated[str, typer.Argument(help="Which one; the newest when not said.")] = "",
    to: _Target = None,
) -> None:
    """Bring a backup back from where PARLOR_BACKUP_COPY_TO says."""
    from backend.ops.offsite import fetch_backup  # noqa: PLC0415  # as above

    settings = _settings()
    if not settings.backup.copy_to:
        sys.exit("Say from where: set PARLOR_BACKUP_COPY_TO.")
    fetch_backup(settings.backup, name, _backup_folder(settings, to), say=_say)


@backup.command("rehearse")
def rehearse(folder: _Folder = None, key_file: _KeyFile = None) -> None:
    """Restore the newest backup into a folder of its own, open it, and remove that again."""
    from backend.ops import rehearsal  # noqa: PLC0415  # as above
    from backend.ops.care import remembered  # noqa: PLC0415  # as above

    settings = _settings()
    state, clock = settings.server.state_dir, SystemClock()
    chosen, key = _backup_folder(settings, folder), _key(settings, key_file)
    state.mkdir(parents=True, exist_ok=True, mode=0o700)
    done = remembered(
        *(state, "rehearsal", clock),
        lambda: rehearsal.rehearse(chosen, _database(state.resolve()), clock, key, say=_say),
        lambda done: (done.archive.name, done.words),
    )
    print(f"It can be restored. {done.words}")


@backup.command("key")
def key_command(
    to: Annotated[
        Path | None, typer.Option("--to", help="File to write it to, which must not exist.")
    ] = None,
) -> None:
    """Make a key for PARLOR_BACKUP_KEY. Keep a copy elsewhere: without it no backup can be read."""
    text = new_key_text()
    if to is None:
        print(text)
        return
    with os.fdopen(os.open(to, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "w") as file:
        file.write(f"{text}\n")
    print(f"Made {to}. Keep a copy elsewhere: without it no backup can be read.")


@backup.command("verify")
def verify(archive: _Archive, key_file: _KeyFile = None) -> None:
    """Read a backup to its end and compare every checksum."""
    from backend.ops.backup import in_words, verify_backup  # noqa: PLC0415  # as above
    from backend.ops.sealed_file import is_sealed  # noqa: PLC0415  # as above

    found = verify_backup(archive, _key(_settings(), key_file))
    print(
        f"{archive.name} is whole{'' if is_sealed(archive) else ', not encrypted'}:"
        f" {len(found.files)} files, {in_words(found.size)}, made"
        f" {found.made_at:%Y-%m-%d %H:%M} UTC by Parlor {found.parlor}, schema"
        f" {found.schema_number}."
    )


@backup.command("list")
def show(folder: _Folder = None, key_file: _KeyFile = None) -> None:
    """List a folder's backups, newest first."""
    from backend.ops.backup import in_words  # noqa: PLC0415  # as above
    from backend.ops.backup_folder import list_backups  # noqa: PLC0415  # as above

    settings = _settings()
    key = _key(settings, key_file)
    for found in list_backups(_backup_folder(settings, folder), key):
        about = found.about
        words = f"Parlor {about.parlor}, schema {about.schema_number}" if about else "DAMAGED"
        if found.sealed:
            words = f"encrypted, {words}" if key else "encrypted"
        print(f"{found.path.name}  {in_words(found.size):>8}  {words}")


def restore(
    archive: _Archive,
    force: Annotated[
        bool, typer.Option("--force", help="Move a state folder that is not empty aside.")
    ] = False,
    key_file: _KeyFile = None,
    authority: _Authority = None,
) -> None:
    """Put a backup in the place of the state folder, while no server runs."""
    from backend.ops.backup_restore import RestoreOptions, restore_backup  # noqa: PLC0415

    settings = _settings()
    options = RestoreOptions(force, _key(settings, key_file), authority)
    database = _database(settings.server.state_dir)
    restore_backup(archive, database, SystemClock(), options, say=_say)


def _copy(settings: Settings, folder: Path) -> None:
    from backend.ops.care import remembered  # noqa: PLC0415  # as above
    from backend.ops.offsite import copy_backups  # noqa: PLC0415  # as above

    remembered(
        *(settings.server.state_dir, "copy", SystemClock()),
        lambda: copy_backups(settings.backup, folder, say=_say),
        lambda done: (done.newest, done.words),
    )


def _backup_folder(settings: Settings, given: Path | None) -> Path:
    folder = given or settings.backup.dir
    if folder is None:
        sys.exit("Say which folder: as an option, or set PARLOR_BACKUP_DIR.")
    return folder


def _key(settings: Settings, file: Path | None) -> "BackupKey | None":
    from backend.ops.sealed_file import BackupKey  # noqa: PLC0415  # as above

    if file is not None:
        try:
            return BackupKey.parse(file.read_text("ascii", "replace"))
        except KeyTextError as error:
            sys.exit(f"{file} holds no key of a backup: {error}.")
    given = settings.backup.key
    return BackupKey.parse(given.get_secret_value()) if given else None


def _database(state_dir: Path) -> Path:
    from backend.container import DATABASE_NAME  # noqa: PLC0415  # as above

    return state_dir / DATABASE_NAME


def _say(words: str) -> None:
    print(words, flush=True)


def _settings() -> Settings:
    settings = Settings.load()
    configure_logging("warning")
    return settings

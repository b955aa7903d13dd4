"""`parlor backup` and `parlor restore`: the state folder as one file, and back."""

import sys
from pathlib import Path
from typing import Annotated

import typer

from backend.kit.clock import SystemClock
from backend.kit.log import configure_logging
from backend.settings import Settings

backup = typer.Typer(help="Copies of everything that must be kept (on this host).")

# No `type` statements: typer would not find the words in them.
_Archive = Annotated[
    Path, typer.Argument(help="A backup.", exists=True, dir_okay=False, readable=True)
]
_Target = Annotated[
    Path | None,
    typer.Option("--to", help="Folder of the backups; PARLOR_BACKUP_DIR when not said."),
]


@backup.callback(invoke_without_command=True)
def make(
    context: typer.Context,
    to: _Target = None,
    keep: Annotated[int, typer.Option(min=1, help="How many stay, the new one included.")] = 14,
) -> None:
    """Make a backup, also while the server runs: database, keys, certificates, files.

    It holds every secret of this Parlor: keep it as you keep those.
    """
    if context.invoked_subcommand:
        return
    from backend.ops.backup import make_backup  # noqa: PLC0415  # start-up: one command, one import

    server = _settings().server
    folder = to or server.backup_dir
    if folder is None:
        sys.exit("Say where: `parlor backup --to DIR`, or set PARLOR_BACKUP_DIR.")
    make_backup(_database(server.state_dir), folder, SystemClock(), keep=keep, say=_say)


@backup.command("verify")
def verify(archive: _Archive) -> None:
    """Read a backup to its end and compare every checksum."""
    from backend.ops.backup import in_words, verify_backup  # noqa: PLC0415  # as above

    found = verify_backup(archive)
    print(
        f"{archive.name} is whole: {len(found.files)} files, {in_words(found.size)}, made"
        f" {found.made_at:%Y-%m-%d %H:%M} UTC by Parlor {found.parlor}, schema"
        f" {found.schema_number}."
    )


@backup.command("list")
def show(
    folder: Annotated[
        Path | None,
        typer.Argument(help="PARLOR_BACKUP_DIR when not said.", exists=True, file_okay=False),
    ] = None,
) -> None:
    """List a folder's backups, newest first."""
    from backend.ops.backup import in_words, list_backups  # noqa: PLC0415  # as above

    chosen = folder or _settings().server.backup_dir
    if chosen is None:
        sys.exit("Say which folder: `parlor backup list DIR`, or set PARLOR_BACKUP_DIR.")
    for found in list_backups(chosen):
        about = found.about
        words = f"Parlor {about.parlor}, schema {about.schema_number}" if about else "DAMAGED"
        print(f"{found.path.name}  {in_words(found.size):>8}  {words}")


def restore(
    archive: _Archive,
    force: Annotated[
        bool, typer.Option("--force", help="Move a state folder that is not empty aside.")
    ] = False,
) -> None:
    """Put a backup in the place of the state folder, while no server runs."""
    from backend.ops.backup_restore import restore_backup  # noqa: PLC0415  # as above

    database = _database(_settings().server.state_dir)
    restore_backup(archive, database, SystemClock(), force=force, say=_say)


def _database(state_dir: Path) -> Path:
    from backend.container import DATABASE_NAME  # noqa: PLC0415  # as above

    return state_dir / DATABASE_NAME


def _say(words: str) -> None:
    print(words, flush=True)


def _settings() -> Settings:
    settings = Settings.load()
    configure_logging("warning")
    return settings

"""What of the state folder belongs into a backup: everything but what is made anew."""

import os
import stat
from collections.abc import Iterator
from dataclasses import dataclass, field
from fnmatch import fnmatchcase
from pathlib import Path

WORK = ".backup-work"
"""Folder inside the state folder, for the copy of the database."""
RESTORED = "restored.json"
"""Says which backup a state folder came from."""

CARE = "care"
"""Folder of what happened to backups: see care.py."""
REHEARSAL = ".rehearsal"
"""Folder inside the state folder where a backup is tried out."""

_TOP_LEFT_OUT = ("setup-code", WORK, RESTORED, CARE, REHEARSAL, "lost+found", "*.lock", "*.new")
_FOLDERS_LEFT_OUT = frozenset({"cache", "caches", ".cache", ".npm", "__pycache__"})


@dataclass(slots=True)
class Content:
    """Paths relative to the state folder, sorted; folders before what lies in them."""

    folders: list[str] = field(default_factory=list)
    files: list[str] = field(default_factory=list)
    size: int = 0
    skipped: list[str] = field(default_factory=list)
    """What is neither file nor folder (links, sockets), or has no name that can be written."""


def state_content(state: Path, database: str, *, but: Path) -> Content:
    """`database` itself stands in the list, whatever belongs to it does not. `but`: the folder of
    the backups, which may lie inside."""
    found = Content()
    for path, entry in _walk(state, state, database, but):
        try:
            kind = entry.stat(follow_symlinks=False)
        except FileNotFoundError:  # the server is running
            continue
        if not _is_text(path):
            found.skipped.append(path.encode("utf-8", "replace").decode())
        elif stat.S_ISDIR(kind.st_mode):
            found.folders.append(path)
        elif stat.S_ISREG(kind.st_mode):
            found.files.append(path)
            found.size += kind.st_size
        else:
            found.skipped.append(path)
    found.folders.sort()
    found.files.sort()
    return found


def _walk(
    folder: Path, state: Path, database: str, but: Path
) -> Iterator[tuple[str, "os.DirEntry[str]"]]:
    try:
        entries = list(os.scandir(folder))
    except FileNotFoundError:
        return
    for entry in entries:
        path = Path(entry.path)
        is_folder = entry.is_dir(follow_symlinks=False)
        if folder == state and _left_out(entry.name, database):
            continue
        if is_folder and (entry.name in _FOLDERS_LEFT_OUT or path == but):
            continue
        yield path.relative_to(state).as_posix(), entry
        if is_folder:
            yield from _walk(path, state, database, but)


def _left_out(name: str, database: str) -> bool:
    beside = name.startswith((f"{database}-", f"{database}."))
    return beside or any(fnmatchcase(name, pattern) for pattern in _TOP_LEFT_OUT)


def _is_text(path: str) -> bool:
    try:
        path.encode()
    except UnicodeEncodeError:
        return False
    return True

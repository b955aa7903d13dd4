"""A folder of Markdown notes. Every path is opened part by part from the folder itself, and links
are not followed, so that nothing outside it can be named."""

import hashlib
import os
import secrets
import stat
from contextlib import suppress
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from threading import RLock

from backend.kit.errors import ConflictError, InvalidInputError, NotFoundError, UnavailableError
from backend.mcp_servers.folders import Parts, exists, open_file, opened_folder, step
from backend.mcp_servers.note_names import existing_note, new_note

LARGEST = 512 * 1024
MOST_NOTES = 20_000
_TRASH = ".trash"
_NEW = os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW | os.O_CLOEXEC


@dataclass(frozen=True, slots=True)
class Entry:
    """A note as the folder lists it."""

    parts: Parts
    bytes: int
    modified: float
    stamp: tuple[int, int, int]
    """Differs when the content may: inode, size, time."""

    @property
    def name(self) -> str:
        return "/".join(self.parts)


@dataclass(frozen=True, slots=True)
class Note:
    name: str
    text: str
    version: str
    """Of the content; writes that name another one are refused."""


class NoteFolder:
    def __init__(self, root: Path) -> None:
        """Makes the folder if need be. Raises OSError."""
        root.mkdir(parents=True, exist_ok=True, mode=0o700)
        if not os.access(root, os.R_OK | os.W_OK | os.X_OK):
            raise UnavailableError(f"the folder {root} cannot be written to")
        self._root = root.resolve()
        self._changing = RLock()

    def entries(self, within: Parts = ()) -> list[Entry]:
        """Every note in a folder and below, by name."""
        found: list[Entry] = []
        with opened_folder(self._root, within) as folder:
            self._collect(folder, within, found)
        return sorted(found, key=lambda entry: entry.parts)

    def _collect(self, folder: int, above: Parts, found: list[Entry]) -> None:
        with os.scandir(folder) as listed:
            for item in listed:
                if item.name.startswith(".") or not item.name.isprintable():
                    continue  # hidden, or no text: half characters, control signs
                parts = (*above, item.name)
                with suppress(FileNotFoundError, NotFoundError):  # gone since it was listed
                    if item.is_dir(follow_symlinks=False):
                        inner = step(folder, item.name)
                        try:
                            self._collect(inner, parts, found)
                        finally:
                            os.close(inner)
                    elif item.name.lower().endswith(".md") and item.is_file(follow_symlinks=False):
                        about = item.stat(follow_symlinks=False)
                        stamp = (about.st_ino, about.st_size, about.st_mtime_ns)
                        found.append(Entry(parts, about.st_size, about.st_mtime, stamp))
                if len(found) > MOST_NOTES:
                    raise UnavailableError(f"There are more than {MOST_NOTES} notes.")

    def read(self, name: str) -> Note:
        return self.read_parts(existing_note(name))

    def read_parts(self, parts: Parts) -> Note:
        with opened_folder(self._root, parts[:-1]) as folder:
            return _note(parts, _content(folder, parts))

    def create(self, name: str, text: str) -> Note:
        parts = new_note(name)
        with self._changing, opened_folder(self._root, parts[:-1], make=True) as folder:
            if exists(folder, parts[-1]):
                raise ConflictError(
                    f"{'/'.join(parts)} exists already: append to it, replace it, or choose"
                    " another name."
                )
            return _write(folder, parts, _encoded(text))

    def append(self, name: str, text: str, *, version: str = "") -> Note:
        parts = existing_note(name)
        with self._changing, opened_folder(self._root, parts[:-1]) as folder:
            before = _content(folder, parts, version=version)
            gap = b"" if not before or before.endswith(b"\n") else b"\n"
            return _write(folder, parts, before + gap + _encoded(text))

    def replace(self, name: str, text: str, *, version: str) -> Note:
        parts = existing_note(name)
        with self._changing, opened_folder(self._root, parts[:-1]) as folder:
            _content(folder, parts, version=version)
            return _write(folder, parts, _encoded(text))

    def rename(self, name: str, new_name: str) -> Note:
        old, new = existing_note(name), new_note(new_name)
        with self._changing, opened_folder(self._root, old[:-1]) as source:
            data = _content(source, old)
            with opened_folder(self._root, new[:-1], make=True) as target:
                if exists(target, new[-1]):
                    raise ConflictError(f"{'/'.join(new)} exists already.")
                os.rename(old[-1], new[-1], src_dir_fd=source, dst_dir_fd=target)
        return _note(new, data)

    def delete(self, name: str, now: datetime, *, version: str = "") -> str:
        """Move into the trash; where to, from the folder."""
        parts = existing_note(name)
        kept = f"{now:%Y%m%d-%H%M%S}-{secrets.token_hex(3)}-{_short(parts[-1])}"
        with self._changing, opened_folder(self._root, parts[:-1]) as folder:
            _content(folder, parts, version=version)
            with opened_folder(self._root, (_TRASH,), make=True) as trash:
                os.rename(parts[-1], kept, src_dir_fd=folder, dst_dir_fd=trash)
        return f"{_TRASH}/{kept}"


def _encoded(text: str) -> bytes:
    try:
        return text.encode()
    except UnicodeEncodeError as error:
        raise InvalidInputError("The text has half a character in it.") from error


def _note(parts: Parts, data: bytes) -> Note:
    return Note("/".join(parts), data.decode("utf-8", "replace"), _version(data))


def _write(folder: int, parts: Parts, data: bytes) -> Note:
    """All or nothing, and on the disk when this returns."""
    if len(data) > LARGEST:
        raise InvalidInputError(f"A note may have {LARGEST} bytes; this would have {len(data)}.")
    fresh = f".{secrets.token_hex(8)}.new"
    with os.fdopen(os.open(fresh, _NEW, 0o600, dir_fd=folder), "wb") as file:
        try:
            file.write(data)
            file.flush()
            os.fchmod(file.fileno(), _mode(folder, parts[-1]))
            os.fsync(file.fileno())
            os.rename(fresh, parts[-1], src_dir_fd=folder, dst_dir_fd=folder)
        except OSError:
            os.unlink(fresh, dir_fd=folder)
            raise
    os.fsync(folder)
    return _note(parts, data)


def _mode(folder: int, name: str) -> int:
    """A note that others may read stays so; a new one is private."""
    try:
        return stat.S_IMODE(os.stat(name, dir_fd=folder, follow_symlinks=False).st_mode)
    except FileNotFoundError:
        return 0o600


def _content(folder: int, parts: Parts, *, version: str = "") -> bytes:
    """What the note holds now. Raises ConflictError when that is not `version`."""
    name = "/".join(parts)
    try:
        opened = open_file(folder, parts[-1])
    except NotFoundError as error:
        raise NotFoundError(f"There is no note {name!r}; search or list them.") from error
    with os.fdopen(opened, "rb") as file:
        data = file.read(LARGEST + 1)
    if len(data) > LARGEST:
        raise InvalidInputError(f"{name!r} has more than {LARGEST} bytes, which is too large here.")
    if version and version != _version(data):
        raise ConflictError(
            f"{name} was changed meanwhile: read it again, then write with its new version."
        )
    return data


def _version(data: bytes) -> str:
    return hashlib.sha256(data).hexdigest()[:16]


def _short(name: str) -> str:
    """Room for what is put before it, without cutting a character in half."""
    return name.removesuffix(".md").encode()[:200].decode("utf-8", "ignore") + ".md"

"""Reads a backup of unknown origin: bounded memory, nothing outside its folder, every byte checked.

Our own reader and not `tarfile`'s, which holds extended headers of any size in memory and knows
links, devices and sparse files; what is no plain file or folder is refused here.
"""

import gzip
import hashlib
import os
import re
import tarfile
import zlib
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO, Self

from pydantic import ValidationError

from backend.ops.archive import (
    ABOUT,
    AUTHORITY,
    AUTHORITY_FILES,
    BLOCK,
    CHUNK,
    FORMAT,
    LARGEST_TOTAL,
    LONGEST_PATH,
    MANIFEST,
    MOST_MEMBERS,
    STATE,
    About,
    BackupError,
    Entry,
    Manifest,
)
from backend.ops.sealed_file import BackupKey, unsealed

_LARGEST_TEXT = 64 * 1024 * 1024
_LARGEST_EXTENSION = 16 * 1024
_LONGEST_NAME = 255
_DEEPEST = 60
_LATEST = 2**33
_RECORD = re.compile(rb"(\d{1,6}) (path|size)=")


@dataclass(frozen=True, slots=True)
class _Member:
    path: str
    size: int
    mode: int
    changed_at: int
    is_folder: bool


def read_about(archive: Path, key: BackupKey | None = None) -> About:
    """Its first words; the rest is not looked at. Raises BackupError, OSError."""
    with unsealed(archive, key) as file:
        return _Reader.over(file, archive.name, LARGEST_TOTAL).about()


def read_authority(archive: Path, key: BackupKey | None) -> dict[str, bytes]:
    """The certificate authority's files by name; none where the backup holds none.

    Raises BackupError, OSError.
    """
    found: dict[str, bytes] = {}
    with unsealed(archive, key) as file:
        reader = _Reader.over(file, archive.name, LARGEST_TOTAL)
        reader.about()
        for member in reader.members():
            if not member.path.startswith(AUTHORITY):
                break
            found[member.path.removeprefix(AUTHORITY)] = reader.text(member)
    return found


def read_archive(
    archive: Path,
    target: Path | None = None,
    *,
    key: BackupKey | None = None,
    most: int = LARGEST_TOTAL,
) -> Manifest:
    """Read to the end and check every byte; `target`: an empty folder to lay the state into.

    `most`: bytes of all files. What lies in `target` after an error is of no use.
    Raises BackupError, OSError.
    """
    with unsealed(archive, key) as file:
        reader = _Reader.over(file, archive.name, most)
        about = reader.about()
        found: list[Entry] = []
        for member in reader.members():
            if member.path == MANIFEST:
                manifest = reader.manifest(member)
                break
            if member.path == ABOUT:
                raise reader.damaged(f"{ABOUT} is in it twice")
            if member.is_folder:
                _make_folder(target, member)
            else:
                is_state = member.path.startswith(STATE)
                place = _place(target, member.path) if is_state else None
                found.append(reader.file(member, place))
        else:
            raise reader.damaged("its list of contents is missing")
        reader.end()
    if tuple(found) != manifest.files or About(**dict(manifest)) != about:
        raise reader.damaged("its files are not those it lists")
    return manifest


class _Reader:
    def __init__(self, stream: gzip.GzipFile, name: str, most: int) -> None:
        self._stream = stream
        self._name = name
        self._left = most

    @classmethod
    def over(cls, file: BinaryIO, name: str, most: int) -> Self:
        return cls(gzip.GzipFile(fileobj=file, mode="rb"), name, most)

    def damaged(self, why: str) -> BackupError:
        return BackupError(f"{self._name} is no whole backup: {why}.")

    def about(self) -> About:
        member = next(self.members(), None)
        if member is None or member.path != ABOUT:
            raise self.damaged("it does not begin as one of Parlor's")
        try:
            about = About.model_validate_json(self.text(member))
        except ValidationError:
            raise self.damaged("what it says about itself cannot be read") from None
        if about.format > FORMAT:
            raise BackupError(
                f"{self._name} was made by Parlor {about.parlor} in a newer format; restore it with"
                " that version."
            )
        return about

    def manifest(self, member: _Member) -> Manifest:
        try:
            return Manifest.model_validate_json(self.text(member))
        except ValidationError:
            raise self.damaged("its list of contents cannot be read") from None

    def members(self) -> Iterator[_Member]:
        """Whoever asks for the next has read the one before."""
        seen: set[str] = set()
        while member := self._header():
            if member.path in seen:
                raise self.damaged(f"{member.path!r} is in it twice")
            seen.add(member.path)
            if len(seen) > MOST_MEMBERS:
                raise self.damaged(f"it holds more than {MOST_MEMBERS} files")
            yield member

    def file(self, member: _Member, place: Path | None) -> Entry:
        """Check a file's bytes, and lay it at `place`."""
        digest = hashlib.sha256()
        if place is None:
            for chunk in self._content(member):
                digest.update(chunk)
        else:
            flags = os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW | os.O_CLOEXEC
            with os.fdopen(os.open(place, flags, 0o600), "wb") as file:
                os.fchmod(file.fileno(), member.mode)
                for chunk in self._content(member):
                    digest.update(chunk)
                    file.write(chunk)
                file.flush()
                os.utime(file.fileno(), (member.changed_at, member.changed_at))
                os.fsync(file.fileno())
        return Entry(path=member.path, size=member.size, sha256=digest.hexdigest())

    def end(self) -> None:
        """After the last member there is only padding; reading it checks gzip's own sum."""
        while rest := self._read(CHUNK):
            if rest.strip(b"\0"):
                raise self.damaged("something follows its list of contents")

    def _header(self) -> _Member | None:
        block = self._exactly(BLOCK)
        given: dict[str, str] = {}
        if block[156:157] == tarfile.XHDTYPE:
            given = self._extension(self._parsed(block).size)
            block = self._exactly(BLOCK)
        if not block.strip(b"\0"):
            return None
        header = self._parsed(block)
        if header.type not in (tarfile.REGTYPE, tarfile.DIRTYPE):
            raise self.damaged(f"{header.name!r} is neither a file nor a folder")
        is_folder = header.type == tarfile.DIRTYPE
        path, size = given.get("path", header.name), int(given.get("size", header.size))
        if is_folder:
            path = path.removesuffix("/")
        self._check_path(path, is_folder=is_folder)
        if size < 0 or header.mtime < 0 or (is_folder and size):
            raise self.damaged(f"{path!r} has no possible size or time")
        self._left -= size if path.startswith((STATE, AUTHORITY)) else 0
        if self._left < 0:
            raise self.damaged("it is larger than it may be")
        mode, changed_at = header.mode & 0o755 | 0o600, min(int(header.mtime), _LATEST)
        return _Member(path, size, mode, changed_at, is_folder)

    def _parsed(self, block: bytes) -> tarfile.TarInfo:
        try:
            return tarfile.TarInfo.frombuf(block, "utf-8", "strict")
        except (tarfile.HeaderError, UnicodeError, ValueError):
            raise self.damaged("a header in it is broken") from None

    def _extension(self, size: int) -> dict[str, str]:
        """The two records we write: a long path, a large size (POSIX.1-2001, pax)."""
        if not 0 < size <= _LARGEST_EXTENSION:
            raise self.damaged("a header in it is too long")
        text = self._exactly(size + -size % BLOCK)[:size]
        given: dict[str, str] = {}
        while text:
            record = _RECORD.match(text)
            length = int(record[1]) if record else 0
            if not record or not record.end() < length <= len(text) or text[length - 1] != 0x0A:
                raise self.damaged("a header in it is broken")
            try:
                given[record[2].decode()] = text[record.end() : length - 1].decode()
            except UnicodeError:
                raise self.damaged("a name in it is no text") from None
            text = text[length:]
        if not re.fullmatch("[0-9]{1,15}", given.get("size", "0")):
            raise self.damaged("a header in it is broken")
        return given

    def _check_path(self, path: str, *, is_folder: bool) -> None:
        if path in (ABOUT, MANIFEST) and not is_folder:
            return
        if path.startswith(AUTHORITY):
            name = path.removeprefix(AUTHORITY)
            if is_folder or name not in AUTHORITY_FILES:
                raise self.damaged(f"{path[:100]!r} is no path it may hold")
            return
        steps = path.removeprefix(STATE).split("/")
        plain = all(
            step not in ("", ".", "..") and len(step.encode()) <= _LONGEST_NAME for step in steps
        )
        fits = len(path) <= LONGEST_PATH and len(steps) <= _DEEPEST and "\0" not in path
        if not path.startswith(STATE) or not plain or not fits:
            raise self.damaged(f"{path[:100]!r} is no path it may hold")

    def text(self, member: _Member) -> bytes:
        if member.size > _LARGEST_TEXT:
            raise self.damaged(f"{member.path} in it is too long")
        return b"".join(self._content(member))

    def _content(self, member: _Member) -> Iterator[bytes]:
        left = member.size
        while left:
            chunk = self._exactly(min(left, CHUNK))
            left -= len(chunk)
            yield chunk
        self._exactly(-member.size % BLOCK)

    def _exactly(self, size: int) -> bytes:
        found = self._read(size) if size else b""
        if len(found) != size:
            raise self.damaged("it ends too early")
        return found

    def _read(self, size: int) -> bytes:
        try:
            return self._stream.read(size)
        except EOFError:
            raise self.damaged("it ends too early") from None
        except (gzip.BadGzipFile, zlib.error):
            raise self.damaged("its bytes have changed, or it is none of Parlor's") from None


def _place(target: Path | None, path: str) -> Path | None:
    if target is None:
        return None
    place = target / path.removeprefix(STATE)
    try:
        place.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
    except (FileExistsError, NotADirectoryError):
        raise BackupError(f"{path!r} would lie inside a file.") from None
    return place


def _make_folder(target: Path | None, member: _Member) -> None:
    place = _place(target, member.path)
    if place is not None:
        place.mkdir(exist_ok=True)
        place.chmod(member.mode | 0o700)

"""A backup's file: tar in gzip, written and read as streams.

`backup.json` comes first and says what it is, `authority/` holds the certificate authority where one
was handed over, `state/` holds the files, `manifest.json` comes last with the SHA-256 of each. Any tar unpacks it; Parlor itself reads only what it writes (plain files
and folders) and believes nothing of it: see `archive_reading.py`.
"""

import gzip
import hashlib
import os
import tarfile
from io import RawIOBase
from pathlib import Path
from typing import BinaryIO

from pydantic import AwareDatetime, BaseModel, ConfigDict

from backend.kit.errors import AppError

FORMAT = 2
"""2: with `authority/`."""
ABOUT, MANIFEST, STATE, AUTHORITY = "backup.json", "manifest.json", "state/", "authority/"
AUTHORITY_FILES = ("authority.crt", "authority.key")
BLOCK = 512
CHUNK = 256 * 1024
MOST_MEMBERS = 200_000
LARGEST_TOTAL = 2**40
LONGEST_PATH = 4000
_LEVEL = 6


class BackupError(AppError):
    """A backup cannot be made, is not whole, or cannot be used here."""

    code = "backup"


class About(BaseModel):
    """What a backup says about itself before anything else."""

    model_config = ConfigDict(frozen=True)

    format: int
    parlor: str
    schema_number: int
    made_at: AwareDatetime


class Entry(BaseModel):
    model_config = ConfigDict(frozen=True)

    path: str
    size: int
    sha256: str


class Manifest(About):
    """`files` in the order of the archive."""

    files: tuple[Entry, ...]

    @property
    def size(self) -> int:
        """Bytes of all files."""
        return sum(entry.size for entry in self.files)


class ArchiveWriter:
    """Same content, same bytes: no names of users, no time but the files' own."""

    def __init__(self, file: BinaryIO | RawIOBase, about: About) -> None:
        self._gzip = gzip.GzipFile(
            filename="", mode="wb", compresslevel=_LEVEL, fileobj=file, mtime=0
        )
        self._about = about
        self._made_at = int(about.made_at.timestamp())
        self._files: list[Entry] = []
        self._members = 0
        self._add_text(ABOUT, about)

    def add_folder(self, path: str, mode: int) -> None:
        self._begin(path, tarfile.DIRTYPE, 0, mode, 0)

    def add_file(self, path: str, source: Path) -> None:
        """As long as it is when it is opened. Raises BackupError when it shrinks meanwhile."""
        handle = os.open(source, os.O_RDONLY | os.O_CLOEXEC | os.O_NOFOLLOW)
        with os.fdopen(handle, "rb") as file:
            found = os.fstat(file.fileno())
            digest = hashlib.sha256()
            self._begin(path, tarfile.REGTYPE, found.st_size, found.st_mode, int(found.st_mtime))
            left = found.st_size
            while left:
                chunk = file.read(min(left, CHUNK))
                if not chunk:
                    raise BackupError(f"{source} changed while it was read. Try again.")
                digest.update(chunk)
                self._gzip.write(chunk)
                left -= len(chunk)
        self._pad(found.st_size)
        self._files.append(Entry(path=path, size=found.st_size, sha256=digest.hexdigest()))

    def add_bytes(self, path: str, content: bytes) -> None:
        """A small private file that lies nowhere else under this name."""
        self._begin(path, tarfile.REGTYPE, len(content), 0o600, self._made_at)
        self._gzip.write(content)
        self._pad(len(content))
        digest = hashlib.sha256(content).hexdigest()
        self._files.append(Entry(path=path, size=len(content), sha256=digest))

    def finish(self) -> Manifest:
        manifest = Manifest(**self._about.model_dump(), files=tuple(self._files))
        self._add_text(MANIFEST, manifest)
        self._gzip.write(bytes(2 * BLOCK))
        self._gzip.close()
        return manifest

    def _add_text(self, path: str, content: BaseModel) -> None:
        text = content.model_dump_json(indent=1).encode()
        self._begin(path, tarfile.REGTYPE, len(text), 0o600, self._made_at)
        self._gzip.write(text)
        self._pad(len(text))

    def _begin(self, path: str, kind: bytes, size: int, mode: int, mtime: int) -> None:
        self._members += 1
        if self._members > MOST_MEMBERS:
            raise BackupError(f"A backup holds {MOST_MEMBERS} files at most; there are more.")
        header = tarfile.TarInfo(path)
        header.type, header.size, header.mtime = kind, size, max(0, mtime)
        header.mode = mode & 0o755
        self._gzip.write(header.tobuf(tarfile.PAX_FORMAT, "utf-8", "strict"))

    def _pad(self, size: int) -> None:
        self._gzip.write(bytes(-size % BLOCK))

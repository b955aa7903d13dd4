"""Releases made from the built file: the next one, and ones that are broken on purpose."""

import hashlib
import io
import json
import re
import tarfile
import zipfile
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

_SHEBANG = b"#!/usr/bin/env python3.13\n"


@dataclass(frozen=True)
class Release:
    file: Path
    version: str

    @property
    def name(self) -> str:
        digest = hashlib.sha256(self.file.read_bytes()).hexdigest()
        return f"{self.version}-{digest[:8]}"


def given_release(file: Path) -> Release:
    bill = json.loads((file.parent / "parlor.sbom.json").read_bytes())
    return Release(file, bill["metadata"]["component"]["version"])


def variant(
    base: Release, folder: Path, version: str, changes: Mapping[str, bytes | None]
) -> Release:
    """The same file with another version, and files added, replaced or (None) left out."""
    with zipfile.ZipFile(base.file) as outer:
        main = outer.read("__main__.py").decode()
        with zipfile.ZipFile(io.BytesIO(outer.read("payload.zip"))) as inner:
            content: dict[str, bytes | None] = {name: inner.read(name) for name in inner.namelist()}
    content |= changes
    for name in [name for name in content if re.match(r"parlor-[^/]+\.dist-info/", name)]:
        old = content.pop(name)
        if old is not None and name.endswith("/METADATA"):
            old = re.sub(rb"^Version: .*$", f"Version: {version}".encode(), old, flags=re.MULTILINE)
        content[f"parlor-{version}.dist-info/{name.split('/', 1)[1]}"] = old
    payload = io.BytesIO()
    with zipfile.ZipFile(payload, "w", zipfile.ZIP_DEFLATED, compresslevel=1) as inner:
        for name, data in content.items():
            if data is not None:
                inner.writestr(name, data)
    digest = hashlib.sha256(payload.getvalue()).hexdigest()[:12]
    main = re.sub(
        r'^FOLDER = ".*"$', f'FOLDER = "parlor-{version}-{digest}"', main, flags=re.MULTILINE
    )
    file = folder / "parlor.pyz"
    with file.open("wb") as out:
        out.write(_SHEBANG)
        with zipfile.ZipFile(out, "w") as outer:
            outer.writestr("__main__.py", main)
            outer.writestr("payload.zip", payload.getvalue())
    whole = hashlib.sha256(file.read_bytes()).hexdigest()
    (folder / "parlor.pyz.sha256").write_text(f"{whole}  parlor.pyz\n")
    bill = {"metadata": {"component": {"name": "parlor", "version": version}}}
    (folder / "parlor.sbom.json").write_text(json.dumps(bill))
    return Release(file, version)


def without(release: Release, folder: str, *, but: str) -> dict[str, bytes | None]:
    """Changes that leave a folder out, and keep one in it."""
    with (
        zipfile.ZipFile(release.file) as outer,
        zipfile.ZipFile(io.BytesIO(outer.read("payload.zip"))) as inner,
    ):
        names = inner.namelist()
    return {name: None for name in names if name.startswith(folder) and not name.startswith(but)}


def from_tar(archive: bytes) -> dict[str, bytes | None]:
    """Changes that put its files in."""
    with tarfile.open(fileobj=io.BytesIO(archive)) as tar:
        files = {each.name: tar.extractfile(each) for each in tar if each.isfile()}
    return {name: file.read() for name, file in files.items() if file}


def source(release: Release, name: str) -> bytes:
    """A file of the release as it is."""
    with (
        zipfile.ZipFile(release.file) as outer,
        zipfile.ZipFile(io.BytesIO(outer.read("payload.zip"))) as inner,
    ):
        return inner.read(name)

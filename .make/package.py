"""`make build`: dist/parlor.pyz, the same bytes from the same sources wherever it is built.

The layout: a shebang, `__main__.py` (bootstrap.py) and `payload.zip`, stored. The payload is what
`pip install` would put into site-packages, plus the built front ends. Why not a ready-made tool:
see DECISIONS.md. Runs on the environment's own Python 3.13.
"""

from __future__ import annotations

import hashlib
import io
import os
import platform
import shutil
import sys
import zipfile
from pathlib import Path

import sbom
import web
from python_env import LOCKS, VENV_PYTHON, project, uv, uv_environment
from steps import CACHE, ROOT, run_quietly, say, stop, timed

DIST = ROOT / "dist"
WORK = CACHE / "build"
STAGE = WORK / "stage"
NAME = "parlor.pyz"
LARGEST = 20_000_000
SHEBANG = b"#!/usr/bin/env python3.13\n"
# Debian 12 and newer; naming it makes the choice of wheels independent of the builder's libc.
PLATFORM = f"{platform.machine()}-manylinux_2_28"
# Of an installed distribution these tell when, where and by whom it was installed.
TRACES = {"direct_url.json", "uv_cache.json", "RECORD", "INSTALLER", "REQUESTED"}
# Needed to compile against a package or to type-check it, never to run it.
UNUSED = {".pyi", ".pyx", ".pxd", ".pxi", ".c", ".h", ".hash"}
ZIP_EPOCH = (1980, 1, 1, 0, 0, 0)


def install() -> None:
    """Put the locked packages and our own wheel into the stage."""
    shutil.rmtree(WORK, ignore_errors=True)
    STAGE.mkdir(parents=True)
    env = uv_environment()
    into = [uv(), "pip", "install", "--python", VENV_PYTHON, "--target", STAGE, "--no-deps"]
    into += ["--link-mode", "copy", "--no-compile-bytecode"]
    run_quietly(
        [*into, "--python-platform", PLATFORM, "--require-hashes"]
        + ["--only-binary", ":all:", "-r", LOCKS["run"]],
        log="build-packages",
        env=env,
    )
    run_quietly(
        [uv(), "build", "--wheel", "--no-build-isolation", "--python", VENV_PYTHON]
        + ["--out-dir", WORK / "wheel", ROOT],
        log="build-wheel",
        env=env,
    )
    (wheel,) = (WORK / "wheel").glob("*.whl")
    run_quietly([*into, wheel], log="build-install", env=env)


def add_front_ends() -> None:
    for app in web.apps() if web.exists() else []:
        shutil.copytree(web.WEB / app / "dist", STAGE / "backend" / "frontends" / app)


def clean() -> None:
    """Drop what differs between two builds and what never runs."""
    for name in ("bin", ".lock", "include", "share"):
        leftover = STAGE / name
        if leftover.is_dir():
            shutil.rmtree(leftover)
        else:
            leftover.unlink(missing_ok=True)
    hooks = [path.name for path in STAGE.glob("*.pth")]
    if hooks:
        stop(f"these files act only in site-packages and would be ignored: {', '.join(hooks)}")
    for path in sorted(STAGE.rglob("*"), reverse=True):
        if path.is_dir():
            if path.name == "__pycache__":
                shutil.rmtree(path)
            continue
        in_metadata = path.parent.name.endswith(".dist-info")
        ours = path.is_relative_to(STAGE / "backend")
        if (in_metadata and path.name in TRACES) or (not ours and path.suffix in UNUSED):
            path.unlink()
        elif in_metadata and path.name == "METADATA":
            shorten(path)


def shorten(metadata: Path) -> None:
    """Keep what programs ask for; the long description is a web page for people."""
    head = metadata.read_text(encoding="utf-8").split("\n\n", 1)[0]
    kept = [
        line for line in head.split("\n") if not line.startswith(("Project-URL:", "Home-page:"))
    ]
    metadata.write_text("\n".join(kept) + "\n", encoding="utf-8")


def strip() -> None:
    """Debug sections are a third of what the native modules weigh."""
    program = shutil.which("strip")
    if program is None:
        stop("the program strip is missing; install it with: apt install binutils")
    natives = sorted(path for path in STAGE.rglob("*.so*") if path.is_file())
    run_quietly([program, "--strip-debug", *natives], log="build-strip")


def zipped(files: dict[str, bytes], *, compression: int, before: bytes = b"") -> bytes:
    """A zip of nothing but names and contents: no times, owners, modes or order of the disk."""
    buffer = io.BytesIO()
    buffer.write(before)
    with zipfile.ZipFile(buffer, "w", compression) as archive:
        for name in sorted(files):
            entry = zipfile.ZipInfo(name, ZIP_EPOCH)
            entry.create_system = 3
            entry.external_attr = 0o100644 << 16
            entry.compress_type = compression
            archive.writestr(entry, files[name], compresslevel=9)
    return buffer.getvalue()


def packed(version: str) -> bytes:
    staged = {
        path.relative_to(STAGE).as_posix(): path.read_bytes()
        for path in STAGE.rglob("*")
        if path.is_file()
    }
    payload = zipped(staged, compression=zipfile.ZIP_DEFLATED)
    main = (ROOT / ".make" / "bootstrap.py").read_text(encoding="utf-8")
    folder = f"parlor-{version}-{hashlib.sha256(payload).hexdigest()[:12]}"
    main = main.replace("@FOLDER@", folder).replace("@MACHINE@", platform.machine())
    outer = {"__main__.py": main.encode(), "payload.zip": payload}
    return zipped(outer, compression=zipfile.ZIP_STORED, before=SHEBANG)


def place(name: str, content: bytes, mode: int) -> None:
    """Replace a file in one step: a server may be running from the old one."""
    fresh = DIST / f".{name}.new"
    fresh.write_bytes(content)
    fresh.chmod(mode)
    fresh.replace(DIST / name)


def main() -> None:
    os.umask(0o022)
    name, version, _ = project()
    with timed("Packages for the file"):
        install()
        owned = sbom.owners(STAGE)
        add_front_ends()
        clean()
        strip()
    with timed(NAME):
        content = packed(version)
    checksum = hashlib.sha256(content).hexdigest()
    if len(content) > LARGEST:
        stop(f"{NAME} is {len(content) / 1e6:.1f} MB; its budget is {LARGEST / 1e6:.0f} MB")
    bill = sbom.bill(
        STAGE,
        name,
        version,
        checksum=checksum,
        npm_lock=web.WEB / "package-lock.json",
        owned=owned,
    )
    DIST.mkdir(exist_ok=True)
    place(NAME, content, 0o755)
    place(f"{NAME}.sha256", f"{checksum}  {NAME}\n".encode(), 0o644)
    place("parlor.sbom.json", bill.encode(), 0o644)
    say(f"  dist/{NAME}: {len(content) / 1e6:.1f} MB, sha256 {checksum}")


if __name__ == "__main__":
    if sys.version_info[:2] != (3, 13):
        stop(f"run {Path(__file__).name} through make: it needs the environment's Python")
    main()

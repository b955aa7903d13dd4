"""The first lines of parlor.pyz: unpack what follows once, then run it from there.

Native modules cannot be loaded out of a zip, so the file carries a second zip that is unpacked
into a folder named after its content. Later starts read nothing but this text. `package.py` fills
in the names in capitals.
"""

from __future__ import annotations

import os
import sys

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterator

ARCHIVE = os.path.dirname(os.path.abspath(__file__))
FOLDER = "@FOLDER@"
MACHINE = "@MACHINE@"
PYTHON = (3, 13)


def unsuitable() -> str | None:
    """Why this file cannot run here, in words. Must itself run on any Python 3."""
    if sys.version_info[:2] != PYTHON or sys.implementation.name != "cpython":
        return f"Parlor needs Python {PYTHON[0]}.{PYTHON[1]}; this is {sys.version.split()[0]}."
    if os.uname().machine != MACHINE:
        return f"This parlor.pyz is for {MACHINE}; this machine is {os.uname().machine}."
    return None


def places() -> Iterator[tuple[str, bool]]:
    """Folders to unpack into, the first that can be used wins; and whether it may be made."""
    env = os.environ
    if env.get("PARLOR_UNPACK_DIR"):
        yield env["PARLOR_UNPACK_DIR"], True
        return
    # An installation that was unpacked by root beside the file: its service cannot change it.
    yield os.path.join(os.path.dirname(os.path.realpath(ARCHIVE)), "unpacked"), False
    if env.get("CACHE_DIRECTORY"):
        yield env["CACHE_DIRECTORY"].split(":")[0], True
    if env.get("XDG_CACHE_HOME"):
        yield os.path.join(env["XDG_CACHE_HOME"], "parlor"), True
    home = os.path.expanduser("~")
    if os.path.isabs(home) and os.path.isdir(home):
        yield os.path.join(home, ".cache", "parlor"), True
    state = env.get("PARLOR_STATE_DIR") or env.get("STATE_DIRECTORY", "").split(":")[0] or "data"
    yield os.path.join(os.path.abspath(state), "unpacked"), True


def hold(folder: str) -> None:
    """Keep a shared lock on the folder for as long as we live, so that nobody removes it.

    Refuses a folder that somebody else could have filled.
    """
    import fcntl

    about = os.stat(folder)
    if about.st_uid not in (0, os.geteuid()) or about.st_mode & 0o022:
        raise PermissionError(f"{folder} could have been changed by somebody else")
    mark = os.open(os.path.join(folder, ".in-use"), os.O_RDONLY)
    fcntl.flock(mark, fcntl.LOCK_SH)
    if os.fstat(mark).st_nlink == 0:
        raise FileNotFoundError(f"{folder} was removed just now")


def unpack(root: str, folder: str) -> None:
    """All or nothing: the folder appears under its name when every file is in it and on the disk."""
    import fcntl
    import io
    import shutil
    import zipfile

    if sys.stderr.isatty():
        sys.stderr.write("Parlor: unpacking, once for this version ...\n")
    os.makedirs(root, exist_ok=True)
    umask = os.umask(0o022)
    try:
        with open(os.path.join(root, ".lock"), "a") as lock:
            fcntl.flock(lock, fcntl.LOCK_EX)
            if os.path.isdir(folder):
                return
            for name in os.listdir(root):
                if name.startswith(".new-") or name.startswith(".old-"):
                    shutil.rmtree(os.path.join(root, name), ignore_errors=True)
            fresh = os.path.join(root, f".new-{os.getpid()}")
            with zipfile.ZipFile(ARCHIVE) as archive:
                payload = io.BytesIO(archive.read("payload.zip"))
            with zipfile.ZipFile(payload) as inside:
                inside.extractall(fresh)
            os.close(os.open(os.path.join(fresh, ".in-use"), os.O_CREAT | os.O_WRONLY, 0o644))
            os.sync()
            os.rename(fresh, folder)
            forget_unused(root)
    finally:
        os.umask(umask)


def forget_unused(root: str) -> None:
    """Remove older versions that no process runs from."""
    import fcntl
    import shutil

    for name in os.listdir(root):
        if not name.startswith("parlor-") or name == FOLDER:
            continue
        try:
            with open(os.path.join(root, name, ".in-use"), "r+b") as mark:
                fcntl.flock(mark, fcntl.LOCK_EX | fcntl.LOCK_NB)
                old = os.path.join(root, ".old-" + name)
                os.rename(os.path.join(root, name), old)
                shutil.rmtree(old, ignore_errors=True)
        except OSError:
            continue


def unpacked() -> str:
    tried = []
    for root, may_make in places():
        folder = os.path.join(root, FOLDER)
        for last in (False, True):  # twice, because a newer version may be clearing up just now
            if not (may_make or os.path.isdir(folder)):
                break
            try:
                if not os.path.isdir(folder):
                    unpack(root, folder)
                hold(folder)
            except OSError as problem:
                if last:
                    tried.append(f"  {root}: {problem.strerror or problem}")
            else:
                return folder
    sys.exit(
        "Parlor could not unpack itself; name a folder it may write to in PARLOR_UNPACK_DIR.\n"
        "Tried:\n" + "\n".join(tried)
    )


def start() -> None:
    problem = unsuitable()
    if problem:
        sys.exit(problem)
    # Only what is in this file is imported, never packages of the machine's Python.
    machine = [
        entry
        for entry in sys.path[1:]
        if os.path.basename(entry) not in ("site-packages", "dist-packages")
    ]
    sys.path[:] = [unpacked(), *machine]

    import importlib

    sys.exit(importlib.import_module("backend.cli.main").main())


start()

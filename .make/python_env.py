"""The Python side of a checkout: uv, an interpreter that really runs, and `.venv` from a lock."""

from __future__ import annotations

import os
import re
import shutil
import sys
from pathlib import Path
from typing import TYPE_CHECKING

from steps import (
    CACHE,
    ROOT,
    answers,
    digest,
    is_current,
    locked,
    mark,
    run_quietly,
    say,
    stop,
    timed,
)

if TYPE_CHECKING:
    from collections.abc import Iterator

VENV = ROOT / ".venv"
VENV_PYTHON = VENV / "bin" / "python"
TOOLS_LOCK = ROOT / ".make" / "tools.lock"
LOCKS = {"run": ROOT / "requirements.lock", "dev": ROOT / "requirements-dev.lock"}

# What Parlor needs of an interpreter: CPython 3.13, the ordinary build (our wheels are for it),
# with the parts of the standard library that some builds leave out.
PROBE = (
    "import ctypes, lzma, sqlite3, ssl, sys, sysconfig, zlib;"
    "good = sys.version_info[:2] == (3, 13) and sys.implementation.name == 'cpython'"
    " and not sysconfig.get_config_var('Py_GIL_DISABLED');"
    "print(sys._base_executable) if good else sys.exit(1)"
)


def uv() -> Path:
    """A uv that works: the machine's, else one of our own from PyPI."""
    found = shutil.which("uv")
    if found and answers([found, "--version"]):
        return Path(found)
    home = CACHE / "uv"
    private = home / "bin" / "uv"
    if private.exists() and answers([private, "--version"]):
        return private
    if answers([sys.executable, "-c", "import ensurepip, venv"]) is None:
        stop(
            "this Python has no venv module, which the set-up needs. "
            "Install it with: apt install python3-venv"
        )
    with timed("uv (installs Python packages)"):
        shutil.rmtree(home, ignore_errors=True)
        run_quietly([sys.executable, "-m", "venv", home], log="uv-venv")
        wanted = CACHE / "uv-requirement.txt"
        wanted.write_text(locked(TOOLS_LOCK, "uv"), encoding="utf-8")
        run_quietly(
            [home / "bin" / "python", "-m", "pip", "install", "--quiet", "--no-input"]
            + ["--require-hashes", "--no-deps", "--only-binary", ":all:", "-r", wanted],
            log="uv-install",
        )
    return private


def uv_environment() -> dict[str, str]:
    """The environment as it is; uv's cache moves into the checkout when there is no usable home."""
    env = dict(os.environ)
    env["UV_NO_PROGRESS"] = "1"
    home = env.get("HOME", "")
    if not (home and os.access(home, os.W_OK)) and not env.get("XDG_CACHE_HOME"):
        env.setdefault("UV_CACHE_DIR", str(CACHE / "uv-cache"))
    return env


def _on_path(name: str) -> Iterator[str]:
    """Every program of that name: the first one is often a version manager's dead shim."""
    for folder in os.environ.get("PATH", "").split(os.pathsep):
        program = Path(folder or ".") / name
        if os.access(program, os.X_OK):
            yield str(program)


def _pyenv_roots() -> Iterator[Path]:
    if os.environ.get("PYENV_ROOT"):
        yield Path(os.environ["PYENV_ROOT"])
    if shutil.which("pyenv"):
        answer = answers(["pyenv", "root"])
        if answer:
            yield Path(answer)
    if os.environ.get("HOME"):
        yield Path(os.environ["HOME"]) / ".pyenv"


def _interpreters() -> Iterator[str]:
    yield from _on_path("python3.13")
    yield from ("/usr/bin/python3.13", "/usr/local/bin/python3.13")
    yield from _on_path("python3")
    for root in _pyenv_roots():
        yield from sorted(map(str, root.glob("versions/3.13*/bin/python")), reverse=True)
    found = answers([uv(), "python", "find", "--no-project", "3.13"])
    if found:
        yield found


def working_python() -> str | None:
    """The first interpreter that answers, as the path of the real program behind any shim."""
    seen = set()
    for program in _interpreters():
        if program not in seen:
            seen.add(program)
            answer = answers([program, "-c", PROBE])
            if answer:
                return answer
    return None


def project() -> tuple[str, str, dict[str, str]]:
    """Name, version and scripts from pyproject.toml (Python 3.9 has no TOML parser)."""
    text = (ROOT / "pyproject.toml").read_text(encoding="utf-8")
    head = text.split("[project]", 1)[1].split("\n[", 1)[0]
    scripts = text.split("[project.scripts]", 1)[1].split("\n[", 1)[0]
    name, version = (
        re.findall(rf'^{key} = "([^"]+)"', head, re.MULTILINE)[0] for key in ("name", "version")
    )
    return name, version, dict(re.findall(r'^([\w-]+) = "([^"]+)"', scripts, re.MULTILINE))


def _make_venv() -> None:
    if VENV_PYTHON.exists() and answers([VENV_PYTHON, "-c", PROBE]):
        return
    python = working_python()
    installer = uv()
    title = "Python environment" if python else "Python 3.13 (downloaded) and its environment"
    with timed(title):
        run_quietly(
            [installer, "venv", "--no-project", "--clear", "--python", python or "3.13", VENV],
            log="venv",
            env=uv_environment(),
            advice=""
            if python
            else "No Python 3.13 was found on this machine and none could be downloaded. Install "
            "one (Debian 13: apt install python3.13; elsewhere: pyenv install 3.13) and try again.",
        )


def _link_checkout(name: str, version: str, scripts: dict[str, str]) -> None:
    """What an editable install leaves behind, written directly: no build tool is needed for it."""
    site = next((VENV / "lib").glob("python3.13")) / "site-packages"
    for old in site.glob(f"{name}-*.dist-info"):
        shutil.rmtree(old)
    info = site / f"{name}-{version}.dist-info"
    info.mkdir()
    pth = site / f"{name}-checkout.pth"
    programs = [VENV / "bin" / script for script in scripts]
    pth.write_text(f"{ROOT}\n", encoding="utf-8")
    for program, target in zip(programs, scripts.values()):
        module, function = target.split(":")
        # The shell finds the interpreter: a shebang can hold neither spaces nor a long path.
        program.write_text(
            f"#!/bin/sh\n'''exec' '{VENV_PYTHON}' \"$0\" \"$@\"\n' '''\n"
            f"import sys\n\nfrom {module} import {function}\n\nsys.exit({function}())\n",
            encoding="utf-8",
        )
        program.chmod(0o755)
    entries = "\n".join(f"{script} = {target}" for script, target in scripts.items())
    texts = {
        "METADATA": f"Metadata-Version: 2.4\nName: {name}\nVersion: {version}\n",
        "INSTALLER": "make\n",
        "entry_points.txt": f"[console_scripts]\n{entries}\n",
    }
    for file, text in texts.items():
        (info / file).write_text(text, encoding="utf-8")
    ours = [*(info / file for file in texts), info / "RECORD", pth, *programs]
    record = "".join(f"{os.path.relpath(path, site)},,\n" for path in ours)
    (info / "RECORD").write_text(record, encoding="utf-8")


def python_packages(kind: str) -> None:
    """Make `.venv` hold what a lock names: `run` for the product, `dev` for everything.

    An environment with the development set also runs the product, so that `make run` after
    `make test` changes nothing.
    """
    name, version, scripts = project()
    values = {
        which: digest(lock.read_bytes(), str(ROOT), name, version, repr(sorted(scripts.items())))
        for which, lock in LOCKS.items()
    }
    stamp = VENV / ".parlor-packages"
    good_enough = ["dev"] if kind == "dev" else ["run", "dev"]
    if (
        any(is_current(stamp, values[which]) for which in good_enough)
        and VENV_PYTHON.exists()
        and answers([VENV_PYTHON, "-c", ""]) is not None
    ):
        return
    lock = LOCKS[kind]
    _make_venv()
    count = sum("==" in line for line in lock.read_text(encoding="utf-8").splitlines())
    stamp.unlink(missing_ok=True)
    with timed(f"Python packages ({count} from {lock.name})"):
        run_quietly(
            [uv(), "pip", "sync", "--python", VENV_PYTHON, "--require-hashes"]
            + ["--compile-bytecode", lock],
            log="python-packages",
            env=uv_environment(),
        )
        _link_checkout(name, version, scripts)
    mark(stamp, values[kind])


def compile_locks(*, upgrade: bool) -> None:
    """Compile every lock again: hashes, but no address of any package index."""
    base: list[object] = [uv(), "pip", "compile", "--quiet", "--universal", "--generate-hashes"]
    base += ["--no-emit-index-url", "--no-header", "--no-annotate"]
    base += ["--upgrade"] if upgrade else []
    project_file = ROOT / "pyproject.toml"
    for lock, source in (
        (LOCKS["run"], ["--python-version", "3.13", project_file]),
        (LOCKS["dev"], ["--python-version", "3.13", "--group", "dev", project_file]),
        (TOOLS_LOCK, ["--python-version", "3.9", "--group", f"{project_file}:tools"]),
    ):
        with timed(lock.name):
            run_quietly([*base, *source, "-o", lock], log=f"lock-{lock.stem}", env=uv_environment())
    say("  Look at the difference before you commit it.")

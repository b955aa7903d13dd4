"""Running the set-up's steps: one line each, the time it took, and what went wrong in full.

Everything in this folder but `package.py`, `sbom.py` and `bootstrap.py` runs on the machine's own
Python (3.9 or newer) with its standard library alone, because it runs before anything of ours
is installed.
"""

from __future__ import annotations

import contextlib
import fcntl
import hashlib
import os
import subprocess
import sys
import threading
import time
from pathlib import Path
from typing import TYPE_CHECKING, NoReturn

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping, Sequence

ROOT = Path(__file__).resolve().parent.parent
CACHE = ROOT / ".cache"
STAMPS = CACHE / "stamps"
LOGS = CACHE / "logs"
HEARTBEAT = 15.0
TAIL = 40


def say(text: str = "") -> None:
    print(text, flush=True)


def stop(text: str) -> NoReturn:
    """End with one sentence instead of a traceback."""
    sys.stdout.flush()
    sys.exit(f"\nparlor: {text}")


@contextlib.contextmanager
def timed(title: str) -> Iterator[None]:
    """Say what is being done, that it still is, and how long it took."""
    started = time.monotonic()
    finished = threading.Event()

    def beat() -> None:
        while not finished.wait(HEARTBEAT):
            say(f"  ... {title}: still working after {time.monotonic() - started:.0f} s")

    say(f"  {title} ...")
    pulse = threading.Thread(target=beat, daemon=True)
    pulse.start()
    try:
        yield
    finally:
        finished.set()
        pulse.join()
    say(f"  {title}: done in {time.monotonic() - started:.1f} s")


def run_quietly(
    command: Sequence[object],
    *,
    log: str,
    cwd: Path = ROOT,
    env: Mapping[str, str] | None = None,
    advice: str = "",
) -> None:
    """Run a command into a log file; when it fails, show the log's end and stop."""
    LOGS.mkdir(parents=True, exist_ok=True)
    path = LOGS / f"{log}.log"
    words = [str(word) for word in command]
    with path.open("w", encoding="utf-8") as output:
        output.write("$ " + " ".join(words) + "\n")
        output.flush()
        try:
            code = subprocess.run(
                words,
                cwd=cwd,
                env={**(os.environ if env is None else env), "NO_COLOR": "1"},
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=subprocess.STDOUT,
                check=False,
            ).returncode
        except OSError as problem:
            stop(f"{words[0]} could not be started: {problem}")
    if code != 0:
        lines = path.read_text(encoding="utf-8", errors="replace").splitlines()
        say("\n".join("    " + line for line in lines[-TAIL:]))
        said = f"this step failed (exit code {code}); all of its output is in {path}"
        stop(f"{said}\n{advice}" if advice else said)


def answers(command: Sequence[object], *, seconds: float = 20) -> str | None:
    """What a command prints, or None when it is missing or does not work."""
    try:
        done = subprocess.run(
            [str(word) for word in command],
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            timeout=seconds,
            check=False,
        )
    except (OSError, subprocess.TimeoutExpired):
        return None
    return done.stdout.decode(errors="replace").strip() if done.returncode == 0 else None


def digest(*parts: str | bytes) -> str:
    total = hashlib.sha256()
    for part in parts:
        data = part.encode() if isinstance(part, str) else part
        total.update(len(data).to_bytes(8, "big") + data)
    return total.hexdigest()


def digest_of_files(folder: Path, files: Iterable[Path]) -> str:
    """One hash over names and contents, so a checkout that only touched times changes nothing."""
    return digest(
        *(
            part
            for path in sorted(files)
            for part in (path.relative_to(folder).as_posix(), path.read_bytes())
        )
    )


def is_current(stamp: Path, value: str) -> bool:
    try:
        return stamp.read_text(encoding="utf-8") == value
    except OSError:
        return False


def mark(stamp: Path, value: str) -> None:
    stamp.parent.mkdir(parents=True, exist_ok=True)
    stamp.write_text(value, encoding="utf-8")


@contextlib.contextmanager
def one_at_a_time() -> Iterator[None]:
    """Two `make` in one checkout must not install into the same folder at once."""
    CACHE.mkdir(exist_ok=True)
    with (CACHE / "setup.lock").open("a") as lock:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError:
            say("  waiting for another set-up in this checkout to finish ...")
            fcntl.flock(lock, fcntl.LOCK_EX)
        yield


def wants_everything() -> bool:
    """True where a test that cannot be run is a failure (a build server)."""
    return any(os.environ.get(name, "") not in ("", "0") for name in ("CI", "PARLOR_REQUIRE_ALL"))


def locked(lock: Path, name: str) -> str:
    """The lines of one package in a hashed lock file."""
    lines = lock.read_text(encoding="utf-8").splitlines()
    start = next(i for i, line in enumerate(lines) if line.startswith(f"{name}=="))
    end = start + 1
    while end < len(lines) and lines[end].startswith(" "):
        end += 1
    return "\n".join(lines[start:end]) + "\n"

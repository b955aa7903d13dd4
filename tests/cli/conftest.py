"""`parlor` as a real process, in an empty folder, with nothing but what a test sets."""

import os
import re
import select
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

import httpx2
import pytest

PARLOR = str(Path(sys.executable).with_name("parlor"))
PATIENCE = 15
PASSWORD = "correct horse"

type Run = Callable[..., subprocess.CompletedProcess[str]]


@pytest.fixture
def home(tmp_path: Path) -> Path:
    folder = tmp_path / "home"
    folder.mkdir()
    return folder


@pytest.fixture
def environment(tmp_path: Path, home: Path) -> dict[str, str]:
    return {
        "PATH": os.environ["PATH"],
        "HOME": str(home),
        "PARLOR_STATE_DIR": str(tmp_path / "state"),
        "TERM": "dumb",
        "NO_COLOR": "1",
    }


@pytest.fixture
def run(home: Path, environment: dict[str, str]) -> Run:
    """Run one command to its end."""

    def finished(*words: str, given: str = "", **more: str) -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            [PARLOR, *words],
            cwd=home,
            env=environment | more,
            input=given,
            capture_output=True,
            text=True,
            timeout=PATIENCE,
            check=False,
        )

    return finished


class Server:
    """A running `parlor serve`."""

    def __init__(self, process: subprocess.Popen[bytes], folder: Path) -> None:
        self.process = process
        self._out, self._err = folder / "stdout", folder / "stderr"
        announced = self._wait_for(r"running at (\S+)")
        self.address = announced[1]

    @property
    def stdout(self) -> str:
        return self._out.read_text()

    @property
    def stderr(self) -> str:
        return self._err.read_text()

    @property
    def setup_code(self) -> str:
        return self._wait_for(r"/setup#code=(\S+)")[1]

    def make_owner(self, name: str = "anna", **client: Any) -> dict[str, str]:
        """Through the link that was printed; returns the cookie."""
        body = {"code": self.setup_code, "username": name, "password": PASSWORD}
        with httpx2.Client(base_url=self.address, **client) as browser:
            made = browser.post("/api/auth/register", json=body)
            assert made.status_code == 201, made.text
            return dict(browser.cookies)

    def _wait_for(self, pattern: str) -> re.Match[str]:
        end = time.monotonic() + PATIENCE
        while time.monotonic() < end:
            if found := re.search(pattern, self.stdout):
                return found
            if self.process.poll() is not None:
                break
            time.sleep(0.01)
        raise AssertionError(f"no {pattern!r} in {self.stdout!r}; {self.stderr}")


@contextmanager
def started(environment: dict[str, str], folder: Path, *words: str) -> Iterator[Server]:
    with (folder / "stdout").open("wb") as out, (folder / "stderr").open("wb") as err:
        process = subprocess.Popen(
            [PARLOR, "serve", "--port", "0", *words],
            cwd=folder,
            env=environment | {"PARLOR_DRAIN_SECONDS": "0"},
            stdin=subprocess.DEVNULL,
            stdout=out,
            stderr=err,
        )
    try:
        yield Server(process, folder)
    finally:
        process.send_signal(signal.SIGTERM)
        try:
            process.wait(PATIENCE)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()


@pytest.fixture
def server(environment: dict[str, str], tmp_path: Path) -> Iterator[Server]:
    with started(environment, tmp_path) as running:
        yield running


class Terminal:
    """A program at a terminal, and a person who reads and types."""

    def __init__(self, environment: dict[str, str], folder: Path, *command: str) -> None:
        self._screen, line = os.openpty()
        # The program's terminal must be its own, or Ctrl-C would reach nobody.
        take_it = "import os, sys; os.login_tty(0); os.execv(sys.argv[1], sys.argv[1:])"
        self.process = subprocess.Popen(
            [sys.executable, "-c", take_it, *command],
            cwd=folder,
            env=environment,
            stdin=line,
            stdout=line,
            stderr=line,
        )
        os.close(line)
        self.seen = ""
        self._read = 0

    def types(self, text: str) -> None:
        os.write(self._screen, text.encode())

    def shows(self, words: str) -> None:
        """Wait for words after those that were waited for last."""
        end = time.monotonic() + PATIENCE
        while words not in self.seen[self._read :]:
            left = end - time.monotonic()
            if left <= 0 or not self._more(left):
                raise AssertionError(f"no {words!r} after {self.seen[self._read :]!r}")
        self._read = self.seen.index(words, self._read) + len(words)

    def is_interrupted(self) -> int:
        """Ctrl-C until the program has gone: one that comes between a prompt and the reading
        behind it is noticed with the next key only."""
        for _ in range(5):
            self.types("\x03")
            with suppress(subprocess.TimeoutExpired):
                return self.process.wait(3)
        return self.leaves()

    def leaves(self) -> int:
        """Wait for the end of the program."""
        while self._more(PATIENCE):
            pass
        return self.process.wait(PATIENCE)

    def _more(self, seconds: float) -> bool:
        if not select.select([self._screen], [], [], seconds)[0]:
            return False
        with suppress(OSError):  # how Linux says that the other side has gone
            data = os.read(self._screen, 65536)
            self.seen += data.decode("utf-8", "replace")
            return bool(data)
        return False

    def close(self) -> None:
        if self.process.poll() is None:
            self.process.kill()
            self.process.wait()
        os.close(self._screen)


@pytest.fixture
def terminal(environment: dict[str, str], home: Path) -> Iterator[Callable[..., Terminal]]:
    opened: list[Terminal] = []

    def start(*words: str) -> Terminal:
        opened.append(Terminal(environment, home, PARLOR, *words))
        return opened[-1]

    yield start
    for one in opened:
        one.close()

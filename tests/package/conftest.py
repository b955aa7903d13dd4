"""The built file as somebody without a checkout has it.

These tests need `dist/parlor.pyz`, so `make test-build` makes it and names it in PARLOR_FILE;
an ordinary test run does not see this folder.
"""

import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from http.client import HTTPConnection, HTTPException
from pathlib import Path

import pytest

collect_ignore_glob = [] if "PARLOR_FILE" in os.environ else ["*"]

READY_WITHIN = 20.0


@dataclass(frozen=True)
class Started:
    """A server that answers: how long that took, where, and as which process."""

    seconds: float
    port: int
    process: subprocess.Popen[bytes]

    def get(self, path: str) -> tuple[int, bytes]:
        connection = HTTPConnection("127.0.0.1", self.port, timeout=5)
        try:
            connection.request("GET", path)
            response = connection.getresponse()
            return response.status, response.read()
        finally:
            connection.close()

    def answers(self) -> bool:
        try:
            return self.get("/health")[0] == 200
        except (OSError, HTTPException):
            return False


type Start = Callable[..., Started]


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


@pytest.fixture(scope="session")
def file() -> Path:
    return Path(os.environ["PARLOR_FILE"]).resolve()


@pytest.fixture
def home(tmp_path: Path) -> Path:
    folder = tmp_path / "home"
    folder.mkdir()
    return folder


@pytest.fixture
def empty(tmp_path: Path) -> Path:
    """An empty folder to start in."""
    folder = tmp_path / "somewhere"
    folder.mkdir()
    return folder


@pytest.fixture
def start(empty: Path) -> Iterator[Start]:
    """Start a server command and wait for its first answer; all are ended after the test."""
    running: list[subprocess.Popen[bytes]] = []

    def begin(command: list[str | Path], *, env: dict[str, str]) -> Started:
        port = free_port()
        words = [str(word) for word in command] + ["--host", "127.0.0.1", "--port", str(port)]
        began = time.perf_counter()
        with (empty.parent / f"server-{len(running)}.log").open("wb") as log:
            process = subprocess.Popen(words, cwd=empty, env=env, stdout=log, stderr=log)
        running.append(process)
        server = Started(0, port, process)
        while not server.answers():
            spent = time.perf_counter() - began
            if process.poll() is not None or spent > READY_WITHIN:
                pytest.fail(f"no answer after {spent:.1f} s: {Path(log.name).read_text()}")
            time.sleep(0.002)
        return Started(time.perf_counter() - began, port, process)

    yield begin
    for process in running:
        process.send_signal(signal.SIGTERM)
    for process in running:
        try:
            process.wait(timeout=10)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()


type Run = Callable[..., subprocess.CompletedProcess[str]]


@pytest.fixture
def run(file: Path, empty: Path) -> Run:
    """Run one command of the file to its end."""

    def finished(*words: str, env: dict[str, str]) -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            [sys.executable, file, *words],
            cwd=empty,
            env=env,
            capture_output=True,
            text=True,
            timeout=30,
            check=False,
        )

    return finished

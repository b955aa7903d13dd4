"""Starting, watching and surely ending the processes of a run."""

import contextlib
import http.client
import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterator, Mapping
from pathlib import Path

import orjson

from tests.bench.jobs import Job, Outcome

ROOT = Path(__file__).resolve().parents[2]
_TICK = os.sysconf("SC_CLK_TCK")


class BenchError(Exception):
    """The run cannot go on."""


class InvalidRunError(BenchError):
    """An answer was incomplete or wrong, so its times mean nothing."""


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def environment(**extra: str) -> dict[str, str]:
    """A small, known environment; byte code may be cached, as on any real machine."""
    kept = {name: os.environ[name] for name in ("PATH", "LANG", "TMPDIR") if name in os.environ}
    return {**kept, "PYTHONPATH": str(ROOT), **extra}


class Server:
    """One process of ours and what the kernel knows about it."""

    def __init__(
        self, command: list[str], log: Path, port: int, *, env: Mapping[str, str] | None = None
    ) -> None:
        self.log = log
        self.port = port
        self.started = time.monotonic()
        with log.open("ab") as out:
            self.process = subprocess.Popen(
                command,
                stdin=subprocess.DEVNULL,
                stdout=out,
                stderr=out,
                env=dict(env or environment()),
                cwd=ROOT,
                start_new_session=True,
            )
        self.pid = self.process.pid

    def ready(self, path: str = "/health", deadline: float = 30) -> float:
        """Seconds from the start of the process to its first good answer."""
        while time.monotonic() - self.started < deadline:
            if self.process.poll() is not None:
                raise BenchError(f"ended with {self.process.returncode}: {self.said()}")
            if answers(self.port, path):
                return time.monotonic() - self.started
            time.sleep(0.004)
        raise BenchError(f"no answer within {deadline} s: {self.said()}")

    def said(self) -> str:
        return self.log.read_text(errors="replace")[-1500:]

    def cpu(self) -> float:
        """User and system seconds so far."""
        fields = Path(f"/proc/{self.pid}/stat").read_text().rpartition(")")[2].split()
        return (int(fields[11]) + int(fields[12])) / _TICK

    def memory(self) -> float:
        """Resident megabytes, shared pages counted in full."""
        for line in Path(f"/proc/{self.pid}/smaps_rollup").read_text().splitlines():
            if line.startswith("Rss:"):
                return int(line.split()[1]) / 1024
        raise BenchError("no Rss line in smaps_rollup")

    def stop(self) -> None:
        if self.process.poll() is not None:
            return
        self.process.send_signal(signal.SIGTERM)
        with contextlib.suppress(subprocess.TimeoutExpired):
            self.process.wait(5)
            return
        self.process.kill()
        self.process.wait(5)


@contextlib.contextmanager
def running(
    command: list[str], log: Path, port: int, *, env: Mapping[str, str] | None = None
) -> Iterator[Server]:
    server = Server(command, log, port, env=env)
    try:
        yield server
    finally:
        server.stop()


def answers(port: int, path: str) -> bool:
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=5)
    try:
        connection.request("GET", path)
        return connection.getresponse().status == 200
    except (OSError, http.client.HTTPException):
        return False
    finally:
        connection.close()


class LoadClient:
    """The process that asks; it outlives the rounds so that its own start is not measured."""

    def __init__(self, log: Path) -> None:
        with log.open("ab") as out:
            self.process = subprocess.Popen(
                [sys.executable, "-m", "tests.bench.loadclient"],
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=out,
                env=environment(),
                cwd=ROOT,
                start_new_session=True,
            )
        self.log = log
        self.busiest = 0.0

    def begin(self, job: Job) -> None:
        """Send the job and return at once; `end` waits for its outcome."""
        assert self.process.stdin
        self.process.stdin.write(orjson.dumps(job.dump()) + b"\n")
        self.process.stdin.flush()

    def end(self) -> Outcome:
        assert self.process.stdout
        line = self.process.stdout.readline()
        if not line:
            raise BenchError(f"the load client died: {self.log.read_text()[-1500:]}")
        result = Outcome(**orjson.loads(line))
        if result.problem:
            raise InvalidRunError(result.problem)
        if result.seconds > 0.2:
            self.busiest = max(self.busiest, result.cpu_share)
        return result

    def run(self, job: Job) -> Outcome:
        self.begin(job)
        return self.end()

    def stop(self) -> None:
        if self.process.stdin:
            self.process.stdin.close()
        with contextlib.suppress(subprocess.TimeoutExpired):
            self.process.wait(3)
            return
        self.process.kill()
        self.process.wait(3)


@contextlib.contextmanager
def load_client(log: Path) -> Iterator[LoadClient]:
    client = LoadClient(log)
    try:
        yield client
    finally:
        client.stop()

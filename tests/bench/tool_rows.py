"""The rows about tools: a call through Parlor against the SDK's own client, and the shipped servers."""

import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from statistics import median

import orjson

from backend.mcp_servers.shipped import SHIPPED, named
from tests.bench.processes import BenchError, Server, answers, environment, running
from tests.bench.report import Report

CALLS = 200
OFFSETS = tuple(server.offset for server in SHIPPED)
ECHO = named("test-toolkit").offset


@contextmanager
def servers(folder: Path) -> Iterator[tuple[Server, int]]:
    """`parlor mcp serve` with all that is shipped, and its base port."""
    state = folder / "tools"
    state.mkdir(exist_ok=True)
    base = _free_base()
    env = environment(HOME=str(state), PARLOR_STATE_DIR=str(state), PARLOR_MCP_BASE_PORT=str(base))
    command = [sys.executable, "-m", "backend", "mcp", "serve"]
    with running(command, folder / "tools.log", base + ECHO, env=env) as server:
        yield server, base


def shipped(report: Report, folder: Path) -> None:
    """All in one process: time until each of them answers, and what it holds then."""
    seconds, memory = [], []
    for number in range(report.rounds + 1):
        with servers(folder) as (server, base):
            server.ready()
            for offset in OFFSETS:
                _wait_for(server, base + offset)
            if number:
                seconds.append(time.monotonic() - server.started)
                memory.append(server.memory())
    words = f"{len(OFFSETS)} servers in one process"
    report.add("tools.start", median(seconds), words)
    report.add("tools.memory", median(memory), words)


def calls(report: Report, folder: Path) -> None:
    """In turns in one process, to the same server; what Parlor adds is the difference."""
    with servers(folder) as (server, base):
        server.ready()
        ours, sdk = [], []
        for number in range(report.rounds + 1):
            found = _compare(f"http://127.0.0.1:{base + ECHO}/mcp")
            if number:
                ours.append(found["parlor"] - found["sdk"])
                sdk.append(found["sdk"])
    report.add("tools.call", median(ours), f"the SDK's own client {median(sdk):.1f} ms")


def _compare(url: str) -> dict[str, float]:
    command = [sys.executable, "-m", "tests.bench.tool_calls", url, str(CALLS)]
    done = subprocess.run(command, env=environment(), capture_output=True, timeout=60, check=False)
    if done.returncode:
        raise BenchError(done.stderr.decode(errors="replace")[-1500:])
    found: dict[str, float] = orjson.loads(done.stdout.splitlines()[-1])  # after the log
    return found


def _wait_for(server: Server, port: int) -> None:
    while not answers(port, "/health"):
        if time.monotonic() - server.started > 30:
            raise BenchError(f"no answer on {port}: {server.said()}")
        time.sleep(0.004)


def _free_base() -> int:
    """Above it, the ports of all servers are free: below those that the kernel gives to others."""
    for base in range(20_000, 30_000, 50):
        try:
            for offset in OFFSETS:
                socket.create_server(("127.0.0.1", base + offset)).close()
        except OSError:
            continue
        return base
    raise BenchError("there are not enough free ports in a row")

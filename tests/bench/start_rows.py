"""The rows about starting: the checkout and the file against a bare app, and the file's size."""

import sys
from pathlib import Path
from statistics import median

from tests.bench.parlor import serve_command, serve_environment
from tests.bench.processes import ROOT, environment, free_port, running
from tests.bench.report import Report

FILE = ROOT / "dist" / "parlor.pyz"


def uvicorn_command(app: str, port: int) -> list[str]:
    return [
        *(sys.executable, "-m", "uvicorn", app, "--host", "127.0.0.1", "--port", str(port)),
        *("--loop", "uvloop", "--http", "httptools", "--no-access-log", "--log-level", "warning"),
    ]


def start_once(command: list[str], port: int, env: dict[str, str], log: Path) -> float:
    with running(command, log, port, env=env) as server:
        return server.ready()


def bare_start(folder: Path) -> float:
    port = free_port()
    command = uvicorn_command("tests.bench.bare:app", port)
    return start_once(command, port, environment(), folder / "bare-start.log")


def warm_start(report: Report, folder: Path, upstream: int) -> None:
    state = folder / "start"
    state.mkdir()
    env = serve_environment(state, upstream)
    ours, bare = [], []
    for number in range(report.rounds + 1):
        port = free_port()
        seconds = start_once(serve_command(port), port, env, folder / "start.log")
        other = bare_start(folder)
        if number:
            ours.append(seconds)
            bare.append(other)
    words = f"{median(ours):.2f} s; bare {median(bare):.2f} s"
    report.add("start.warm", median(ours) - median(bare), words)


def file_start(report: Report, folder: Path, upstream: int) -> None:
    if not FILE.exists():
        report.skip(("start.file", "start.fresh", "file.size"), "dist/parlor.pyz is not built")
        return
    report.add("file.size", FILE.stat().st_size / 1e6, f"{FILE.stat().st_size:,} bytes")
    state = folder / "file"
    state.mkdir()
    env = serve_environment(state, upstream, SHIV_ROOT=str(folder / "unpacked"))
    del env["PYTHONPATH"]
    times, bare = [], []
    for number in range(report.rounds + 1):
        port = free_port()
        command = [sys.executable, str(FILE), "serve", "--host", "127.0.0.1", "--port", str(port)]
        times.append(start_once(command, port, env, folder / "file.log"))
        if number:
            bare.append(bare_start(folder))
    if not report.quick:
        report.add("start.fresh", times[0], f"warm {median(times[1:]):.2f} s")
    words = f"{median(times[1:]):.2f} s; bare {median(bare):.2f} s"
    report.add("start.file", median(times[1:]) - median(bare), words)

"""`python -m tests.bench`: every row, at least five rounds. `--quick`: gross regressions only."""

import argparse
import shutil
import signal
import sys
import tempfile
from collections.abc import Callable
from contextlib import ExitStack
from pathlib import Path
from types import FrameType

from tests.bench import chat_rows, page_rows, seed, start_rows, tool_rows, turn_rows
from tests.bench.parlor import Parlor, parlor
from tests.bench.processes import (
    ROOT,
    BenchError,
    InvalidRunError,
    LoadClient,
    environment,
    free_port,
    load_client,
    running,
)
from tests.bench.report import Report

UPSTREAM_WORKERS = 2
ROWS_OF = {
    "starts": ("start.warm", "start.file", "start.fresh", "file.size"),
    "chat": (
        *("c1.p50", "c1.p99", "c50.p50", "c50.p99", "c50.delay", "memory.c50", "memory.idle"),
        *("c200.p50", "c200.p99", "c200.rate", "c200.cpu", "sat.rate"),
        *("resume.ended", "resume.running", "followers.memory", "followers.cpu"),
    ),
    "pages": (
        *("list.time", "list.bare", "open.time", "search.p95", "models.time", "static.rate"),
        "tool.hop",
    ),
    "tools": ("tools.call", "tools.start", "tools.memory"),
    "turns": ("memory.after",),
}
STATIC = ROOT / "frontend" / "chat" / "dist"


class Bench:
    """What every scenario needs: the report, the folder, the client, the fake upstream."""

    def __init__(self, report: Report, folder: Path, stack: ExitStack) -> None:
        self.report = report
        self.folder = folder
        self.client: LoadClient = stack.enter_context(load_client(folder / "client.log"))
        self.upstream = free_port()
        command = [sys.executable, "-m", "tests.bench.upstream", str(self.upstream)]
        for number in range(UPSTREAM_WORKERS):
            log = folder / f"upstream-{number}.log"
            server = stack.enter_context(running(command, log, self.upstream))
            server.ready("/v1/models")

    def attempt(self, keys: tuple[str, ...], work: Callable[[], None]) -> None:
        """A scenario that cannot run leaves its rows unmeasured; the others still count."""
        try:
            work()
        except InvalidRunError as error:
            self.report.invalid(keys, str(error))
        except (BenchError, OSError, KeyError, ValueError, LookupError) as error:
            self.report.skip(keys, f"{type(error).__name__}: {error}")
            self.report.say(f"not measured: {', '.join(keys)}: {error}")

    def chat(self) -> None:
        """Streams of one server that has done nothing else, then what hangs on to a turn."""
        report, client = self.report, self.client
        with ExitStack() as stack:
            port = free_port()
            env = environment(BENCH_UPSTREAM=f"http://127.0.0.1:{self.upstream}/v1")
            command = start_rows.uvicorn_command("tests.bench.relay:app", port)
            log = self.folder / "relay.log"
            relay = stack.enter_context(running(command, log, port, env=env))
            relay.ready()
            ours = stack.enter_context(parlor(self.folder, self.upstream))
            self.attempt(("memory.idle",), lambda: turn_rows.idle_memory(report, ours))
            among = chat_rows.targets(self.upstream, relay, ours)
            keys = ("c1.p50", "c1.p99", "c50.p50", "c50.p99", "c50.delay", "memory.c50")
            keys += ("c200.p50", "c200.p99", "c200.rate", "c200.cpu", "sat.rate")
            self.attempt(keys, lambda: chat_rows.streams(report, client, among, ours))
            keys = ("resume.ended", "resume.running")
            self.attempt(keys, lambda: turn_rows.resume(report, client, ours))
        # A fresh server: one that has carried load holds memory that followers would only reuse.
        with parlor(self.folder, self.upstream, name="followers") as ours:
            keys = ("followers.memory", "followers.cpu")
            self.attempt(keys, lambda: turn_rows.followers(report, client, ours))

    def pages(self) -> None:
        """A server with a long history; its demo tools give the echo tool of the tool hop."""
        with parlor(self.folder, self.upstream, name="pages"):
            pass
        report = self.report
        report.say("seeding 1,000 conversations")
        seed.fill(self.folder / "pages", everything=not report.quick)
        folder = self.folder / "bytes"
        folder.mkdir()
        port = free_port()
        env = environment(BENCH_PAGES=str(folder))
        if STATIC.exists():
            env["BENCH_STATIC"] = str(STATIC)
        command = start_rows.uvicorn_command("tests.bench.bare:app", port)
        tools = {"PARLOR_CHAT_DEMO_TOOLS": "true"}
        with (
            running(command, self.folder / "bare.log", port, env=env) as bare,
            parlor(self.folder, self.upstream, name="pages", **tools) as ours,
        ):
            bare.ready()
            self.page_rows(ours, port, folder)

    def page_rows(self, ours: Parlor, bare: int, folder: Path) -> None:
        report, client = self.report, self.client
        self.attempt(
            ("list.time", "list.bare", "open.time"),
            lambda: page_rows.lists(report, client, ours, bare, folder),
        )
        self.attempt(("models.time",), lambda: page_rows.models(report, client, ours, bare, folder))
        if not report.quick:
            self.attempt(("search.p95",), lambda: page_rows.search(report, client, ours))
        if STATIC.exists():
            self.attempt(("static.rate",), lambda: page_rows.static(report, client, ours, bare))
        else:
            report.skip(("static.rate",), "frontend/chat is not built")
        self.attempt(("tool.hop",), lambda: turn_rows.tool_hop(report, client, ours, self.upstream))

    def starts(self) -> None:
        report = self.report
        self.attempt(
            ("start.warm",), lambda: start_rows.warm_start(report, self.folder, self.upstream)
        )
        self.attempt(
            ("start.file", "start.fresh", "file.size"),
            lambda: start_rows.file_start(report, self.folder, self.upstream),
        )

    def tools(self) -> None:
        """Servers that serve nothing else meanwhile."""
        report, folder = self.report, self.folder
        keys = ("tools.start", "tools.memory")
        self.attempt(keys, lambda: tool_rows.shipped(report, folder))
        self.attempt(("tools.call",), lambda: tool_rows.calls(report, folder))

    def turns(self) -> None:
        with parlor(self.folder, self.upstream, name="turns") as ours:
            turn_rows.many_turns(self.report, self.client, ours)


def run(report: Report, folder: Path, only: str) -> None:
    with ExitStack() as stack:
        bench = Bench(report, folder, stack)
        groups: dict[str, Callable[[], None]] = {
            "starts": bench.starts,
            "chat": bench.chat,
            "pages": bench.pages,
            "tools": bench.tools,
            "turns": bench.turns,
        }
        for name, work in groups.items():
            if only and name not in only.split(","):
                report.left_out.update(ROWS_OF[name])
                continue
            if name == "turns" and report.quick:
                continue
            bench.attempt(ROWS_OF[name], work)


def main() -> int:
    parser = argparse.ArgumentParser(prog="python -m tests.bench", description=__doc__)
    parser.add_argument("--quick", action="store_true", help="few rounds; fail at 2 x the budget")
    parser.add_argument("--rounds", type=int, default=0, help="rounds that count (default 5 or 2)")
    parser.add_argument(
        "--only", default="", help="starts,chat,pages,tools,turns: some groups only"
    )
    parser.add_argument("--json", type=Path, default=ROOT / "dist" / "bench.json")
    parser.add_argument("--keep", action="store_true", help="keep logs and databases")
    given = parser.parse_args()
    signal.signal(signal.SIGTERM, interrupt)
    report = Report(quick=given.quick, rounds=given.rounds or (2 if given.quick else 5))
    folder = Path(tempfile.mkdtemp(prefix="parlor-bench-"))
    try:
        run(report, folder, given.only)
    except KeyboardInterrupt:
        print("interrupted: every process has been ended")
        return 130
    finally:
        if given.keep:
            print(f"logs and databases: {folder}")
        else:
            shutil.rmtree(folder, ignore_errors=True)
    print(f"\n{report.table()}")
    report.write(given.json)
    print(f"\nwritten: {given.json}")
    return int(report.failed)


def interrupt(_signal: int, _frame: FrameType | None) -> None:
    raise KeyboardInterrupt


if __name__ == "__main__":
    sys.exit(main())

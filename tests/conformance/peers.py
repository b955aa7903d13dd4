"""Servers that nobody here wrote, unmodified, through Parlor's registry file and toolbox:
`python -m tests.conformance.peers`. Prints a table; nothing outside this machine is contacted."""

import asyncio
import os
import select
import signal
import socket
import sys
import tempfile
import traceback
from collections.abc import AsyncGenerator, Awaitable, Callable, Mapping
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import IO, Any

import uvloop

from backend.kit.log import configure_logging
from tests.conformance import peer_checks as checks
from tests.conformance.household import Household, household
from tests.conformance.peer_bench import Bench, answer
from tests.conformance.peer_install import PEERS, install, node_program, python_program
from tests.fakes.site import FakeSite

SECRETS = {"OPENROUTER_API_KEY": "sk-or-not-for-peers", "PARLOR_API_KEY": "not-for-peers"}
NO_NODE = {"PATH": "/nonexistent"}
"""Where fetch finds a Node it wants packages for it that it does not bring."""
LONGEST = 100.0
"""Seconds for one peer."""

type Check = Callable[[Bench], Awaitable[None]]


@dataclass
class Peer:
    """`serves`: a program of its own, which speaks HTTP; without, Parlor starts `entry`."""

    id: str
    over: str
    entry: dict[str, Any]
    checks: tuple[Check, ...]
    serves: list[str] = field(default_factory=list)
    port: int = 0
    process: asyncio.subprocess.Process | None = None

    async def start(self) -> None:
        """Its own process group, so that what it starts is ended with it."""
        with tempfile.TemporaryFile() as said:
            self.process = await asyncio.create_subprocess_exec(
                *self.serves,
                env={"PATH": os.environ["PATH"], "PORT": str(self.port), "HOME": str(PEERS)},
                stdin=asyncio.subprocess.DEVNULL,
                stdout=said,
                stderr=said,
                start_new_session=True,
            )
            await self._listening(self.process, said)

    async def _listening(self, process: asyncio.subprocess.Process, said: IO[bytes]) -> None:
        async with asyncio.timeout(20):
            while not _listens(self.port):
                if process.returncode is not None:
                    said.seek(0)
                    raise AssertionError(f"{self.id} did not start: {said.read()[-2000:]!r}")
                await asyncio.sleep(0.05)

    async def end(self) -> None:
        if self.process is not None and self.process.returncode is None:
            os.killpg(self.process.pid, signal.SIGKILL)
            await self.process.wait()

    async def die(self) -> None:
        """At once and without a word, in the middle of whatever it does."""
        if self.serves:
            await self.end()
            return
        found = [pid for pid, words in _children() if words[1:] == self.entry["command"]]
        assert len(found) == 1, f"it has {len(found)} processes"
        process = os.pidfd_open(found[0])
        os.kill(found[0], signal.SIGKILL)
        select.select([process], [], [], 5)  # and nothing of ours runs before it has ended
        os.close(process)

    async def come_back(self) -> None:
        """A command is started again by Parlor itself."""
        if self.serves:
            await self.start()


def _listens(port: int) -> bool:
    with socket.socket() as probe:
        return probe.connect_ex(("127.0.0.1", port)) == 0


def _free_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as probe:
        port: int = probe.getsockname()[1]
    return port


def _children() -> list[tuple[int, list[str]]]:
    """Processes that this one started, with the words they were started with: an interpreter, and
    what it runs."""
    tasks = Path("/proc/self/task").glob("*/children")
    pids = [int(pid) for task in tasks for pid in task.read_text().split()]
    return [(pid, Path(f"/proc/{pid}/cmdline").read_text().split("\0")[:-1]) for pid in pids]


def _over_stdio(name: str, command: list[str], *todo: Check, **entry: Any) -> Peer:
    return Peer(name, "stdio", {"id": name, "command": command, **entry}, todo)


def _over_http(
    name: str, over: str, serves: Callable[[int], list[str]], path: str, *todo: Check
) -> Peer:
    port = _free_port()
    entry = {"id": name, "url": f"http://127.0.0.1:{port}{path}"}
    return Peer(name, over, entry, todo, serves(port), port)


def peers(folder: Path) -> list[Peer]:
    fetch = [python_program("fetch", "mcp-server-fetch"), "--allow-private-ips"]
    fetch_2025 = [python_program("fetch-of-2025", "mcp-server-fetch")]
    time = [python_program("time", "mcp-server-time")]
    time_2025 = [python_program("time-of-2025", "mcp-server-time")]
    files = [node_program("mcp-server-filesystem"), str(folder)]
    everything = node_program("mcp-server-everything")

    def proxied(command: list[str]) -> Callable[[int], list[str]]:
        proxy = python_program("mcp-proxy", "mcp-proxy")
        words = [proxy, "-e", "PATH", NO_NODE["PATH"], "--host", "127.0.0.1"]
        return lambda port: [*words, "--port", str(port), "--", *command]

    def gateway(command: list[str]) -> Callable[[int], list[str]]:
        words = [node_program("supergateway"), "--outputTransport", "streamableHttp", "--stateful"]
        return lambda port: [*words, "--port", str(port), "--stdio", " ".join(command)]

    return [
        _over_stdio("fetch", fetch, *checks.FETCH, env=NO_NODE),
        _over_stdio("fetch-of-2025", fetch_2025, *checks.FETCH, env=NO_NODE),
        _over_http("fetch-http", "mcp-proxy", proxied(fetch), "/mcp", *checks.FETCH),
        _over_stdio("time", time, *checks.TIME),
        _over_stdio("time-of-2025", time_2025, *checks.TIME),
        _over_http("time-http", "mcp-proxy", proxied(time), "/mcp", *checks.TIME),
        _over_http("time-sse", "mcp-proxy SSE", proxied(time_2025), "/sse", *checks.TIME),
        _over_stdio("everything", [everything, "stdio"], *checks.EVERYTHING, checks.environment),
        _over_http(
            "everything-http",
            "streamable HTTP",
            lambda _: [everything, "streamableHttp"],
            "/mcp",
            *checks.EVERYTHING,
        ),
        _over_http(
            "everything-sse", "SSE", lambda _: [everything, "sse"], "/sse", *checks.EVERYTHING
        ),
        _over_stdio("files", files, *checks.FILES),
        _over_http("files-http", "supergateway", gateway(files), "/mcp", *checks.FILES),
    ]


async def examine(peer: Peer, ours: Household, site: FakeSite, folder: Path) -> list[str]:
    """Prints its lines; returns what failed."""
    failed, passed = [], []
    bench = Bench(peer.id, ours, site, folder, peer.die, peer.come_back)
    for check in peer.checks:
        name = check.__name__.replace("_", " ")
        try:
            async with asyncio.timeout(LONGEST):
                if not passed and not failed:
                    await ours.ready(peer.id)
                await check(bench)
            passed.append(name)
        except Exception:  # noqa: BLE001  # whatever it is, the table tells it
            failed.append(f"{peer.id}: {name}")
            print(f"  {peer.id}: {name}\n{traceback.format_exc(limit=-3)}", flush=True)
    identity = ours.connection(peer.id).identity
    verdict = "FAIL" if failed else "pass"
    print(
        f"  {verdict}  {peer.id:16} {peer.over:16} {identity.version:12} {identity.protocol:11}"
        f" {', '.join(passed)}",
        flush=True,
    )
    return failed


@asynccontextmanager
async def _started(all_of_them: list[Peer]) -> AsyncGenerator[None]:
    async with AsyncExitStack() as stack:
        for peer in all_of_them:
            stack.push_async_callback(peer.end)
        await asyncio.gather(*(peer.start() for peer in all_of_them if peer.serves))
        yield


async def run(only: Mapping[str, object]) -> list[str]:
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        (shared := folder / "shared").mkdir()
        chosen = [peer for peer in peers(shared) if not only or peer.id in only]
        async with (
            FakeSite(answer) as site,
            _started(chosen),
            household(folder, *(peer.entry for peer in chosen)) as ours,
        ):
            found = await asyncio.gather(
                *(examine(peer, ours, site, shared / peer.id) for peer in chosen)
            )
    return [one for failed in found for one in failed]


def report(*only: str) -> list[str]:
    """What failed."""
    install()
    print("\nServers that nobody here wrote")
    os.environ.update(SECRETS)
    configure_logging("error")
    return uvloop.run(run(dict.fromkeys(only)))  # as Parlor runs


if __name__ == "__main__":
    if problems := report(*sys.argv[1:]):
        sys.exit(f"{len(problems)} failed: {', '.join(problems)}")

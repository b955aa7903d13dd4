"""Settings of tool servers, a web site, and all servers in a process of their own."""

import json
import os
import re
import signal
import subprocess
import sys
import time
from collections.abc import AsyncGenerator, Callable, Iterator
from contextlib import asynccontextmanager, contextmanager
from pathlib import Path

import httpx2
import pytest
from mcp import Client
from mcp.client.streamable_http import streamable_http_client

from backend.settings import Settings
from tests.mcp_servers.calling import Caller
from tests.mcp_servers.sites import Site, opened_site

PARLOR = str(Path(sys.executable).with_name("parlor"))
TOKEN = "a token of the tests"
PATIENCE = 15

type WithSettings = Callable[..., Settings]


@pytest.fixture
def mcp_settings(settings: Settings) -> WithSettings:
    """The defaults with a few tool server settings changed; `lan` opens addresses."""

    def changed(*, lan: tuple[str, ...] = (), **own: object) -> Settings:
        return settings.model_copy(
            update={
                "mcp_servers": settings.mcp_servers.model_copy(update=own),
                "edge": settings.edge.model_copy(update={"lan_allow": lan}),
            }
        )

    return changed


@pytest.fixture
async def site() -> AsyncGenerator[Site]:
    async with opened_site() as opened:
        yield opened


class Running:
    """`parlor mcp ...` as a process."""

    def __init__(self, process: subprocess.Popen[bytes], folder: Path, count: int) -> None:
        self.process = process
        self._folder = folder
        end = time.monotonic() + PATIENCE
        while len(self.addresses) < count and time.monotonic() < end and process.poll() is None:
            time.sleep(0.01)
        assert len(self.addresses) == count, self.stderr

    @property
    def addresses(self) -> dict[str, str]:
        """Where each server said it is."""
        said = (self._folder / "stdout").read_text()
        return dict(re.findall(r"(\S+) is running at (\S+)/mcp\n", said))

    @property
    def stderr(self) -> str:
        return (self._folder / "stderr").read_text()

    def memory(self, what: str = "VmRSS") -> int:
        """Kilobytes."""
        status = Path(f"/proc/{self.process.pid}/status").read_text()
        found = re.search(rf"{what}:\s+(\d+)", status)
        assert found
        return int(found[1])

    def stop(self) -> None:
        if self.process.poll() is None:
            self.process.send_signal(signal.SIGTERM)
            try:
                self.process.wait(PATIENCE)
            except subprocess.TimeoutExpired:
                self.process.kill()
                self.process.wait()

    @asynccontextmanager
    async def client(
        self, server: str, *, mode: str = "auto", token: str = TOKEN, **options: object
    ) -> AsyncGenerator[Caller]:
        headers = {"Authorization": f"Bearer {token}"}
        async with httpx2.AsyncClient(headers=headers, timeout=PATIENCE) as http:
            transport = streamable_http_client(f"{self.addresses[server]}/mcp", http_client=http)
            async with Client(transport, mode=mode, **options) as client:  # type: ignore[arg-type]
                yield Caller(client)


def environment(folder: Path, **more: object) -> dict[str, str]:
    return {
        "PATH": os.environ["PATH"],
        "HOME": str(folder),
        "TERM": "dumb",
        "PARLOR_STATE_DIR": str(folder / "state"),
        "PARLOR_MCP_BASE_PORT": "0",
        **{
            name: value if isinstance(value, str) else json.dumps(value)
            for name, value in more.items()
        },
    }


@contextmanager
def started(folder: Path, *words: str, count: int = 7, **more: object) -> Iterator[Running]:
    """`parlor mcp WORDS`, until `count` servers answer."""
    with (folder / "stdout").open("wb") as out, (folder / "stderr").open("wb") as err:
        process = subprocess.Popen(
            [PARLOR, "mcp", *words],
            cwd=folder,
            env=environment(folder, **more),
            stdin=subprocess.DEVNULL,
            stdout=out,
            stderr=err,
        )
    try:
        running = Running(process, folder, count)
        yield running
        running.stop()
    finally:
        if process.poll() is None:
            process.kill()
            process.wait()


@pytest.fixture(scope="session")
def servers(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Running]:
    """All of them, with a token."""
    folder = tmp_path_factory.mktemp("servers")
    with started(folder, "serve", PARLOR_MCP_TOKEN=TOKEN) as running:
        yield running

"""Parlor's own `/mcp` for clients of others: `python -m tests.conformance.own_endpoint`.

An empty Parlor with the demo as its model. It listens twice: as it is, and with the key put into
every request, because the suite cannot send one.
"""

import asyncio
import json
import os
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from contextlib import AsyncExitStack, contextmanager
from dataclasses import asdict, dataclass
from pathlib import Path

from starlette.types import ASGIApp, Receive, Scope, Send

from backend.app import create_app
from backend.auth.people import Caller
from backend.container import open_services
from backend.kit.log import configure_logging
from backend.settings import Settings
from tests.api.serving import serving, with_services
from tests.conftest import HERE
from tests.fakes.waiting import until

ROOT = Path(__file__).parents[2]


@dataclass(frozen=True)
class Endpoint:
    url: str
    open_url: str
    """Where nothing has to be shown."""
    key: str


@contextmanager
def own_endpoint() -> Iterator[Endpoint]:
    """In a process of its own."""
    with tempfile.TemporaryDirectory() as folder:
        process = subprocess.Popen(
            [sys.executable, "-m", "tests.conformance.own_endpoint"],
            cwd=folder,
            env={
                "PATH": os.environ["PATH"],
                "HOME": folder,
                "PARLOR_STATE_DIR": folder,
                "PYTHONPATH": str(ROOT),
            },
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
        )
        assert process.stdin is not None
        assert process.stdout is not None
        try:
            yield Endpoint(**json.loads(process.stdout.readline()))
        finally:
            process.stdin.close()
            process.wait(20)


def _with_key(app: ASGIApp, key: str) -> ASGIApp:
    async def answer(scope: Scope, receive: Receive, send: Send) -> None:
        headers = [*scope["headers"], (b"authorization", f"Bearer {key}".encode())]
        await app({**scope, "headers": headers}, receive, send)

    return answer


async def serve() -> None:
    settings = Settings.load()
    servers = [{"id": "calculator", "module": "backend.mcp_servers.calculator"}]
    definitions = settings.server.state_dir / "mcp_servers.json"
    definitions.write_text(json.dumps({"servers": servers}))
    async with AsyncExitStack() as stack:
        services = await stack.enter_async_context(open_services(settings))
        await services.catalog.refresh()
        anna = await services.auth.add("anna", "correct horse", "Anna", role="owner", first=True)
        caller = Caller(anna, "session", "session_of_the_suite")
        _, key = await services.accounts.keys.make(
            caller, "the suite's", ["chat", "tools"], days=None, origin=HERE
        )
        connections = services.tool_servers.connections
        await until(lambda: any(one.session for one in connections.values()), seconds=20)
        app = with_services(create_app(settings), services)
        url = await stack.enter_async_context(serving(app))
        open_url = await stack.enter_async_context(serving(_with_key(app, key)))
        print(json.dumps(asdict(Endpoint(f"{url}/mcp", f"{open_url}/mcp", key))), flush=True)
        await asyncio.to_thread(sys.stdin.read)


if __name__ == "__main__":
    configure_logging("warning")
    asyncio.run(serve())

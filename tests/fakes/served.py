"""The application behind a real socket, in this process."""

import socket
from asyncio import Event, create_task
from collections.abc import AsyncGenerator, Iterator
from contextlib import asynccontextmanager, contextmanager
from typing import override

import uvicorn
from fastapi import FastAPI
from starlette.types import Receive, Scope, Send

from backend.container import Services
from tests.fakes.waiting import until


class _Server(uvicorn.Server):
    def __init__(self, config: uvicorn.Config) -> None:
        super().__init__(config)
        self._ending = Event()

    @override
    @contextmanager
    def capture_signals(self) -> Iterator[None]:
        yield  # signals are the test runner's

    @override
    async def main_loop(self) -> None:
        """Ends when told to: uvicorn's own looks ten times a second."""
        await self.on_tick(0)
        await self._ending.wait()

    def end(self) -> None:
        self.should_exit = True
        self._ending.set()


@asynccontextmanager
async def quiet_server(config: uvicorn.Config) -> AsyncGenerator[int]:
    """A server as `config` says, on a free port of loopback; yields the port."""
    listening = socket.create_server(("127.0.0.1", 0), backlog=1024)
    server = _Server(config)
    serving = create_task(server.serve(sockets=[listening]))
    await until(lambda: server.started)
    try:
        yield listening.getsockname()[1]
    finally:
        server.end()
        await serving


@asynccontextmanager
async def served(app: FastAPI, services: Services) -> AsyncGenerator[str]:
    """The address of `app` around `services`."""

    async def with_services(scope: Scope, receive: Receive, send: Send) -> None:
        await app({**scope, "state": {"services": services}}, receive, send)

    config = uvicorn.Config(
        with_services,
        http="httptools",
        ws="none",
        lifespan="off",
        log_config=None,
        access_log=False,
        timeout_graceful_shutdown=1,
    )
    async with quiet_server(config) as port:
        yield f"http://127.0.0.1:{port}"

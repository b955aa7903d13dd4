"""The application behind a real socket, in this process."""

import socket
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager, suppress
from typing import override

import uvicorn
from fastapi import FastAPI
from starlette.types import Receive, Scope, Send

from backend.container import Services
from tests.fakes.waiting import PATIENCE, until

_KILLED_SECONDS = 0.1
"""For what still runs in a server that is killed."""


class QuietServer(uvicorn.Server):
    """Listens from `begin` to `shutdown`, without the loop between that looks ten times a second.
    uvicorn's own end takes a tenth of a second even when nobody is there any more: longer than
    most tests."""

    async def begin(self, listening: socket.socket) -> None:
        if not self.config.loaded:
            self.config.load()
        self.lifespan = self.config.lifespan_class(self.config)
        await self.startup(sockets=[listening])
        await self.on_tick(0)  # the headers that every answer has

    @override
    async def shutdown(self, sockets: list[socket.socket] | None = None) -> None:
        for server in self.servers:
            server.close()
        state, grace = self.server_state, self.config.timeout_graceful_shutdown
        for connection in list(state.connections):
            connection.shutdown()
        with suppress(TimeoutError):
            await until(
                lambda: not (state.connections or state.tasks),
                seconds=_KILLED_SECONDS
                if self.force_exit
                else PATIENCE
                if grace is None
                else grace,
            )
        for task in list(state.tasks):
            task.cancel()
        if not self.force_exit:
            await self.lifespan.shutdown()


@asynccontextmanager
async def quiet_server(config: uvicorn.Config) -> AsyncGenerator[int]:
    """A server as `config` says, on a free port of loopback; yields the port."""
    listening = socket.create_server(("127.0.0.1", 0), backlog=1024)
    server = QuietServer(config)
    await server.begin(listening)
    try:
        yield listening.getsockname()[1]
    finally:
        await server.shutdown()


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

"""Many tool servers in one process, each on a port of its own."""

import gc
import socket
from collections.abc import Callable, Sequence
from contextlib import AsyncExitStack, suppress
from ctypes import CDLL
from dataclasses import dataclass
from typing import override

import uvicorn
import uvloop
from starlette.applications import Starlette
from starlette.types import ASGIApp, Receive, Scope, Send

from backend.kit.errors import AppError
from backend.kit.listening import listening_socket
from backend.kit.version import VERSION
from backend.mcp_servers.guard import Guard, Rules
from backend.mcp_servers.shipped import Shipped
from backend.settings import Settings

_LARGEST_BODY = 2_000_000
_BACKLOG = 256
_STOP_SECONDS = 1
"""For calls that are running; a stream of changes would never end by itself."""

_MMAP_THRESHOLD, _TRIM_THRESHOLD, _MOST_ARENAS = (-3, 131_072), (-1, 131_072), (-8, 2)
"""Options of malloc(3) with our values."""


@dataclass(frozen=True, slots=True)
class Hosted:
    shipped: Shipped
    address: str
    port: int
    listening: socket.socket
    app: Starlette
    guarded: ASGIApp


@dataclass(frozen=True, slots=True)
class Absent:
    """A server that could not be started, and why."""

    shipped: Shipped
    reason: str


def host(shipped: Shipped, settings: Settings, *, port: int | None = None) -> Hosted | Absent:
    """Bind the port and build the server; what an operator can mend is told in words."""
    own = settings.mcp_servers
    wanted = shipped.port(own.base_port) if port is None else port
    try:
        listening = listening_socket(own.host, wanted, _BACKLOG)
    except OSError as error:
        return Absent(shipped, f"{own.host}:{wanted} cannot be listened on: {error.strerror}")
    try:
        server = shipped.build(settings)
    except (AppError, OSError) as error:
        listening.close()
        return Absent(shipped, str(error))
    rules = Rules.of(own)
    # Not `json_response`: short answers are plain JSON either way, and long calls can report
    # progress, are kept alive, and end when the caller hangs up.
    app = server.streamable_http_app(
        stateless_http=True,
        host=own.host,
        transport_security=rules.for_the_sdk(),
        max_request_body_size=_LARGEST_BODY,
    )
    taken = listening.getsockname()[1]
    guarded = Guard(app, rules, {"server": shipped.id, "version": VERSION})
    return Hosted(shipped, _address(own.host, taken), taken, listening, app, guarded)


async def serve(servers: Sequence[Hosted], announce: Callable[[], None]) -> None:
    """Run until a signal. `announce` is called when all answer."""
    by_port = {server.port: server.guarded for server in servers}

    async def to_its_server(scope: Scope, receive: Receive, send: Send) -> None:
        await by_port[scope["server"][1]](scope, receive, send)

    config = uvicorn.Config(
        to_its_server,
        http="httptools",
        ws="none",
        lifespan="off",
        log_config=None,
        access_log=False,
        server_header=False,
        date_header=False,
        proxy_headers=False,
        limit_concurrency=1000,
        timeout_keep_alive=75,
        timeout_graceful_shutdown=_STOP_SECONDS,
    )
    async with AsyncExitStack() as running:
        for server in servers:
            await running.enter_async_context(server.app.router.lifespan_context(server.app))
        _calm_collector()
        await _Server(config, announce).serve(sockets=[server.listening for server in servers])


def run(servers: Sequence[Hosted], announce: Callable[[], None]) -> None:
    _give_memory_back()
    uvloop.run(serve(servers, announce))


class _Server(uvicorn.Server):
    def __init__(self, config: uvicorn.Config, announce: Callable[[], None]) -> None:
        super().__init__(config)
        self._announce = announce

    @override
    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        await super().startup(sockets)
        if self.started:
            self._announce()


def _give_memory_back() -> None:
    """One large answer would stay in the allocator's pools for good; it goes back instead."""
    with suppress(AttributeError):  # another C library than glibc
        adjust = CDLL(None).mallopt
        for option, value in (_MMAP_THRESHOLD, _TRIM_THRESHOLD, _MOST_ARENAS):
            adjust(option, value)


def _calm_collector() -> None:
    """What building made stays; it need not be looked at again."""
    gc.collect()
    gc.freeze()


def _address(host_name: str, port: int) -> str:
    return f"http://{f'[{host_name}]' if ':' in host_name else host_name}:{port}"

"""`parlor serve`: one process, its socket bound before anything else is touched."""

import gc
import socket
import sys
from typing import override

import uvicorn
from fastapi import FastAPI

from backend.app import create_app
from backend.cli.host import prepare_database
from backend.container import Services
from backend.settings import Settings

_BACKLOG = 2048


class _Server(uvicorn.Server):
    """Stops in the right order: screens are told, answers drain, connections close."""

    def __init__(self, config: uvicorn.Config, app: FastAPI, drain_seconds: float) -> None:
        super().__init__(config)
        self._app = app
        self._drain_seconds = drain_seconds

    @override
    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        await super().startup(sockets)
        _calm_collector()
        if self.started and sockets:
            await _announce(self._services, _address(sockets[0], secure=self.config.is_ssl))

    @override
    async def shutdown(self, sockets: list[socket.socket] | None = None) -> None:
        for server in self.servers:
            server.close()  # whoever comes now finds the process that follows
        # A second Ctrl-C, or Ctrl-C at all: nobody waits for an answer to end.
        hurried = self.force_exit or sys.stdin.isatty()
        await self._services.shut_down(0 if hurried else self._drain_seconds)
        await super().shutdown(sockets)

    @property
    def _services(self) -> Services:
        services: Services = self._app.state.services
        return services


def run_server(settings: Settings) -> None:
    """Serve until a signal. Exits with a sentence when the address cannot be used."""
    server = settings.server
    if not server.is_loopback and not (server.tls_cert and server.tls_key):
        sys.exit(
            f"Parlor speaks plain HTTP on loopback only, and {server.host} is not loopback."
            " Set PARLOR_TLS_CERT and PARLOR_TLS_KEY, or listen on 127.0.0.1."
        )
    if (server.tls_cert is None) != (server.tls_key is None):
        sys.exit("PARLOR_TLS_CERT and PARLOR_TLS_KEY belong together; only one of them is set.")
    listening = _bind(server.host, server.port)
    app = create_app(settings)
    config = uvicorn.Config(
        app,
        loop="uvloop",
        http="httptools",
        ws="none",
        lifespan="on",
        log_config=None,
        access_log=False,
        server_header=False,
        date_header=False,
        proxy_headers=False,
        timeout_keep_alive=75,
        timeout_graceful_shutdown=10,
        ssl_certfile=server.tls_cert,
        ssl_keyfile=server.tls_key,
    )
    try:
        config.load()
    except OSError as error:
        sys.exit(
            f"{server.tls_cert} and {server.tls_key} cannot be used as certificate and key: {error}"
        )
    prepare_database(settings)
    _Server(config, app, server.drain_seconds).run(sockets=[listening])


def _calm_collector() -> None:
    """What start-up made stays: it need not be looked at again, nor every 700 new objects."""
    gc.collect()
    gc.freeze()
    gc.set_threshold(20_000, 50, 1000)


def _bind(host: str, port: int) -> socket.socket:
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    listening = socket.socket(family)
    listening.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    try:
        listening.bind((host, port))
        listening.listen(_BACKLOG)
    except OSError as error:
        sys.exit(f"Parlor cannot listen on {host}:{port}: {error.strerror}. Try --port 0.")
    listening.setblocking(False)
    return listening


def _address(listening: socket.socket, *, secure: bool) -> str:
    host, port = listening.getsockname()[:2]
    shown = f"[{host}]" if ":" in host else host
    return f"{'https' if secure else 'http'}://{shown}:{port}"


async def _announce(services: Services, address: str) -> None:
    """The first lines an owner reads."""
    lines = [f"Parlor is running at {address}"]
    if code := await services.auth.setup_code():
        lines += ["", "Open this link once to make the owner's account:"]
        lines += [f"  {address}/setup#code={code}"]
    if services.catalog.is_demo:
        lines += ["", "No provider is configured, so the built-in demo answers."]
        lines += ["Set OPENROUTER_API_KEY (or CHAT_LLM_API_BASE) to talk to a real model."]
    print("\n".join(lines), flush=True)

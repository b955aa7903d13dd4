"""The life of the serving process: begin, stand by, take over, hand over, end."""

import asyncio
import gc
import signal
import socket
import ssl
import sys
from pathlib import Path
from typing import override

import structlog
import uvicorn
from fastapi import FastAPI

from backend.cli.systemd import notify, watchdog_seconds
from backend.container import Services
from backend.kit.schedule import every, pause

BACKLOG = 2048
_LINGER_SECONDS = 1.0
"""uvicorn drops connections that were accepted and not yet read; within a second they are read."""
_CERTIFICATE_SECONDS = 60

_log = structlog.get_logger()


class ParlorServer(uvicorn.Server):
    """Serves `public` at once, or, when it `waits`, only the private `standby` until SIGUSR1.

    Several releases may hold the same public socket (systemd's): the new one stands by and is
    examined, then accepts; the old one stops accepting and lets its answers end.
    """

    def __init__(
        self,
        config: uvicorn.Config,
        app: FastAPI,
        *,
        public: list[socket.socket],
        standby: Path | None,
        waits: bool,
        drain_seconds: float,
    ) -> None:
        super().__init__(config)
        self._app = app
        self._public = public
        self._standby = standby
        self._waits = waits
        self._drain_seconds = drain_seconds
        self._certificate = _Certificate(config)
        self._address = _address(public[0], secure=config.is_ssl)

    @override
    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        await super().startup([])
        _calm_collector()
        if not self.started:
            return
        await _announce(self.services, self._address)
        if self._standby:
            await self._accept(_private_socket(self._standby), secure=False)
            loop = asyncio.get_running_loop()
            loop.add_signal_handler(signal.SIGUSR1, self._take_over)
        if self._waits:
            notify("READY=1", "STATUS=Standing by")
        else:
            await self._accept_public()
            notify("READY=1", "STATUS=Serving")
        background = self.services.background
        if seconds := watchdog_seconds():
            background.start(every(seconds / 3, _still_alive), name="watchdog")
        if self.config.is_ssl:
            reading = every(_CERTIFICATE_SECONDS, self._certificate.refresh)
            background.start(reading, name="certificate")

    @override
    async def shutdown(self, sockets: list[socket.socket] | None = None) -> None:
        notify("STOPPING=1", "STATUS=Letting answers end")
        for server in self.servers:
            server.close()  # whoever comes now finds the process that follows
        for given in self._public:
            given.close()
        if self._standby:
            self._standby.unlink(missing_ok=True)
        self.server_state.default_headers = [
            *self.server_state.default_headers,
            (b"connection", b"close"),
        ]
        # A second Ctrl-C, or Ctrl-C at all: nobody waits for an answer to end.
        hurried = self.force_exit or sys.stdin.isatty()
        async with asyncio.TaskGroup() as group:
            group.create_task(self.services.shut_down(0 if hurried else self._drain_seconds))
            group.create_task(pause(0 if hurried else _LINGER_SECONDS))
        await super().shutdown()

    @property
    def services(self) -> Services:
        services: Services = self._app.state.services
        return services

    def _take_over(self) -> None:
        self.services.background.start(self._accept_public(), name="take over")

    async def _accept_public(self) -> None:
        public, self._public = self._public, []
        for given in public:
            await self._accept(given, secure=True)
        if public:
            notify("STATUS=Serving")
            _log.info("serving")

    async def _accept(self, listening: socket.socket, *, secure: bool) -> None:
        config = self.config

        def protocol() -> asyncio.Protocol:
            return config.http_protocol_class(  # type: ignore[call-arg]  # as uvicorn does
                config=config, server_state=self.server_state, app_state=self.lifespan.state
            )

        context = config.ssl if secure else None
        loop = asyncio.get_running_loop()
        server = await loop.create_server(
            protocol, sock=listening, ssl=context, backlog=config.backlog
        )
        self.servers.append(server)


class _Certificate:
    """A renewed certificate is used for the next connection; nothing restarts."""

    def __init__(self, config: uvicorn.Config) -> None:
        self._config = config
        self._changed_at = self._read_times()

    async def refresh(self) -> None:
        changed_at = await asyncio.to_thread(self._read_times)
        if changed_at == self._changed_at or self._config.ssl is None:
            return
        try:
            await asyncio.to_thread(self._load, self._config.ssl)
        except (OSError, ssl.SSLError) as error:  # half written: the next look finds both
            _log.warning("certificate_not_read", error=type(error).__qualname__)
            return
        self._changed_at = changed_at
        _log.info("certificate_renewed")

    def _load(self, context: ssl.SSLContext) -> None:
        """Tried elsewhere first: a key that does not fit would leave visitors without any."""
        cert, key = self._config.ssl_certfile, self._config.ssl_keyfile
        assert cert is not None  # noqa: S101  # there is a context, so there were files
        for taking in (ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER), context):
            taking.load_cert_chain(cert, key)

    def _read_times(self) -> tuple[int, ...]:
        files = (self._config.ssl_certfile, self._config.ssl_keyfile)
        try:
            return tuple(Path(file).stat().st_mtime_ns for file in files if file)
        except OSError:
            return ()


async def _still_alive() -> None:
    notify("WATCHDOG=1")


def _private_socket(path: Path) -> socket.socket:
    path.unlink(missing_ok=True)
    listening = socket.socket(socket.AF_UNIX)
    listening.bind(str(path))
    path.chmod(0o600)
    listening.listen(BACKLOG)
    listening.setblocking(False)
    return listening


def _calm_collector() -> None:
    """What start-up made stays: it need not be looked at again, nor every 700 new objects."""
    gc.collect()
    gc.freeze()
    gc.enable()
    gc.set_threshold(20_000, 50, 1000)


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

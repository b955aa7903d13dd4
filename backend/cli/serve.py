"""`parlor serve`: one process, its socket bound before anything else is touched."""

import resource
import socket
import sys
from ipaddress import ip_address
from pathlib import Path

import uvicorn

from backend.app import create_app
from backend.cli.host import prepare_database
from backend.cli.http_protocol import PatientHttp
from backend.cli.server import BACKLOG, ParlorServer
from backend.cli.systemd import given_sockets
from backend.kit.listening import listening_socket
from backend.settings import Settings

_FILES = 16_384


def run_server(
    settings: Settings, *, standby: Path | None = None, current: Path | None = None
) -> None:
    """Serve until a signal. Exits with a sentence when the address cannot be used.

    `standby`: a private socket to be examined on until SIGUSR1; the public one comes from systemd.
    `current`: a link to the release that serves; when that is this one, it need not be told so.
    """
    server = settings.server
    listening = given_sockets()
    if standby and not listening:
        sys.exit("--standby is for a socket that systemd opened; none was given.")
    is_loopback = _are_loopback(listening) if listening else server.is_loopback
    if not is_loopback and not (server.tls_cert and server.tls_key):
        sys.exit(
            f"Parlor speaks plain HTTP on loopback only, and {server.host} is not loopback."
            " Set PARLOR_TLS_CERT and PARLOR_TLS_KEY, or listen on 127.0.0.1."
        )
    if (server.tls_cert is None) != (server.tls_key is None):
        sys.exit("PARLOR_TLS_CERT and PARLOR_TLS_KEY belong together; only one of them is set.")
    listening = listening or [_bind(server.host, server.port)]
    app = create_app(settings)
    config = uvicorn.Config(
        app,
        loop="uvloop",
        http=PatientHttp,
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
    _allow_many_connections()
    prepare_database(settings)
    ParlorServer(
        config,
        app,
        public=listening,
        standby=standby,
        waits=standby is not None and not _is_current(current),
        drain_seconds=server.drain_seconds,
    ).run()


def _is_current(link: Path | None) -> bool:
    """At boot and after a crash the current release serves at once."""
    return link is not None and link.resolve() == Path(sys.argv[0]).resolve().parent


def _allow_many_connections() -> None:
    """A service starts with 1,024 files at most: a thousand idle visitors would be all of them."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    if soft != resource.RLIM_INFINITY:
        wanted = _FILES if hard == resource.RLIM_INFINITY else min(_FILES, hard)
        resource.setrlimit(resource.RLIMIT_NOFILE, (max(soft, wanted), hard))


def _bind(host: str, port: int) -> socket.socket:
    try:
        return listening_socket(host, port, BACKLOG)
    except OSError as error:
        sys.exit(f"Parlor cannot listen on {host}:{port}: {error.strerror}. Try --port 0.")


def _are_loopback(listening: list[socket.socket]) -> bool:
    return all(ip_address(given.getsockname()[0]).is_loopback for given in listening)

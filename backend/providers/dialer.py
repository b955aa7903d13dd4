"""Connections to one address: opened over IPv4 or IPv6, whichever answers, and kept for the next."""

import asyncio
import socket
import ssl
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Self
from urllib.parse import quote, urlsplit

from aiohappyeyeballs import start_connection

from backend.providers.base import ProviderUnreachableError
from backend.providers.connection import Connection

CONNECT_SECONDS = 10
IDLE_CONNECTION_SECONDS = 20
_NEXT_ADDRESS_SECONDS = 0.25


@dataclass(frozen=True, slots=True)
class Origin:
    """Where a base URL points to. `authority`: as it stands in the Host header."""

    host: str
    port: int
    is_secure: bool
    authority: str
    path: str

    @classmethod
    def of(cls, url: str) -> Self:
        """Raises ValueError when it is not a web address."""
        parts = urlsplit(url)
        host = parts.hostname or ""
        standard = {"http": 80, "https": 443}.get(parts.scheme)
        if not host or standard is None or parts.port == 0:
            raise ValueError("not a web address")
        port = parts.port or standard
        name = f"[{host}]" if ":" in host else host.encode("idna").decode()
        return cls(
            host,
            port,
            parts.scheme == "https",
            name if port == standard else f"{name}:{port}",
            quote(parts.path, safe="/%:@!$&'()*+,;=~"),
        )


class Dialer:
    """Every running answer holds a connection, so there is no limit to their number."""

    def __init__(self, base_url: str, headers: Mapping[str, str]) -> None:
        self._base_url = base_url
        self._headers = headers
        self._origin: Origin | None = None
        self._head = b""
        self._tls: ssl.SSLContext | None = None
        self._idle: dict[Connection, asyncio.TimerHandle] = {}

    async def send(
        self, method: str, path: str, headers: bytes, body: bytes, silence: float
    ) -> Connection:
        """The connection, when the request is on its way. Raises ProviderUnreachableError.

        `headers` come after those of every request, each with its line end.
        """
        origin = self._origin or self._prepare()
        connection = self._take_idle() or await self._connect(origin)
        connection.ask(
            b"%b %b%b HTTP/1.1\r\n%b%b\r\n%b"
            % (method.encode(), origin.path.encode(), path.encode(), self._head, headers, body),
            silence,
        )
        return connection

    def give_back(self, connection: Connection) -> None:
        """The exchange is over; what can carry another one is kept for a while."""
        connection.end()
        if not connection.is_lost:
            loop = asyncio.get_running_loop()
            self._idle[connection] = loop.call_later(
                IDLE_CONNECTION_SECONDS, self._forget, connection
            )

    def close(self) -> None:
        for connection in list(self._idle):
            self._forget(connection)

    def _forget(self, connection: Connection) -> None:
        self._idle.pop(connection).cancel()
        connection.abort()

    def _take_idle(self) -> Connection | None:
        """The one used last: the others may grow old."""
        while self._idle:
            connection, timer = self._idle.popitem()
            timer.cancel()
            if connection.can_carry_another:
                return connection
        return None

    def _prepare(self) -> Origin:
        try:
            origin = Origin.of(self._base_url)
            self._head = _lines({"Host": origin.authority, **self._headers})
        except ValueError as error:
            raise ProviderUnreachableError(
                "The provider's address is not a web address."
            ) from error
        self._origin = origin
        return origin

    async def _connect(self, origin: Origin) -> Connection:
        try:
            async with asyncio.timeout(CONNECT_SECONDS):
                return await self._open(origin)
        except TimeoutError as error:
            raise ProviderUnreachableError("The provider could not be reached in time.") from error
        except ssl.SSLError as error:
            raise ProviderUnreachableError(
                "The provider's certificate could not be verified."
            ) from error
        except socket.gaierror as error:
            raise ProviderUnreachableError(
                "The provider's host name could not be found."
            ) from error
        except OSError as error:
            raise ProviderUnreachableError("The provider could not be reached.") from error

    async def _open(self, origin: Origin) -> Connection:
        loop = asyncio.get_running_loop()
        found = await loop.getaddrinfo(origin.host, origin.port, type=socket.SOCK_STREAM)
        if origin.is_secure and self._tls is None:
            self._tls = await asyncio.to_thread(_trusted)
        connected = await start_connection(
            found, happy_eyeballs_delay=_NEXT_ADDRESS_SECONDS, interleave=1
        )
        try:
            connected.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            _, connection = await loop.create_connection(
                Connection,
                sock=connected,
                ssl=self._tls if origin.is_secure else None,
                server_hostname=origin.host if origin.is_secure else None,
            )
        except BaseException:
            connected.close()
            raise
        return connection


def _lines(headers: Mapping[str, str]) -> bytes:
    """Raises ValueError when one would become two."""
    lines = [f"{name}: {value}" for name, value in headers.items()]
    if any(sign in line for line in lines for sign in "\r\n\0"):
        raise ValueError("a line break in a header")
    return "".join(f"{line}\r\n" for line in lines).encode()


def _trusted() -> ssl.SSLContext:
    context = ssl.create_default_context()
    context.set_alpn_protocols(["http/1.1"])
    return context

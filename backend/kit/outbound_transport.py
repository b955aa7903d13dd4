"""The connections of `kit.outbound`. Loaded when the first one is made: the HTTP client is heavy."""

import asyncio
import socket
from collections.abc import Iterable, Sequence
from ssl import SSLContext
from typing import override

import httpcore2
import httpx2

from backend.kit.addresses import parsed
from backend.kit.outbound_guard import Guard, RefusedError

_CONNECTIONS = 100
IDLE_SECONDS = 4.0
"""Most servers hang up on a connection that was idle for five seconds: a request on its way at that
very moment would be lost, and nobody could say whether it was done."""


async def resolved(host: str, port: int) -> Sequence[str]:
    """What the machine's resolver says; also for `127.1`, `0x7f000001` and their like."""
    found = await asyncio.get_running_loop().getaddrinfo(host, port, type=socket.SOCK_STREAM)
    return list(dict.fromkeys(str(place[4][0]) for place in found))


class GuardedTransport(httpx2.AsyncHTTPTransport):
    """Checks each request's address, and each connection's: also of a redirect, also the second
    answer of a resolver that changes its mind."""

    def __init__(self, guard: Guard, context: SSLContext) -> None:
        # Not the parent's own: its pool would connect to anything. Were the attribute named
        # otherwise one day, nothing could be sent at all.
        self._guard = guard
        self._pool = httpcore2.AsyncConnectionPool(
            ssl_context=context,
            network_backend=_CheckedNetwork(guard),
            max_connections=_CONNECTIONS,
            keepalive_expiry=IDLE_SECONDS,
        )

    @override
    async def handle_async_request(self, request: httpx2.Request) -> httpx2.Response:
        self._guard.check_url(request.url)
        return await super().handle_async_request(request)


class Lent(httpx2.AsyncBaseTransport):
    """A transport that outlives the client it is given to."""

    def __init__(self, transport: GuardedTransport) -> None:
        self._transport = transport

    @override
    async def handle_async_request(self, request: httpx2.Request) -> httpx2.Response:
        return await self._transport.handle_async_request(request)


class _CheckedNetwork(httpcore2.AsyncNetworkBackend):
    """Asks the resolver once and connects to what was checked, not to the name again."""

    def __init__(self, guard: Guard) -> None:
        self._guard = guard
        self._network = httpcore2.AnyIOBackend()

    @override
    async def connect_tcp(
        self,
        host: str,
        port: int,
        timeout: float | None = None,
        local_address: str | None = None,
        socket_options: Iterable[httpcore2.SOCKET_OPTION] | None = None,
    ) -> httpcore2.AsyncNetworkStream:
        try:
            async with asyncio.timeout(timeout):
                addresses = await (self._guard.resolver or resolved)(host, port)
                for address in addresses:
                    self._guard.check_address(host, port, address)
                return await self._first(addresses, port, timeout, socket_options)
        except TimeoutError as error:
            raise httpcore2.ConnectTimeout(str(error)) from error
        except (OSError, UnicodeError) as error:
            raise httpcore2.ConnectError(str(error)) from error

    async def _first(
        self,
        addresses: Sequence[str],
        port: int,
        seconds: float | None,
        options: Iterable[httpcore2.SOCKET_OPTION] | None,
    ) -> httpcore2.AsyncNetworkStream:
        trouble: Exception = httpcore2.ConnectError("the name has no address")
        each = seconds / min(len(addresses), 3) if seconds and addresses else seconds
        for address in addresses:
            literal = str(parsed(address))
            try:
                return await self._network.connect_tcp(
                    literal, port, timeout=each, socket_options=options
                )
            except (httpcore2.ConnectError, httpcore2.ConnectTimeout) as error:
                trouble = error
        raise trouble

    @override
    async def connect_unix_socket(
        self,
        path: str,
        timeout: float | None = None,
        socket_options: Iterable[httpcore2.SOCKET_OPTION] | None = None,
    ) -> httpcore2.AsyncNetworkStream:
        raise RefusedError("a socket of this machine")

    @override
    async def sleep(self, seconds: float) -> None:
        await self._network.sleep(seconds)

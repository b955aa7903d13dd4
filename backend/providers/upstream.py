"""HTTP to one provider: one pool of connections, nothing but typed errors, sockets that hang up."""

import asyncio
from collections.abc import AsyncGenerator, Mapping
from contextlib import asynccontextmanager, suppress
from typing import Self

import aiohttp
import orjson

from backend.kit.clock import Clock, SystemClock
from backend.messages import JsonObject
from backend.providers.base import ProviderError, ProviderUnreachableError
from backend.providers.errors import Refusals, garbled
from backend.providers.refusal_words import ProviderSilentError

CONNECT_SECONDS = 10
IDLE_CONNECTION_SECONDS = 20
MAX_BODY_BYTES = 64 * 1024 * 1024
MAX_ERROR_BYTES = 64 * 1024
LOOKUP_SECONDS = 30
"""For answers that are not streamed: lists of models, books."""


class Upstream:
    """A provider's address and key. Opens on first use; close it with `aclose`."""

    def __init__(
        self,
        base_url: str,
        *,
        api_key: str = "",
        headers: Mapping[str, str] | None = None,
        silence: float = 600,
        clock: Clock | None = None,
    ) -> None:
        self._base_url = base_url.rstrip("/")
        self._headers = {"User-Agent": "Parlor", **(headers or {})}
        if api_key:
            self._headers["Authorization"] = f"Bearer {api_key}"
        self._silence = silence
        self._session: aiohttp.ClientSession | None = None
        self.refusals = Refusals(clock or SystemClock(), api_key)

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(self, *_: object) -> None:
        await self.aclose()

    async def aclose(self) -> None:
        session, self._session = self._session, None
        if session:
            await session.close()

    @asynccontextmanager
    async def post(self, path: str, body: JsonObject) -> AsyncGenerator[aiohttp.ClientResponse]:
        """The response, once its status is good. Leaving early closes the socket at once."""
        headers = {
            "Content-Type": "application/json",
            "Accept": "text/event-stream",
            "Accept-Encoding": "identity",  # a compressor would gather tokens
        }
        try:
            response = await self._open().post(
                self._base_url + path,
                data=orjson.dumps(body),
                headers=headers,
                allow_redirects=False,  # a redirect must not see the key
            )
        except (aiohttp.ClientError, OSError, TimeoutError, ValueError) as error:
            raise _connection_error(error) from error
        try:
            if response.status // 100 != 2:
                raise await self._refusal(response)
            watch = _SilenceWatch(response, self._silence)
            try:
                yield response
            finally:
                watch.end()
        finally:
            _hang_up(response)

    async def get(self, path: str, query: Mapping[str, str] | None = None) -> JsonObject:
        """A JSON object. Raises ProviderError."""
        timeout = aiohttp.ClientTimeout(total=LOOKUP_SECONDS, connect=CONNECT_SECONDS)
        try:
            async with self._open().get(
                self._base_url + path, params=query, timeout=timeout, allow_redirects=False
            ) as response:
                if response.status // 100 != 2:
                    raise await self._refusal(response)
                value = orjson.loads(await _read_up_to(response, MAX_BODY_BYTES))
        except orjson.JSONDecodeError as error:
            raise garbled("a list that is not JSON") from error
        except (aiohttp.ClientError, OSError, TimeoutError, ValueError) as error:
            raise _connection_error(error) from error
        if not isinstance(value, dict):
            raise garbled("a list in an unknown form")
        return value

    async def _refusal(self, response: aiohttp.ClientResponse) -> ProviderError:
        body = b""
        with suppress(aiohttp.ClientError, OSError, TimeoutError):
            async with asyncio.timeout(CONNECT_SECONDS):
                body = await _read_up_to(response, MAX_ERROR_BYTES)
        return self.refusals.of_response(response.status, response.headers, body)

    def _open(self) -> aiohttp.ClientSession:
        if self._session is None:
            # Every running answer holds a connection, so the pool has no limit of its own.
            connector = aiohttp.TCPConnector(limit=0, keepalive_timeout=IDLE_CONNECTION_SECONDS)
            self._session = aiohttp.ClientSession(
                connector=connector,
                cookie_jar=aiohttp.DummyCookieJar(),
                headers=self._headers,
                trust_env=False,
                timeout=aiohttp.ClientTimeout(
                    total=None,
                    connect=CONNECT_SECONDS,
                    sock_connect=CONNECT_SECONDS,
                    sock_read=self._silence,
                ),
            )
        return self._session


class _SilenceWatch:
    """Makes reading fail when nothing came for `seconds` (and up to a quarter more).

    In place of aiohttp's own read timeout, which sets a timer anew at each read: with many
    streams that is a twentieth of all work.
    """

    def __init__(self, response: aiohttp.ClientResponse, seconds: float) -> None:
        self._content, self._seconds = response.content, seconds
        self._loop = asyncio.get_running_loop()
        self._heard, self._total = self._loop.time(), response.content.total_bytes
        if response.connection and response.connection.protocol:
            response.connection.protocol.read_timeout = None
        self._timer = self._loop.call_later(seconds / 4, self._check)

    def _check(self) -> None:
        now, total = self._loop.time(), self._content.total_bytes
        if total != self._total:
            self._heard, self._total = now, total
        elif now - self._heard >= self._seconds:
            self._content.set_exception(aiohttp.SocketTimeoutError("silent"))
            return
        self._timer = self._loop.call_later(self._seconds / 4, self._check)

    def end(self) -> None:
        self._timer.cancel()


async def next_bytes(response: aiohttp.ClientResponse) -> bytes:
    """What has arrived, as soon as something has; empty at the end."""
    try:
        return await response.content.readany()
    except (aiohttp.ClientError, OSError, TimeoutError) as error:
        raise _connection_error(error) from error


async def _read_up_to(response: aiohttp.ClientResponse, limit: int) -> bytes:
    body = bytearray()
    while len(body) <= limit:
        data = await response.content.readany()
        if not data:
            break
        body += data
    return bytes(body[:limit])


def _hang_up(response: aiohttp.ClientResponse) -> None:
    """Close the socket now, unless the answer was read to its end and the pool has it back.

    A polite TLS goodbye would wait for the other side, and the model would go on and be paid.
    """
    connection = response.connection
    if connection and connection.transport:
        connection.transport.abort()
    response.close()


def _connection_error(error: Exception) -> ProviderError:
    match error:
        case aiohttp.SocketTimeoutError():
            return ProviderSilentError("The provider stayed silent for too long.")
        case aiohttp.ConnectionTimeoutError():
            return ProviderUnreachableError("The provider could not be reached in time.")
        case aiohttp.ClientConnectorCertificateError() | aiohttp.ClientConnectorSSLError():
            return ProviderUnreachableError("The provider's certificate could not be verified.")
        case aiohttp.ClientConnectorDNSError():
            return ProviderUnreachableError("The provider's host name could not be found.")
        case aiohttp.ClientConnectorError():
            return ProviderUnreachableError("The provider could not be reached.")
        case aiohttp.ClientResponseError():
            return garbled("it is not HTTP")
        case aiohttp.InvalidURL() | aiohttp.NonHttpUrlClientError():
            return ProviderUnreachableError("The provider's address is not a web address.")
        case TimeoutError():
            return ProviderUnreachableError("The provider did not answer in time.")
        case _:
            return ProviderUnreachableError("The connection to the provider was cut off.")

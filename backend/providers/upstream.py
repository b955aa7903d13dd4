"""HTTP to one provider: streamed answers over our own connections, lookups over aiohttp's."""

import asyncio
from collections.abc import Mapping
from contextlib import suppress
from typing import Self

import aiohttp
import orjson

from backend.kit.clock import Clock, SystemClock
from backend.messages import JsonObject
from backend.providers.base import ProviderError, ProviderUnreachableError
from backend.providers.connection import Connection
from backend.providers.dialer import CONNECT_SECONDS, Dialer
from backend.providers.errors import Refusals, garbled

MAX_BODY_BYTES = 64 * 1024 * 1024
MAX_ERROR_BYTES = 64 * 1024
LOOKUP_SECONDS = 30
"""For answers that are not streamed: lists of models, books."""

_STREAMING = {
    "Content-Type": "application/json",
    "Accept": "text/event-stream",
    "Accept-Encoding": "identity",  # a compressor would gather tokens
}


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
        self._dialer = Dialer(base_url.rstrip("/"), self._headers | _STREAMING)
        self._session: aiohttp.ClientSession | None = None
        self.refusals = Refusals(clock or SystemClock(), api_key)

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(self, *_: object) -> None:
        await self.aclose()

    async def aclose(self) -> None:
        self._dialer.close()
        session, self._session = self._session, None
        if session:
            await session.close()

    async def post(self, path: str, body: JsonObject) -> Connection:
        """The connection that the answer comes over, once its status is good; `give_back` it.

        Raises ProviderError.
        """
        connection = await self._dialer.post(path, orjson.dumps(body), self._silence)
        try:
            is_good = await connection.head() // 100 == 2
            refusal = None if is_good else await self._refused(connection)
        except BaseException:
            self._dialer.give_back(connection)
            raise
        if refusal:
            self._dialer.give_back(connection)
            raise refusal
        return connection

    def give_back(self, connection: Connection) -> None:
        """Closes the socket at once when the answer was not read to its end."""
        self._dialer.give_back(connection)

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

    async def _refused(self, connection: Connection) -> ProviderError:
        body = b""
        with suppress(ProviderError, TimeoutError):
            async with asyncio.timeout(CONNECT_SECONDS):
                while len(body) < MAX_ERROR_BYTES and (data := await connection.read()):
                    body += data
        return self.refusals.of_response(connection.status, connection.headers, body)

    def _open(self) -> aiohttp.ClientSession:
        if self._session is None:
            self._session = aiohttp.ClientSession(
                cookie_jar=aiohttp.DummyCookieJar(), headers=self._headers, trust_env=False
            )
        return self._session


async def _read_up_to(response: aiohttp.ClientResponse, limit: int) -> bytes:
    body = bytearray()
    while len(body) <= limit:
        data = await response.content.readany()
        if not data:
            break
        body += data
    return bytes(body[:limit])


def _connection_error(error: Exception) -> ProviderError:
    match error:
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

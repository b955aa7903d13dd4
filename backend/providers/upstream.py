"""HTTP to one provider: streamed answers, and look-ups in one piece."""

import asyncio
from collections.abc import Mapping
from contextlib import suppress
from typing import Self
from urllib.parse import urlencode

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

_STREAMING = (
    b"Content-Type: application/json\r\n"
    b"Accept: text/event-stream\r\n"
    b"Accept-Encoding: identity\r\n"  # a compressor would gather tokens
    b"Content-Length: %d\r\n"
)
_LOOK_UP = b"Accept: application/json\r\nAccept-Encoding: identity\r\n"


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
        sent = {"User-Agent": "Parlor", **(headers or {})}
        if api_key:
            sent["Authorization"] = f"Bearer {api_key}"
        self._silence = silence
        self._dialer = Dialer(base_url.rstrip("/"), sent)
        self.refusals = Refusals(clock or SystemClock(), api_key)

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(self, *_: object) -> None:
        await self.aclose()

    async def aclose(self) -> None:
        self._dialer.close()

    async def post(self, path: str, body: JsonObject) -> Connection:
        """The connection that the answer comes over, once its status is good; `give_back` it.

        Raises ProviderError.
        """
        raw = orjson.dumps(body)
        connection = await self._dialer.send(
            "POST", path, _STREAMING % len(raw), raw, self._silence
        )
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
        target = f"{path}?{urlencode(query)}" if query else path
        try:
            async with asyncio.timeout(LOOKUP_SECONDS):
                body = await self._look_up(target)
        except TimeoutError as error:
            raise ProviderUnreachableError("The provider did not answer in time.") from error
        try:
            value = orjson.loads(body)
        except orjson.JSONDecodeError as error:
            raise garbled("a list that is not JSON") from error
        if not isinstance(value, dict):
            raise garbled("a list in an unknown form")
        return value

    async def _look_up(self, target: str) -> bytes:
        connection = await self._dialer.send("GET", target, _LOOK_UP, b"", LOOKUP_SECONDS)
        try:
            if await connection.head() // 100 != 2:
                raise await self._refused(connection)
            body = bytearray()
            while data := await connection.read():
                body += data
                if len(body) > MAX_BODY_BYTES:
                    raise garbled("a list without an end")
            return bytes(body)
        finally:
            self._dialer.give_back(connection)

    async def _refused(self, connection: Connection) -> ProviderError:
        body = b""
        with suppress(ProviderError, TimeoutError):
            async with asyncio.timeout(CONNECT_SECONDS):
                while len(body) < MAX_ERROR_BYTES and (data := await connection.read()):
                    body += data
        return self.refusals.of_response(connection.status, connection.headers, body)

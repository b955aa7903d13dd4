"""One HTTP/1.1 connection to a provider: a question out, the answer's bytes as they come.

In place of aiohttp's for streamed answers, whose way from socket to reader costs more than all of
ours from reader to screen: see DECISIONS.md.
"""

import asyncio
from typing import cast, override

import httptools

from backend.providers.base import ProviderError, ProviderUnreachableError
from backend.providers.errors import garbled
from backend.providers.refusal_words import ProviderSilentError

LARGEST_HEAD = 64 * 1024
_FULL = 512 * 1024
"""Bytes that wait for their reader; above that the socket is not read."""


class Connection(asyncio.Protocol):
    """Carries one exchange at a time: `ask`, `head`, `read` to the end, and then the next one."""

    def __init__(self) -> None:
        self._loop = asyncio.get_running_loop()
        self._begin()
        self.is_lost = False

    def _begin(self) -> None:
        self.status = 0
        self.headers: dict[str, str] = {}
        """Names in lower case; of those that occur twice the last."""
        self.is_complete = False
        """The whole answer has arrived; what of it is still to be read is here."""
        self._parser = httptools.HttpResponseParser(self)
        self._keeps_alive = False
        self._has_head = False
        self._head_bytes = 0
        self._pieces: list[bytes] = []
        self._waiting = 0
        self._is_paused = False
        self._failure: ProviderError | None = None
        self._reader: asyncio.Future[None] | None = None
        self._heard = True

    # --- the side of whoever asks ------------------------------------------------------------

    @property
    def can_carry_another(self) -> bool:
        return self.is_complete and self._keeps_alive and not self.is_lost and not self._failure

    def ask(self, request: bytes, silence: float) -> None:
        """Send it. Reading fails when nothing comes for `silence` seconds (and up to a quarter
        more: one timer looks now and then, instead of being set anew by every read)."""
        if self._has_head:
            self._begin()
        self._silence, self._silent_since = silence, self._loop.time()
        self._watch = self._loop.call_later(silence / 4, self._check_silence)
        self._transport.write(request)

    async def head(self) -> int:
        """Wait for status and headers. Raises ProviderError."""
        while not self._has_head:
            await self.news()
        return self.status

    async def read(self) -> bytes:
        """What has arrived, as soon as something has; empty at the end. Raises ProviderError."""
        while (data := self.take()) is None:
            await self.news()
        return data

    def take(self) -> bytes | None:
        """`read` for whoever counts every call: None when `news` is to be awaited first."""
        pieces = self._pieces
        if not pieces:
            return b"" if self.is_complete else None
        self._pieces = []
        self._waiting = 0
        if self._is_paused:
            self._is_paused = False
            self._transport.resume_reading()
        return pieces[0] if len(pieces) == 1 else b"".join(pieces)

    def end(self) -> None:
        """The exchange is over; an answer that was not read to its end costs the connection.

        The socket is closed at once: a polite TLS goodbye would wait for the other side, and the
        model would go on and be paid.
        """
        self._watch.cancel()
        if not self.can_carry_another:
            self.abort()

    def abort(self) -> None:
        self.is_lost = True
        self._transport.abort()

    def news(self) -> asyncio.Future[None]:
        """Done when something has arrived; fails with a ProviderError."""
        reader = self._reader = self._loop.create_future()
        if self._failure:
            reader.set_exception(self._failure)
        return reader

    # --- the side of the socket --------------------------------------------------------------

    @override
    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast(asyncio.Transport, transport)

    @override
    def data_received(self, data: bytes) -> None:
        self._heard = True
        if not self._has_head:
            self._head_bytes += len(data)
        try:
            self._parser.feed_data(data)
        except (httptools.HttpParserError, httptools.HttpParserUpgrade):
            self._fail(garbled("it is not HTTP"))
        if self._head_bytes > LARGEST_HEAD and not self._has_head:
            self._fail(garbled("its headers do not end"))
        self._wake()

    @override
    def connection_lost(self, exc: Exception | None) -> None:
        self.is_lost = True
        if self.is_complete:
            return
        lengths = ("content-length", "transfer-encoding")
        if exc is None and self._has_head and not any(name in self.headers for name in lengths):
            self.is_complete = True
        else:
            self._fail(ProviderUnreachableError("The connection to the provider was cut off."))
        self._wake()

    def _wake(self) -> None:
        reader = self._reader
        if reader is not None and not reader.done():
            if self._failure and not self._pieces:
                reader.set_exception(self._failure)
            elif self._pieces or self._has_head or self.is_complete:
                reader.set_result(None)

    def _fail(self, error: ProviderError) -> None:
        self._failure = self._failure or error
        self.abort()

    def _check_silence(self) -> None:
        now = self._loop.time()
        if self._heard or self._is_paused:
            self._heard, self._silent_since = False, now
        elif now - self._silent_since >= self._silence:
            self._fail(ProviderSilentError("The provider stayed silent for too long."))
            self._wake()
            return
        self._watch = self._loop.call_later(self._silence / 4, self._check_silence)

    # --- what the parser finds ---------------------------------------------------------------

    def on_message_begin(self) -> None:
        if self.is_complete:
            self._keeps_alive = False  # an answer that nobody asked for
        else:
            self.headers = {}

    def on_header(self, name: bytes, value: bytes) -> None:
        self.headers[name.decode("latin-1").lower()] = value.decode("latin-1")

    def on_headers_complete(self) -> None:
        status = self._parser.get_status_code()
        if status >= 200:  # below, the real answer is still to come
            self.status, self._has_head = status, True
            if self.headers.get("content-encoding", "identity") != "identity":
                self._fail(garbled("it is compressed, though it was asked for as it is"))

    def on_body(self, body: bytes) -> None:
        if self._failure:
            return
        self._pieces.append(body)
        self._waiting += len(body)
        if self._waiting > _FULL and not self._is_paused:
            self._is_paused = True
            self._transport.pause_reading()

    def on_message_complete(self) -> None:
        if self._has_head and not self._failure:
            self.is_complete = True
            self._keeps_alive = self._parser.should_keep_alive()

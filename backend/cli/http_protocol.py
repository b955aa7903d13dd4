"""The server's own patience: requests that never end their headers, or never end at all.

What is below HTTP's meaning stands here, because an application first hears of a request when its
headers are complete.
"""

import asyncio
from collections.abc import Mapping
from typing import override

import orjson
from uvicorn.protocols.http.httptools_impl import (
    STATUS_LINE,
    HttpToolsProtocol,
    RequestResponseCycle,
)

HEAD_SECONDS = 15.0
LARGEST_HEAD = 64_000
"""While it is still arriving. What has arrived is measured, more strictly, by the application."""
REST_SECONDS = 5.0
"""For the rest of a body that was answered before its end."""

_BAD_REQUEST = (400, "bad_request", "The request is not plain HTTP/1.")
_HEAD_TOO_LARGE = (431, "headers_too_large", "The headers of this request are too large.")
_TOO_SLOW = (408, "too_slow", "The headers of a request have to arrive within 15 seconds.")
_ALWAYS: Mapping[str, str] = {
    "content-type": "application/json",
    "x-content-type-options": "nosniff",
    "content-security-policy": "default-src 'none'; frame-ancestors 'none'; sandbox",
    "cache-control": "no-store",
    "connection": "close",
}


class PatientHttp(HttpToolsProtocol):
    """uvicorn's HTTP with an end to its patience. Costs a whole request nothing but two flags."""

    head_seconds = HEAD_SECONDS
    rest_seconds = REST_SECONDS
    _in_head = True
    _head_bytes = 0
    _ending: asyncio.TimerHandle | None = None

    @override
    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]  # as the parent
        super().connection_made(transport)
        self._wait(self.head_seconds)

    @override
    def connection_lost(self, exc: Exception | None) -> None:
        self._stop_waiting()
        super().connection_lost(exc)

    @override
    def data_received(self, data: bytes) -> None:
        super().data_received(data)
        if not self._in_head or self.transport.is_closing():
            return
        self._head_bytes += len(data)
        if self._head_bytes > LARGEST_HEAD:
            self._refuse(_HEAD_TOO_LARGE)
        elif self._ending is None:
            self._wait(self.head_seconds)

    @override
    def on_message_begin(self) -> None:
        super().on_message_begin()
        self._in_head = True
        self._head_bytes = 0

    @override
    def on_header(self, name: bytes, value: bytes) -> None:
        # After the head come trailers: they would stand among the headers of a request that is
        # being answered already, behind the back of every check.
        if self._in_head:
            super().on_header(name, value)

    @override
    def on_headers_complete(self) -> None:
        self._in_head = False
        self._stop_waiting()
        super().on_headers_complete()

    @override
    def on_message_complete(self) -> None:
        self._stop_waiting()
        super().on_message_complete()

    @override
    def on_response_complete(self) -> None:
        cycle = self.cycle
        super().on_response_complete()
        if cycle is self.cycle and cycle.more_body:
            self._wait(self.rest_seconds)

    @override
    def send_400_response(self, msg: str) -> None:
        self._refuse(_BAD_REQUEST)

    def _wait(self, seconds: float) -> None:
        self._stop_waiting()
        self._ending = self.loop.call_later(seconds, self._lose_patience)

    def _stop_waiting(self) -> None:
        if self._ending is not None:
            self._ending.cancel()
            self._ending = None

    def _lose_patience(self) -> None:
        self._ending = None
        if self._head_bytes and self._in_head:
            self._refuse(_TOO_SLOW)
        else:  # nobody has asked anything, or the answer is out
            self.transport.close()

    def _refuse(self, why: tuple[int, str, str]) -> None:
        if self.transport.is_closing():
            return
        cycle: RequestResponseCycle | None = self.cycle
        if cycle is not None and not cycle.response_complete:
            # Its request is not what it seemed. Whoever works on it hears that nobody waits.
            cycle.disconnected = True
            cycle.message_event.set()
            if cycle.response_started:  # a second answer would stand in the middle of the first
                self.transport.close()
                return
        status, code, detail = why
        body = orjson.dumps({"code": code, "detail": detail})
        headers = {**_ALWAYS, "content-length": str(len(body))}
        lines = "".join(f"{name}: {value}\r\n" for name, value in headers.items())
        self.transport.write(STATUS_LINE[status] + lines.encode() + b"\r\n" + body)
        self.transport.close()

"""What goes over HTTP between us and a tool server, watched: the SDK above says "connection
closed" where the wire knows whether a request was ever sent, and stops altogether where one failed.

Loaded with the SDK, when the first server is configured.
"""

import asyncio
import errno
import socket
import ssl
from collections.abc import AsyncIterator, Awaitable, Callable
from http import HTTPStatus
from typing import override

import httpx2
import orjson

from backend.kit.outbound_guard import RefusedError
from backend.toolbox.attempt import Attempt, IdleClock, current
from backend.toolbox.events import Events
from backend.toolbox.oauth_grants import RenewalFailedError
from backend.toolbox.traffic_taps import EventReader

_GOODBYE_SECONDS = 2
LARGEST_ANSWER = 32_000_000
"""Room for 10 MB of text that a server says twice, as text and as structured content."""
_FAILED = -32000
_UNKNOWN_VERSION = -32022
_UNKNOWN_SESSION = (-32600, -32000, -32001)
"""Codes in use for it, besides others; the message tells."""

type Send = Callable[[httpx2.Request], Awaitable[httpx2.Response]]


class Watched(httpx2.AsyncBaseTransport):
    """Turns failures into answers of one request. Without that, one refused connection would end
    the whole session and every call that runs in it."""

    def __init__(
        self, send: Send, events: Events, *, breaks_session: bool, tells_reasons: bool
    ) -> None:
        """`breaks_session`: over HTTP+SSE nobody answers a message that did not arrive."""
        self._send = send
        self._events = events
        self._breaks_session = breaks_session
        self._tells_reasons = tells_reasons

    @override
    async def handle_async_request(self, request: httpx2.Request) -> httpx2.Response:
        if request.method == "POST" and (attempt := current.get()) is not None:
            attempt.refused = attempt.lost = attempt.unusable = attempt.unsigned = ""
            attempt.status, attempt.sent = 0, True
        if request.method == "DELETE":
            return await self._goodbye(request)
        if request.method == "POST" and (track := self._events.track()) is not None:
            track.message("sent", request.content)
        try:
            response = await self._send(request)
        except RenewalFailedError as error:
            return self._instead(request, unsigned=str(error))
        except (httpx2.ConnectError, httpx2.ConnectTimeout, httpx2.PoolTimeout, OSError) as error:
            reason = connect_words(error) if self._tells_reasons else "it cannot be reached"
            return self._instead(request, refused=reason)
        except httpx2.TransportError:
            return self._instead(request, lost="the connection broke")
        is_refusal = response.status_code >= HTTPStatus.BAD_REQUEST
        if request.method == "GET" and not (is_refusal and self._breaks_session):
            return self._followed(response)
        if is_refusal:
            return await self._refusal(request, response)
        return await self._answer(request, response)

    async def _goodbye(self, request: httpx2.Request) -> httpx2.Response:
        """The end of a session is told to the server, but it is not waited for long."""
        try:
            async with asyncio.timeout(_GOODBYE_SECONDS):
                response = await self._send(request)
                await response.aclose()
        except (httpx2.HTTPError, OSError):
            pass
        return httpx2.Response(204, request=request)

    def _instead(
        self,
        request: httpx2.Request,
        *,
        refused: str = "",
        lost: str = "",
        unusable: str = "",
        unsigned: str = "",
    ) -> httpx2.Response:
        """An answer that the SDK gives to this one call alone."""
        why = refused or lost or unusable or unsigned
        if (attempt := current.get()) is not None:
            attempt.refused, attempt.lost = refused, lost
            attempt.unusable, attempt.unsigned = unusable, unsigned
        if (track := self._events.track()) is not None:
            track.failure("received", why, request.content)
        if request.method == "GET":
            self._events.suspect()
        elif self._breaks_session:
            self._events.broken()
        error = {"code": _FAILED, "message": why}
        body = {"jsonrpc": "2.0", "id": None, "error": error}
        return httpx2.Response(503, json=body, request=request)

    def _followed(self, response: httpx2.Response) -> httpx2.Response:
        # Over HTTP+SSE the stream is the session.
        on_end = self._events.broken if self._breaks_session else self._events.suspect
        stream = _Followed(response, on_end, EventReader(self._events))
        return httpx2.Response(response.status_code, headers=response.headers, stream=stream)

    async def _refusal(self, request: httpx2.Request, response: httpx2.Response) -> httpx2.Response:
        """A status of 400 and more. Whether the server ran the call shows in what it says."""
        status = response.status_code
        try:
            content = await _whole(response, 1_000_000)
        except (httpx2.HTTPError, ValueError):
            content = b""
        if (attempt := current.get()) is not None:
            attempt.status = status
            # Kept when the SDK then tries an older handshake, which fails for another reason.
            attempt.challenge = response.headers.get("www-authenticate", attempt.challenge)
            if not _is_answer(content):
                reason = f"it answered with HTTP {status}"
                # Gateways answer 5xx also for requests that they had passed on.
                if status < HTTPStatus.INTERNAL_SERVER_ERROR:
                    attempt.refused = reason
                else:
                    attempt.lost = reason
        if (track := self._events.track()) is not None:
            words = content.decode("utf-8", "replace")
            track.failure("received", f"HTTP {status} {words}".strip(), request.content)
        if self._breaks_session:
            self._events.broken()
        kept = {
            name: value
            for name, value in response.headers.items()
            if name in ("content-type", "www-authenticate", "retry-after")
        }
        return httpx2.Response(status, headers=kept, content=content, request=request)

    async def _answer(self, request: httpx2.Request, response: httpx2.Response) -> httpx2.Response:
        if response.headers.get("content-encoding", "identity") != "identity":
            await response.aclose()  # nobody asked for it: what unpacks to gigabytes stays packed
            return self._instead(request, unusable="compressed, which nobody asked for")
        attempt = current.get() or Attempt(IdleClock(0))
        kind = response.headers.get("content-type", "").lower()
        if not kind.startswith("application/json"):
            stream = _Counted(response, EventReader(self._events), attempt)
            return httpx2.Response(response.status_code, headers=response.headers, stream=stream)
        try:
            content = await _whole(response, LARGEST_ANSWER)
        except ValueError as error:
            return self._instead(request, unusable=str(error))
        except httpx2.TransportError:
            return self._instead(request, lost="the connection broke in the middle of the answer")
        attempt.received += len(content)
        if content and (track := self._events.track()) is not None:
            track.message("received", content)
        headers = {
            name: value for name, value in response.headers.items() if name[:8] != "transfer"
        }
        return httpx2.Response(response.status_code, headers=headers, content=content)


class _Counted(httpx2.AsyncByteStream):
    """A stream of events that belongs to one request."""

    def __init__(self, response: httpx2.Response, reader: EventReader, attempt: Attempt) -> None:
        self._response = response
        self._reader = reader
        self._attempt = attempt

    @override
    async def __aiter__(self) -> AsyncIterator[bytes]:
        arrived = 0
        async for piece in self._response.aiter_raw():
            arrived += len(piece)
            self._attempt.received += len(piece)
            if arrived > LARGEST_ANSWER:
                raise httpx2.ReadError(_too_large())
            self._reader.take(piece)
            yield piece

    @override
    async def aclose(self) -> None:
        await self._response.aclose()


class _Followed(httpx2.AsyncByteStream):
    """A server's stream of news, which may run for days."""

    def __init__(
        self, response: httpx2.Response, on_end: Callable[[], None], reader: EventReader
    ) -> None:
        self._response = response
        self._reader = reader
        self._on_end = on_end

    @override
    async def __aiter__(self) -> AsyncIterator[bytes]:
        try:
            async for piece in self._response.aiter_raw():
                self._reader.take(piece)
                yield piece
        finally:
            self._on_end()

    @override
    async def aclose(self) -> None:
        await self._response.aclose()


async def _whole(response: httpx2.Response, largest: int) -> bytes:
    """Raises ValueError with words when it is larger."""
    content = bytearray()
    try:
        async for piece in response.aiter_raw():
            content += piece
            if len(content) > largest:
                raise ValueError(_too_large())
    finally:
        await response.aclose()
    return bytes(content)


def _too_large() -> str:
    return f"larger than {LARGEST_ANSWER // 1_000_000} MB"


def _is_answer(content: bytes) -> bool:
    """Whether this is JSON-RPC's answer to our request, and not a refusal of the request itself."""
    try:
        body = orjson.loads(content)
    except orjson.JSONDecodeError:
        return False
    error = body.get("error") if isinstance(body, dict) else None
    if not isinstance(error, dict) or body.get("id") is None:
        return False
    code, message = error.get("code"), str(error.get("message", "")).lower()
    if code == _UNKNOWN_VERSION:
        return False
    return not (code in _UNKNOWN_SESSION and "session" in message)


def connect_words(error: BaseException) -> str:
    """Why no connection came to be, for the person who runs the server."""
    cause: BaseException | None = error
    while cause is not None:
        match cause:
            case RefusedError():
                return "its address is not allowed"
            case socket.gaierror():
                return "its host name is unknown"
            case ssl.SSLCertVerificationError(verify_message=message):
                return f"its certificate is not trusted: {message}"
            case ssl.SSLError():
                return "no secure connection is possible"
            case ConnectionRefusedError() | OSError(errno=errno.ECONNREFUSED):
                return "connection refused"
            case OSError(errno=errno.EHOSTUNREACH | errno.ENETUNREACH):
                return "no way to its address"
            case httpx2.ConnectTimeout() | httpx2.PoolTimeout() | TimeoutError():
                return "no answer from its address"
        cause = cause.__cause__ or cause.__context__
    # asyncio joins the failures of several addresses into one error without a number.
    return "connection refused" if "refused" in str(error).lower() else "no connection"

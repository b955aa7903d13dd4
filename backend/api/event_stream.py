"""A live answer: headers that no proxy buffers, frames as they come, an end when nobody reads."""

import asyncio
from collections.abc import AsyncGenerator
from contextlib import aclosing, suppress
from typing import override

import structlog
from starlette.exceptions import HTTPException
from starlette.responses import Response
from starlette.types import Message, Receive, Scope, Send

from backend.api.errors import error_response
from backend.auth.callers import NotSignedInError
from backend.auth.open_streams import OpenStream
from backend.kit.errors import AppError
from backend.kit.sse import MEDIA_TYPE

_log = structlog.get_logger()

_HEADERS = {
    "content-type": f"{MEDIA_TYPE}; charset=utf-8",
    "cache-control": "no-store, no-transform",
    "x-accel-buffering": "no",
}


_END: Message = {"type": "http.response.body", "body": b"", "more_body": False}
_LAST_WORDS_SECONDS = 1.0


class EventStream(Response):
    """Sends what `frames` yields. The source is closed when it ends or the reader has gone.

    `place`: its place among the open streams; with it the stream also ends when whoever opened it
    may not read on.
    """

    def __init__(
        self,
        frames: AsyncGenerator[bytes],
        place: OpenStream | None = None,
        headers: dict[str, str] | None = None,
    ) -> None:
        super().__init__(status_code=200, headers=_HEADERS | (headers or {}))
        del self.headers["content-length"]
        self._frames = frames
        self._place = place
        self._begun = False

    @override
    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        # A task of its own is near the event loop: here every frame would wake two dozen layers.
        loop = asyncio.get_running_loop()
        sending = loop.create_task(self._send_all(send))
        watching = loop.create_task(_until_gone(receive))
        watching.add_done_callback(lambda _: sending.cancel())
        if self._place:
            self._place.sends(sending.cancel)
        request = asyncio.current_task()
        try:
            await sending
        except asyncio.CancelledError:
            if request and request.cancelling():
                raise  # by the server; otherwise the reader has gone, or may not stay
            if self._place and self._place.revoked:
                await self._end_soon(scope, receive, send)
        finally:
            watching.cancel()
            if self._place:
                self._place.close()

    async def _send_all(self, send: Send) -> None:
        await send({"type": "http.response.start", "status": 200, "headers": self.raw_headers})
        self._begun = True
        try:
            async with aclosing(self._frames) as frames:
                async for frame in frames:
                    await send({"type": "http.response.body", "body": frame, "more_body": True})
        except AppError as error:  # too late for a status: an end without a last event says it
            _log.warning("stream_cut", code=error.code)
        await send(_END)

    async def _end_soon(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Properly, unless the reader does not read: the server then closes the connection."""
        with suppress(TimeoutError):
            async with asyncio.timeout(_LAST_WORDS_SECONDS):
                if self._begun:
                    await send(_END)
                else:
                    gone = NotSignedInError()
                    answer = error_response(gone.status, gone.code, gone.detail)
                    await answer(scope, receive, send)


async def _until_gone(receive: Receive) -> None:
    with suppress(HTTPException):  # a body too large: as good as gone
        while (await receive())["type"] != "http.disconnect":
            pass

"""A live answer: headers that no proxy buffers, frames as they come, an end when nobody reads."""

import asyncio
from collections.abc import AsyncGenerator
from contextlib import aclosing, suppress
from typing import override

import structlog
from starlette.exceptions import HTTPException
from starlette.responses import Response
from starlette.types import Receive, Scope, Send

from backend.kit.errors import AppError
from backend.kit.sse import MEDIA_TYPE

_log = structlog.get_logger()

_HEADERS = {
    "content-type": f"{MEDIA_TYPE}; charset=utf-8",
    "cache-control": "no-store, no-transform",
    "x-accel-buffering": "no",
}


class EventStream(Response):
    """Sends what `frames` yields. The source is closed when it ends or the reader has gone."""

    def __init__(
        self, frames: AsyncGenerator[bytes], headers: dict[str, str] | None = None
    ) -> None:
        super().__init__(status_code=200, headers=_HEADERS | (headers or {}))
        del self.headers["content-length"]
        self._frames = frames

    @override
    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        async with asyncio.TaskGroup() as group:
            sending = group.create_task(self._send_all(send))
            watching = group.create_task(_until_gone(receive))
            sending.add_done_callback(lambda _: watching.cancel())
            watching.add_done_callback(lambda _: sending.cancel())

    async def _send_all(self, send: Send) -> None:
        await send({"type": "http.response.start", "status": 200, "headers": self.raw_headers})
        try:
            async with aclosing(self._frames) as frames:
                async for frame in frames:
                    await send({"type": "http.response.body", "body": frame, "more_body": True})
        except AppError as error:  # too late for a status: an end without a last event says it
            _log.warning("stream_cut", code=error.code)
        await send({"type": "http.response.body", "body": b"", "more_body": False})


async def _until_gone(receive: Receive) -> None:
    with suppress(HTTPException):  # a body too large: as good as gone
        while (await receive())["type"] != "http.disconnect":
            pass

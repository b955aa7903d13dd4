"""`/mcp`: Parlor as an MCP server for other programs, over streamable HTTP."""

from collections.abc import Iterator
from typing import override

import anyio
from fastapi import APIRouter, Request
from starlette.responses import Response
from starlette.types import Message, Receive, Scope, Send

from backend.api.deps import ProgramCaller, ServicesDep
from backend.api.errors import error_response
from backend.auth.callers import NotSignedInError
from backend.auth.open_streams import OpenStream
from backend.auth.people import Caller
from backend.mcp_endpoint.service import McpEndpoint

router = APIRouter(include_in_schema=False)

_NO_STREAM = "There is no stream to listen to here, and no session to end: POST each message."


@router.post("/mcp")
async def mcp(request: Request, caller: ProgramCaller, services: ServicesDep) -> Response:
    place = services.streams.open(caller)
    with place:
        # Here, where a body that is too large or too slow has an answer of its own.
        body = await request.body()
    return _Exchange(services.mcp_endpoint, caller, body, place)


@router.get("/mcp")
@router.delete("/mcp")
async def no_stream(_: ProgramCaller) -> Response:
    return error_response(405, "method_not_allowed", _NO_STREAM, {"Allow": "POST"})


class _Exchange(Response):
    """One message and what comes of it. It ends when the program hangs up, or when what it showed
    counts no more."""

    def __init__(
        self, endpoint: McpEndpoint, caller: Caller, body: bytes, place: OpenStream
    ) -> None:
        super().__init__()
        self._endpoint = endpoint
        self._caller = caller
        self._body = body
        self._place = place
        self._begun = False

    @override
    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        async def send_on(message: Message) -> None:
            if message["type"] == "http.response.start":
                self._begun = True
                message = {**message, "headers": list(_uncached(message["headers"]))}
            await send(message)

        with anyio.CancelScope() as exchange, self._place:
            self._place.sends(exchange.cancel)
            await self._endpoint.answer(self._caller, self._body, scope, receive, send_on)
        self._place.close()
        if exchange.cancelled_caught and not self._begun:
            gone = NotSignedInError()
            await error_response(gone.status, gone.code, gone.detail)(scope, receive, send)


def _uncached(headers: list[tuple[bytes, bytes]]) -> Iterator[tuple[bytes, bytes]]:
    """Nothing on the way may keep an answer, or hold back what has come of it."""
    yield from (pair for pair in headers if pair[0].lower() not in _OURS)
    yield b"cache-control", b"no-store, no-transform"
    yield b"x-accel-buffering", b"no"


_OURS = (b"cache-control", b"x-accel-buffering")

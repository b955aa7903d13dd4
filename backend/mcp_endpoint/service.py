"""Parlor as an MCP server for programs. Costs nothing until the first of them asks."""

import asyncio
from collections.abc import Iterator
from typing import TYPE_CHECKING

from starlette.responses import Response
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from backend.auth.people import Caller
from backend.chat.completions import Completions
from backend.kit.background import Background
from backend.kit.clock import Clock
from backend.kit.errors import UnavailableError
from backend.mcp_endpoint.household import PROGRAM, Household
from backend.mcp_endpoint.message import BadMessageError, checked
from backend.mcp_endpoint.running import RunningCalls
from backend.toolbox.servers import ToolServers

if TYPE_CHECKING:
    from backend.mcp_endpoint.protocol import Protocol

CALLS_PER_PERSON = 8


class McpEndpoint:
    def __init__(
        self,
        servers: ToolServers,
        completions: Completions,
        clock: Clock,
        *,
        calls_per_person: int = CALLS_PER_PERSON,
    ) -> None:
        self._household = Household(servers, clock)
        self._completions = completions
        self._running = RunningCalls(calls_per_person)
        self._background = Background()
        self._opened: asyncio.Future[ASGIApp] | None = None

    async def drain(self, seconds: float) -> None:
        """Let calls end for a while, then end them; nothing new begins."""
        await self._running.drain(seconds)

    async def aclose(self) -> None:
        await self._background.aclose()

    async def answer(
        self, caller: Caller, body: bytes, scope: Scope, receive: Receive, send: Send
    ) -> None:
        """One request over streamable HTTP. The caller may use `/mcp`; everything else about the
        request was looked at by the edge, and its body was read there."""
        try:
            whole = checked(body)
        except BadMessageError as error:
            refusal = Response(error.answer, 400, media_type="application/json")
            await refusal(scope, receive, send)
            return
        app = await self._ready()
        # The parser leaves blanks around a value, which are no part of it.
        headers = [(name, value.strip(b" \t")) for name, value in scope["headers"]]
        await app({**scope, "headers": headers, PROGRAM: caller}, _repeated(whole, receive), send)

    async def _ready(self) -> ASGIApp:
        opened = self._opened
        if opened is None:
            opened = self._opened = asyncio.get_running_loop().create_future()
            self._background.start(self._run(opened), name="mcp endpoint")
        await asyncio.wait({opened})  # and not it itself: who hangs up must not end it for others
        return opened.result()

    async def _run(self, opened: "asyncio.Future[ASGIApp]") -> None:
        """In a task of its own: the SDK wants to be entered and left in the same one."""
        try:
            # The SDK takes half a second to load, so: in a thread, and only when it is wanted.
            protocol = await asyncio.to_thread(
                _load, self._household, self._completions, self._running
            )
            async with protocol.running() as app:
                opened.set_result(app)
                await asyncio.Event().wait()
        finally:
            self._opened = None
            if not opened.done():
                opened.set_exception(UnavailableError("Parlor cannot serve MCP right now."))


def _repeated(body: bytes, receive: Receive) -> Receive:
    """The body that was read already; then whatever else happens to the connection."""
    given: Iterator[Message] = iter([{"type": "http.request", "body": body, "more_body": False}])

    async def receive_again() -> Message:
        return next(given, None) or await receive()

    return receive_again


def _load(household: Household, completions: Completions, running: RunningCalls) -> "Protocol":
    from backend.mcp_endpoint.completion_tool import (  # noqa: PLC0415  # start-up: schemas
        CompletionTool,
    )
    from backend.mcp_endpoint.protocol import Protocol  # noqa: PLC0415  # as above: the SDK

    return Protocol(household, CompletionTool(completions), running)

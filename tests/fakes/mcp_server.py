"""Tool servers made with the SDK, on a real port of this machine, that can be killed."""

import argparse
import asyncio
import socket
import sys
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from typing import Annotated, Any

import uvicorn
from mcp.server import MCPServer
from mcp.server.mcpserver import Context, Elicit, ElicitationResult, Resolve
from mcp.types import (
    AudioContent,
    CallToolResult,
    EmbeddedResource,
    ImageContent,
    ResourceLink,
    TextContent,
    TextResourceContents,
)
from pydantic import BaseModel
from starlette.types import ASGIApp, Receive, Scope, Send

from backend.toolbox.connection import Connection
from tests.fakes.served import QuietServer
from tests.fakes.waiting import until

PIXEL = "iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mNk+M9QDwADhgGAWjR9awAAAABJRU5ErkJggg=="


class Sum(BaseModel):
    total: int


class Colour(BaseModel):
    colour: str


def _which_colour() -> Elicit[Colour]:
    return Elicit("Which colour?", Colour)


def build(name: str = "workshop") -> MCPServer[Any]:  # noqa: C901  # a list of tools
    """A tool for every way a call can go. `given_up` of the result names what was cancelled."""
    server: MCPServer[Any] = MCPServer(name, version="1.2", log_level="CRITICAL")
    given_up: list[str] = []
    server.given_up = given_up  # type: ignore[attr-defined]

    @server.tool()
    def echo(text: str) -> str:
        """Gives it back."""
        return text

    @server.tool()
    def add(a: int, b: int) -> Sum:
        """Adds."""
        return Sum(total=a + b)

    @server.tool()
    def fail() -> str:
        """Fails."""
        raise ValueError("the oven is cold")

    @server.tool()
    async def hang() -> str:
        """Never answers."""
        try:
            await asyncio.Event().wait()
        finally:
            given_up.append("hang")
        return ""

    @server.tool()
    async def steps(ctx: Context, count: int, seconds: float) -> str:
        """Reports each step."""
        for number in range(count):
            await asyncio.sleep(seconds)
            await ctx.report_progress(number + 1, count, f"step {number + 1}")
        return "all steps done"

    @server.tool()
    def big(characters: int) -> str:
        """Says a lot."""
        return "0123456789" * (characters // 10)

    @server.tool()
    async def paint(colour: Annotated[ElicitationResult[Colour], Resolve(_which_colour)]) -> str:
        """Asks for a colour."""
        return f"painted {colour.data.colour}" if colour.action == "accept" else colour.action

    @server.tool(structured_output=False)
    async def change(ctx: Context) -> str:
        """From now on there is a tool more."""
        server.add_tool(echo, name="newcomer")
        await ctx.session.send_tool_list_changed()  # to those of the older handshake
        await ctx.notify_tools_changed()
        return "changed"

    @server.tool(structured_output=False)
    def mixed() -> CallToolResult:
        """Content of every kind."""
        note = TextResourceContents(
            uri="note://1", text="remember the milk", mime_type="text/plain"
        )
        return CallToolResult(
            content=[
                TextContent(text="some text"),
                ImageContent(data=PIXEL, mime_type="image/png"),
                AudioContent(data=PIXEL, mime_type="audio/wav"),
                ResourceLink(uri="file:///list.txt", name="list", description="the whole list"),
                EmbeddedResource(resource=note),
            ]
        )

    @server.prompt()
    def greet(name: str) -> str:
        """Greets somebody."""
        return f"Say hello to {name}."

    @server.resource("note://{number}")
    def note(number: str) -> str:
        """A note."""
        return f"note {number}"

    @server.resource("shop://opening")
    def opening() -> str:
        """When it is open."""
        return "from nine to five"

    return server


class Running:
    """A server on a port. `kill` is abrupt, `start` brings it back on the same port."""

    def __init__(self, app: ASGIApp, port: int = 0) -> None:
        self.app = app
        self.port = port
        self.requests: list[dict[str, str]] = []
        """Headers of each request, and its `:method`."""
        self._server: QuietServer | None = None

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}/mcp"

    @property
    def connections(self) -> int:
        """That are open now."""
        return len(self._server.server_state.connections) if self._server else 0

    async def start(self) -> None:
        # The protocol is named, or asyncio leaves small answers waiting for 40 ms.
        listening = socket.socket(proto=socket.IPPROTO_TCP)
        listening.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        listening.bind(("127.0.0.1", self.port))
        self.port = listening.getsockname()[1]
        config = uvicorn.Config(
            self._record,
            interface="asgi3",
            http="h11",
            ws="none",
            lifespan="on",
            log_config=None,
            access_log=False,
            timeout_graceful_shutdown=0,
        )
        self._server = QuietServer(config)
        await self._server.begin(listening)

    async def kill(self) -> None:
        server, self._server = self._server, None
        if server is None:
            return
        for connection in list(server.server_state.connections):
            connection.transport.abort()
        server.force_exit = True
        await server.shutdown()

    async def _record(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] == "http":
            headers = {name.decode(): value.decode() for name, value in scope["headers"]}
            self.requests.append(headers | {":method": scope["method"]})
        await self.app(scope, receive, send)


@asynccontextmanager
async def running(app: ASGIApp, *, port: int = 0) -> AsyncGenerator[Running]:
    server = Running(app, port)
    await server.start()
    try:
        yield server
    finally:
        await server.kill()


async def out_for_long(server: Connection) -> None:
    """After its server was killed: a call need not wait, as it would for one that was there just
    now and is probably starting again."""
    await until(lambda: server.state.name == "failed")
    server.lost_at -= 60


def modern() -> ASGIApp:
    """2026-07-28 without sessions, and the older handshake with them: what the SDK serves."""
    server = build()
    app = server.streamable_http_app()
    app.given_up = server.given_up  # type: ignore[attr-defined]
    return app


def older(server: MCPServer[Any] | None = None) -> ASGIApp:
    """Refuses everything newer than the handshake, as servers of last year do."""
    app = (server or build()).streamable_http_app()

    async def refusing(scope: Scope, receive: Receive, send: Send) -> None:
        headers = dict(scope.get("headers", ()))
        if headers.get(b"mcp-protocol-version") == b"2026-07-28":
            await _answer(send, 400, b"Bad Request: no valid session id")
        else:
            await app(scope, receive, send)

    return refusing


def oldest() -> ASGIApp:
    """HTTP+SSE alone, its stream at the address where newer servers take messages."""
    app = build().sse_app(sse_path="/mcp")

    async def refusing(scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] == "http" and scope["path"] == "/mcp" and scope["method"] == "POST":
            await _answer(send, 405, b"Method Not Allowed")
        else:
            await app(scope, receive, send)

    return refusing


async def _answer(send: Send, status: int, body: bytes) -> None:
    await send({"type": "http.response.start", "status": status, "headers": []})
    await send({"type": "http.response.body", "body": body})


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("--port", type=int, default=0)
    port = parser.parse_args().port
    if not port:
        build().run("stdio")
        return
    uvicorn.run(modern(), host="127.0.0.1", port=port, log_level="critical")


if __name__ == "__main__":
    sys.exit(main())

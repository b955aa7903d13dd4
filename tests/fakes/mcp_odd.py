"""Tool servers as they should not be, written by hand: a JSON answer for each message."""

import asyncio
from collections.abc import Callable, Sequence
from typing import Any

import orjson
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.types import Receive, Scope, Send

type Message = dict[str, Any]


def tool(name: str, **more: Any) -> Message:
    schema = {"type": "object", "properties": {}}
    return {"name": name, "description": f"Does {name}.", "inputSchema": schema, **more}


def text(said: str, **more: Any) -> Message:
    return {"content": [{"type": "text", "text": said}], **more}


class OddServer:
    """Speaks the handshake of 2025-06-18 with sessions. Change an attribute to make it odd."""

    def __init__(self, *tools: Message) -> None:
        self.tools: Sequence[Message] = tools or (tool("ping"),)
        self.page = 1000
        self.lists: Callable[[], Message] | None = None
        """Makes each page of its list."""
        self.asked: list[str] = []
        """Methods in the order they came."""
        self.sessions: set[str] = set()
        self.handshakes = 0
        self.forgotten: Response | None = None
        """How a message of an unknown session is answered."""
        self.results: dict[str, Message | Callable[[], Response]] = {}
        """Method or tool name -> its result, or a whole answer."""
        self.hangs: set[str] = set()
        self.delays: dict[str, float] = {}
        """Method -> seconds before anything happens; "goodbye": to end a session."""
        self.capabilities: Message = {"tools": {}}

    def forget(self, status: int, body: Message | None = None) -> None:
        self.sessions.clear()
        answer = Response(status_code=status) if body is None else JSONResponse(body, status)
        self.forgotten = answer

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] == "lifespan":
            await _lifespan(receive, send)
            return
        request = Request(scope, receive)
        response = await self._respond(request)
        await response(scope, receive, send)

    async def _respond(self, request: Request) -> Response:
        if request.method != "POST":
            if request.method == "DELETE":
                await asyncio.sleep(self.delays.get("goodbye", 0))
            return Response(status_code=405)
        message = orjson.loads(await request.body())
        method = message["method"]
        self.asked.append(method)
        if method in self.hangs or "*" in self.hangs:
            await asyncio.Event().wait()
        await asyncio.sleep(self.delays.get(method, 0))
        if method == "initialize":
            return self._handshake(message)
        session = request.headers.get("mcp-session-id", "")
        if method != "server/discover" and session not in self.sessions:
            return self.forgotten or Response(status_code=404)
        if "id" not in message:
            return Response(status_code=202)
        return self._result(method, message)

    def _handshake(self, message: Message) -> Response:
        self.handshakes += 1
        session = f"session-{self.handshakes}"
        self.sessions.add(session)
        result = {
            "protocolVersion": "2025-06-18",
            "capabilities": self.capabilities,
            "serverInfo": {"name": "Odd Server", "version": "0"},
        }
        return _answer(message, result, {"mcp-session-id": session})

    def _result(self, method: str, message: Message) -> Response:
        params = message.get("params", {})
        key = params["name"] if method == "tools/call" else method
        given = self.results.get(key)
        if callable(given):
            return given()
        if given is not None:
            return _answer(message, given)
        if method == "tools/list" and self.lists is not None:
            return _answer(message, self.lists())
        if method == "tools/list":
            start = int(params.get("cursor") or 0)
            end = start + self.page
            result: Message = {"tools": list(self.tools[start:end])}
            if end < len(self.tools):
                result["nextCursor"] = str(end)
            return _answer(message, result)
        if method == "tools/call":
            return _answer(message, text(f"{key} done"))
        error = {"code": -32601, "message": "Method not found"}
        return JSONResponse({"jsonrpc": "2.0", "id": message["id"], "error": error})


def _answer(message: Message, result: Message, headers: dict[str, str] | None = None) -> Response:
    body = {"jsonrpc": "2.0", "id": message["id"], "result": result}
    return JSONResponse(body, headers=headers)


async def _lifespan(receive: Receive, send: Send) -> None:
    while True:
        kind = (await receive())["type"]
        await send({"type": f"{kind}.complete"})
        if kind == "lifespan.shutdown":
            return

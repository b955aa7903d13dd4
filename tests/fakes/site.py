"""A web site on loopback that answers as a test says and remembers how it was asked."""

import asyncio
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from typing import Self


@dataclass(frozen=True)
class Asked:
    method: str
    target: str
    headers: dict[str, str]
    body: bytes

    @property
    def path(self) -> str:
        return self.target.partition("?")[0]


@dataclass(frozen=True)
class Reply:
    status: int = 200
    body: bytes = b""
    headers: dict[str, str] = field(default_factory=dict)
    pause: float = 0
    """Seconds between the head and the body."""


type Answering = Callable[[Asked], Reply | Awaitable[Reply]]


class FakeSite:
    def __init__(self, answer: Answering) -> None:
        self._answer = answer
        self.asked: list[Asked] = []
        self.connections = 0

    @property
    def place(self) -> str:
        return f"127.0.0.1:{self.port}"

    @property
    def url(self) -> str:
        return f"http://{self.place}"

    async def __aenter__(self) -> Self:
        self._server = await asyncio.start_server(self._serve, "127.0.0.1", 0)
        self.port: int = self._server.sockets[0].getsockname()[1]
        return self

    async def __aexit__(self, *_: object) -> None:
        self._server.close()
        if hasattr(self._server, "close_clients"):  # uvloop's has none
            self._server.close_clients()
        await self._server.wait_closed()

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.connections += 1
        try:
            head = (await reader.readuntil(b"\r\n\r\n")).decode("latin-1")
            first, *lines = head.strip().split("\r\n")
            headers = {
                name.lower(): value.strip()
                for name, _, value in (line.partition(":") for line in lines)
            }
            body = await reader.readexactly(int(headers.get("content-length", "0")))
            method, target, _ = first.split(" ")
            asked = Asked(method, target, headers, body)
            self.asked.append(asked)
            reply = self._answer(asked)
            if not isinstance(reply, Reply):
                reply = await reply
            sent = {"Content-Length": str(len(reply.body)), "Connection": "close", **reply.headers}
            out = "".join(f"{name}: {value}\r\n" for name, value in sent.items())
            writer.write(f"HTTP/1.1 {reply.status} Fake\r\n{out}\r\n".encode("latin-1"))
            await writer.drain()
            if reply.pause:
                await asyncio.sleep(reply.pause)
            writer.write(reply.body)
            await writer.drain()
        except (ConnectionError, asyncio.IncompleteReadError):
            pass  # the client thought better of it
        finally:
            writer.close()

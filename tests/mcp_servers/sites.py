"""A web site of a test: real HTTP on loopback, answers as the test sets them."""

import asyncio
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from urllib.parse import parse_qs, urlsplit


@dataclass
class Asked:
    path: str
    query: dict[str, list[str]]
    headers: dict[str, str]


@dataclass
class Site:
    url: str = ""
    asked: list[Asked] = field(default_factory=list)
    _answers: dict[str, tuple[int, str, bytes]] = field(default_factory=dict)

    def answers(self, path: str, body: str | bytes, *, status: int = 200, kind: str = "") -> str:
        """The address of the answer."""
        data = body.encode() if isinstance(body, str) else body
        self._answers[path] = status, kind or "application/json", data
        return f"{self.url}{path}"

    @property
    def place(self) -> str:
        """`host:port`."""
        return self.url.removeprefix("http://")

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        head = (await reader.readuntil(b"\r\n\r\n")).decode("latin-1").split("\r\n")
        target = urlsplit(head[0].split(" ")[1])
        headers = dict(line.lower().split(": ", 1) for line in head[1:] if ": " in line)
        self.asked.append(Asked(target.path, parse_qs(target.query), headers))
        status, kind, body = self._answers.get(target.path, (404, "text/plain", b"nothing"))
        location = f"location: {body.decode()}\r\n" if status in (301, 302) else ""
        writer.write(
            f"HTTP/1.1 {status} X\r\ncontent-type: {kind}\r\n{location}"
            f"content-length: {len(body)}\r\nconnection: close\r\n\r\n".encode()
            + body
        )
        await writer.drain()
        writer.close()


@asynccontextmanager
async def opened_site() -> AsyncGenerator[Site]:
    site = Site()
    server = await asyncio.start_server(site.serve, "127.0.0.1", 0)
    site.url = f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}"
    async with server:
        yield site

"""A provider made of a socket: speaks the OpenAI protocol and misbehaves on request.

In a test: `async with FakeUpstream() as up: up.says(text("Hi")); ... up.base_url ...`
As a process: `python -m tests.fakes.upstream --port 9999 --script paced`.
"""

import argparse
import asyncio
import socket
import ssl
import struct
from collections import deque
from contextlib import suppress
from dataclasses import dataclass, field
from typing import Any, Self, override
from urllib.parse import parse_qs, urlsplit

import orjson

from tests.fakes.answers import (
    Cut,
    EndEarly,
    Pause,
    Scenario,
    Send,
    Stall,
    Step,
    raw,
    refusal,
    text,
)

PATIENCE = 5


@dataclass
class Request:
    method: str
    path: str
    query: dict[str, str]
    headers: dict[str, str]
    """Names in lower case."""
    body: Any
    connection: int
    """Which connection carried it, counted from 0."""


@dataclass(frozen=True)
class Closed:
    """The client left while it was being answered."""

    request: Request
    at: float
    """By the clock of the event loop."""


@dataclass
class FakeUpstream:
    """Answers `POST /chat/completions` with the scenarios given, in order; then with `always`."""

    always: Scenario | None = None
    port: int = 0
    models: list[dict[str, Any]] = field(default_factory=lambda: [{"id": "vendor/model"}])
    generations: dict[str, dict[str, Any]] = field(default_factory=dict)
    lookups: deque[Scenario] = field(default_factory=deque)
    """Scenarios for the next GET requests, instead of the lists above."""
    tls: ssl.SSLContext | None = None

    def __post_init__(self) -> None:
        self.requests: list[Request] = []
        self.closed: list[Closed] = []
        self.connections = 0
        self.open: set[_Connection] = set()
        self._scenarios: deque[Scenario] = deque()
        self._changed = asyncio.Condition()
        self._server: asyncio.Server | None = None
        self._tasks: set[asyncio.Task[None]] = set()

    @property
    def base_url(self) -> str:
        return f"{'https' if self.tls else 'http'}://127.0.0.1:{self.port}/api/v1"

    @property
    def chats(self) -> list[Request]:
        return [request for request in self.requests if request.method == "POST"]

    def says(self, *scenarios: Scenario) -> None:
        self._scenarios.extend(scenarios)

    async def __aenter__(self) -> Self:
        loop = asyncio.get_running_loop()
        self._server = await loop.create_server(
            lambda: _Connection(self), "127.0.0.1", self.port, backlog=1024, ssl=self.tls
        )
        self.port = self._server.sockets[0].getsockname()[1]
        return self

    async def __aexit__(self, *_: object) -> None:
        assert self._server is not None
        self._server.close()
        for connection in list(self.open):
            connection.hang_up()
        if self._tasks:
            await asyncio.wait(self._tasks, timeout=PATIENCE)
        await self._server.wait_closed()

    async def has_requests(self, count: int) -> None:
        await self._until(lambda: len(self.chats) >= count)

    async def has_closed(self, count: int = 1) -> Closed:
        """Wait until that many clients have left in the middle; the latest of them."""
        await self._until(lambda: len(self.closed) >= count)
        return self.closed[count - 1]

    async def is_idle(self) -> None:
        """Wait until no connection is open any more."""
        await self._until(lambda: not self.open)

    async def _until(self, condition: Any) -> None:
        async with asyncio.timeout(PATIENCE), self._changed:
            await self._changed.wait_for(condition)

    def start(self, coroutine: Any) -> asyncio.Task[None]:
        task = asyncio.get_running_loop().create_task(coroutine)
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)
        return task

    def tell(self) -> None:
        self.start(self._notify())

    async def _notify(self) -> None:
        async with self._changed:
            self._changed.notify_all()

    def scenario_for(self, request: Request) -> Scenario:
        if request.method == "POST":
            if self._scenarios:
                return self._scenarios.popleft()
            return self.always or refusal(500, "the fake upstream has nothing left to say")
        if self.lookups:
            return self.lookups.popleft()
        if request.path.endswith("/models"):
            return _json({"data": self.models})
        found = self.generations.get(request.query.get("id", ""))
        if request.path.endswith("/generation") and found is not None:
            return _json({"data": found})
        return refusal(404, "not found")


def _json(value: Any) -> Scenario:
    return raw(orjson.dumps(value), content_type="application/json")


class _Connection(asyncio.Protocol):
    """One client. A protocol and not streams: it must notice at once when the client leaves."""

    def __init__(self, upstream: FakeUpstream) -> None:
        self._upstream = upstream
        self._buffer = b""
        self._number = upstream.connections
        self._answering: Request | None = None
        self._task: asyncio.Task[None] | None = None
        self._writable = asyncio.Event()
        self._writable.set()
        upstream.connections += 1

    @override
    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        assert isinstance(transport, asyncio.Transport)
        self._transport = transport
        self._upstream.open.add(self)

    @override
    def data_received(self, data: bytes) -> None:
        self._buffer += data
        request = self._take_request()
        if request:
            self._upstream.requests.append(request)
            self._answering = request
            self._task = self._upstream.start(self._respond(request))
            self._upstream.tell()

    @override
    def pause_writing(self) -> None:
        self._writable.clear()

    @override
    def resume_writing(self) -> None:
        self._writable.set()

    @override
    def eof_received(self) -> bool:
        return False

    @override
    def connection_lost(self, exc: Exception | None) -> None:
        self._upstream.open.discard(self)
        if self._answering:
            now = asyncio.get_running_loop().time()
            self._upstream.closed.append(Closed(self._answering, now))
            self._answering = None
        if self._task:
            self._task.cancel()
        self._upstream.tell()

    def hang_up(self) -> None:
        self._answering = None
        if self._task:
            self._task.cancel()
        # No lingering: the client gets a reset and not a polite end.
        client: socket.socket = self._transport.get_extra_info("socket")
        client.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        self._transport.abort()

    def _take_request(self) -> Request | None:
        head, separator, rest = self._buffer.partition(b"\r\n\r\n")
        if not separator:
            return None
        first, *lines = head.decode("latin-1").split("\r\n")
        headers = {
            name.lower(): value.strip() for name, _, value in (x.partition(":") for x in lines)
        }
        length = int(headers.get("content-length", 0))
        if len(rest) < length:
            return None
        self._buffer = rest[length:]
        method, target, _ = first.split(" ")
        url = urlsplit(target)
        return Request(
            method=method,
            path=url.path,
            query={name: values[0] for name, values in parse_qs(url.query).items()},
            headers=headers,
            body=orjson.loads(rest[:length]) if length else None,
            connection=self._number,
        )

    async def _respond(self, request: Request) -> None:
        scenario = self._upstream.scenario_for(request)
        chunked = scenario.framing == "chunked"
        if scenario.head:
            self._transport.write(_head(scenario))
        for step in scenario.steps:
            if isinstance(step, EndEarly):
                break
            await self._perform(step, chunked=chunked)
        self._answering = None
        if chunked:
            self._transport.write(b"0\r\n\r\n")
        else:
            self._transport.close()

    async def _perform(self, step: Step, *, chunked: bool) -> None:
        match step:
            case Send(data):
                frame = b"%x\r\n%b\r\n" % (len(data), data) if chunked else data
                self._transport.write(frame)
                await self._writable.wait()
            case Pause(seconds):
                await asyncio.sleep(seconds)
            case Stall():
                await asyncio.get_running_loop().create_future()
            case Cut():
                self.hang_up()
                await asyncio.get_running_loop().create_future()


def _head(scenario: Scenario) -> bytes:
    framing = "Transfer-Encoding: chunked" if scenario.framing == "chunked" else "Connection: close"
    lines = [
        f"HTTP/1.1 {scenario.status} Fake",
        f"Content-Type: {scenario.content_type}",
        framing,
        *(f"{name}: {value}" for name, value in scenario.headers.items()),
    ]
    return "\r\n".join([*lines, "", ""]).encode("latin-1")


async def _serve(port: int, scenario: Scenario) -> None:
    async with FakeUpstream(port=port, always=scenario) as upstream:
        print(f"listening on {upstream.base_url}", flush=True)
        await asyncio.get_running_loop().create_future()


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--port", type=int, default=0)
    parser.add_argument("--script", choices=["paced", "burst"], default="paced")
    parser.add_argument("--tokens", type=int, default=50)
    parser.add_argument("--delay", type=float, default=0.02, help="seconds between paced tokens")
    options = parser.parse_args()
    delay = options.delay if options.script == "paced" else 0
    tokens = [f"token{number} " for number in range(options.tokens)]
    with suppress(KeyboardInterrupt):
        asyncio.run(_serve(options.port, text(*tokens, delay=delay)))


if __name__ == "__main__":
    main()

"""What a household would notice during a change of releases: requests all the time, open answers.

Runs on a thread of its own with a loop of its own, at a bounded rate.
"""

import asyncio
import hashlib
import json
import ssl
import threading
import time
from collections import Counter
from contextlib import suppress
from dataclasses import dataclass, field
from typing import Self

from tests.deploy.household import Household
from tests.deploy.lab.network import GATEWAY
from tests.deploy.provider import numbered

STREAMS = 20
WORDS, WORD_SECONDS = 150, 0.02
NEW_EVERY, KEPT_EVERY = 0.05, 0.1
_PATIENCE = 30


@dataclass
class Seen:
    """Of all requests and streams."""

    answers: int = 0
    failures: Counter[str] = field(default_factory=Counter)
    slowest: float = 0.0
    slow: list[str] = field(default_factory=list)
    machine: float = 0.0
    """The slowest answer of a server that is no part of Parlor, asked by the same client: what
    this machine, busy with other things, adds to anything."""
    turns: int = 0
    resumed: int = 0
    """Followed on after the connection ended: what the page does by itself."""
    lost: list[str] = field(default_factory=list)
    """Turns whose text is not what the model said."""
    versions: list[str] = field(default_factory=list)

    def __str__(self) -> str:
        return (
            f"{self.answers} requests, {sum(self.failures.values())} failed"
            f" {dict(self.failures)}, slowest {self.slowest * 1000:.0f} ms {self.slow[-3:]}"
            f" (the machine's own: {self.machine * 1000:.0f} ms);"
            f" {self.turns} answers, {self.resumed} resumed, {len(self.lost)} with a loss;"
            f" versions {' -> '.join(self.versions)}"
        )


class Load:
    """`with Load(household) as seen: ...` runs it for as long as the block takes."""

    def __init__(self, household: Household) -> None:
        self._household = household
        self._host = household.lab.hosts["app"].address
        self._over = threading.Event()
        self._thread = threading.Thread(target=lambda: asyncio.run(self._run()))
        self.seen = Seen()
        self._want = hashlib.sha256("".join(numbered(WORDS)).encode()).hexdigest()

    def __enter__(self) -> Seen:
        self._thread.start()
        time.sleep(2)  # so that every stream is open before anything begins
        return self.seen

    def __exit__(self, *_: object) -> None:
        self._over.set()
        self._thread.join(timeout=60)
        print(f"\nload: {self.seen}")

    async def _run(self) -> None:
        async with asyncio.TaskGroup() as tasks:
            tasks.create_task(self._new_connections())
            tasks.create_task(self._yardstick())
            for _ in range(4):
                tasks.create_task(self._kept_connection())
            for number in range(STREAMS):
                tasks.create_task(self._answers(number))

    async def _yardstick(self) -> None:
        while not self._over.is_set():
            began = time.monotonic()
            reader, writer = await asyncio.open_connection(GATEWAY, 9999)
            writer.write(b"GET /api/v1/models HTTP/1.1\r\nHost: lab\r\n\r\n")
            await reader.readline()
            writer.close()
            self.seen.machine = max(self.seen.machine, time.monotonic() - began)
            await asyncio.sleep(NEW_EVERY)

    async def _new_connections(self) -> None:
        """A connection of its own for each request."""
        async with asyncio.TaskGroup() as tasks:
            while not self._over.is_set():
                tasks.create_task(self._one_request())
                await asyncio.sleep(NEW_EVERY)

    async def _one_request(self) -> None:
        try:
            async with await self._connect() as connection:
                await self._measured(connection, "new")
        except (OSError, EOFError, TimeoutError, ValueError) as error:
            self.seen.failures[f"new {type(error).__name__}"] += 1

    async def _kept_connection(self) -> None:
        """As browsers do: a connection that is found closed before any answer is replaced once."""
        connection: _Connection | None = None
        while not self._over.is_set():
            for is_last in (False, True):
                try:
                    connection = connection or await self._connect()
                    if await self._measured(connection, "kept"):
                        await connection.close()
                        connection = None
                    break
                except (OSError, EOFError, TimeoutError, ValueError) as error:
                    used = connection is not None and connection.used
                    if connection:
                        await connection.close()
                    connection = None
                    if is_last or not used:
                        self.seen.failures[f"kept {type(error).__name__}"] += 1
                        break
            await asyncio.sleep(KEPT_EVERY)
        if connection:
            await connection.close()

    async def _measured(self, connection: "_Connection", kind: str) -> bool:
        """Whether the server closes the connection after it."""
        began = time.monotonic()
        status, body, closes = await connection.ask("GET", "/health")
        spent = time.monotonic() - began
        if status != 200:
            self.seen.failures[f"{kind} status {status}"] += 1
            return closes
        self.seen.answers += 1
        version = json.loads(body)["version"]
        if not self.seen.versions or self.seen.versions[-1] != version:
            self.seen.versions.append(version)
        if spent > 0.4:
            self.seen.slow.append(f"{kind} {spent:.2f} s at {time.strftime('%T')}")
        self.seen.slowest = max(self.seen.slowest, spent)
        return closes

    async def _answers(self, number: int) -> None:
        await asyncio.sleep(number * 0.05)
        while not self._over.is_set():
            try:
                text, resumed = await self._answer()
            except (OSError, EOFError, TimeoutError, ValueError, KeyError) as error:
                self.seen.failures[f"turn {type(error).__name__} {error}"[:120]] += 1
                await asyncio.sleep(0.5)
                continue
            self.seen.turns += 1
            self.seen.resumed += resumed
            if hashlib.sha256(text.encode()).hexdigest() != self._want:
                self.seen.lost.append(text[-60:])

    async def _answer(self) -> tuple[str, int]:
        """A turn's whole text, following on where a connection ends before the turn does."""
        question = f"words {WORDS} {WORD_SECONDS}"
        message = {"messages": [{"role": "user", "content": question}]}
        turn = _Turn()
        async with await self._connect() as connection:
            head = await connection.begin("POST", "/api/chat/stream", json.dumps(message))
            turn.id = head["x-turn-id"]
            await turn.follow(connection)
        resumed = 0
        while not turn.is_over and resumed < 20:
            resumed += 1
            await asyncio.sleep(0.1)
            async with await self._connect() as connection:
                path = f"/api/chat/turns/{turn.id}/events?after={turn.number}"
                await connection.begin("GET", path)
                await turn.follow(connection)
        return turn.text, resumed

    async def _connect(self) -> "_Connection":
        return await _Connection.open(self._host, self._household.context, self._household.token)


class _Connection:
    def __init__(
        self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter, head: str
    ) -> None:
        self.reader, self._writer, self._head = reader, writer, head
        self.used = False

    @classmethod
    async def open(cls, host: str, context: ssl.SSLContext, token: str) -> Self:
        async with asyncio.timeout(_PATIENCE):
            reader, writer = await asyncio.open_connection(host, 8000, ssl=context)
        return cls(reader, writer, f"Host: {host}:8000\r\nAuthorization: Bearer {token}\r\n")

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(self, *_: object) -> None:
        await self.close()

    async def close(self) -> None:
        self._writer.close()
        with suppress(OSError, TimeoutError):
            async with asyncio.timeout(1):
                await self._writer.wait_closed()

    async def ask(self, method: str, path: str) -> tuple[int, bytes, bool]:
        async with asyncio.timeout(_PATIENCE):
            status, head = await self._send(method, path, "")
            body = await self.reader.readexactly(int(head.get("content-length", 0)))
        self.used = True
        return status, body, head.get("connection", "").lower() == "close"

    async def begin(self, method: str, path: str, body: str = "") -> dict[str, str]:
        """A stream's headers. Raises ValueError when it is none."""
        async with asyncio.timeout(_PATIENCE):
            status, head = await self._send(method, path, body)
        if status != 200:
            raise ValueError(f"{path[:24]} answered {status}")
        return head

    async def _send(self, method: str, path: str, body: str) -> tuple[int, dict[str, str]]:
        kind = f"Content-Type: application/json\r\nContent-Length: {len(body)}\r\n" if body else ""
        request = f"{method} {path} HTTP/1.1\r\n{self._head}{kind}\r\n{body}"
        self._writer.write(request.encode())
        first, *lines = (await self.reader.readuntil(b"\r\n\r\n")).decode().split("\r\n")
        head = {name.lower(): value.strip() for name, _, value in (x.partition(":") for x in lines)}
        return int(first.split(" ")[1]), head


class _Turn:
    def __init__(self) -> None:
        self.id, self.text, self.number, self.is_over = "", "", 0, False

    async def follow(self, connection: _Connection) -> None:
        """Until the turn's end, or the connection's."""
        with suppress(OSError, EOFError):
            while not self.is_over:
                async with asyncio.timeout(_PATIENCE):
                    line = (await connection.reader.readline()).decode().strip()
                if line.startswith("id: "):
                    number = int(line[4:])
                elif line.startswith("data: "):
                    event = json.loads(line[6:])
                    self.number = number
                    self.text += event["text"] if event["type"] == "text.delta" else ""
                    self.is_over = event["type"] == "turn.finished"
                elif not line and connection.reader.at_eof():
                    return

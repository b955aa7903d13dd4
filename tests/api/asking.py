"""What tests of the HTTP edge ask and compare."""

import asyncio
from collections.abc import Callable
from typing import Any

import httpx2
import orjson

from backend.container import Services
from backend.db.database import Connection

type Dump = dict[str, list[tuple[Any, ...]]]


def stored(services: Services) -> Any:
    """Everything in the database: `assert await stored(services) == before`."""

    def dump(connection: Connection) -> Dump:
        tables = connection.execute("SELECT name FROM sqlite_schema WHERE type = 'table'")
        names = [row[0] for row in tables]
        return {
            name: [tuple(row) for row in connection.execute(f"SELECT * FROM {name}")]  # noqa: S608  # names from the schema itself
            for name in names
        }

    return services.database.read(dump)


def refused(response: httpx2.Response, status: int, code: str) -> str:
    """Check an error answer; returns its words."""
    assert response.status_code == status, response.text
    body = response.json()
    assert set(body) == {"code", "detail"}
    assert body["code"] == code
    assert isinstance(body["detail"], str)
    assert body["detail"]
    return str(body["detail"])


def events(response: httpx2.Response) -> list[dict[str, Any]]:
    """The events of a whole stream."""
    assert response.status_code == 200, response.text
    lines = response.text.splitlines()
    return [orjson.loads(line[6:]) for line in lines if line.startswith("data: ")]


async def say(client: httpx2.AsyncClient, text: str, **more: Any) -> httpx2.Response:
    """Send a message and wait for the end of the answer."""
    body = {"messages": [{"role": "user", "content": text}], **more}
    return await client.post("/api/chat/stream", json=body)


async def until(condition: Callable[[], bool]) -> None:
    """Wait for something that nobody announces; five seconds at most."""
    async with asyncio.timeout(5):
        while not condition():  # noqa: ASYNC110  # a bounded wait for another task
            await asyncio.sleep(0.005)


class Reader:
    """Frames of a stream that is still open, as they arrive."""

    def __init__(self, response: httpx2.Response) -> None:
        self._chunks = response.aiter_raw()
        self._buffer = b""

    async def block(self) -> str:
        """The next frame or comment, without its empty line."""
        async with asyncio.timeout(5):
            while b"\n\n" not in self._buffer:
                self._buffer += await anext(self._chunks)
        block, _, self._buffer = self._buffer.partition(b"\n\n")
        return block.decode()

    async def event(self, kind: str = "") -> dict[str, Any]:
        """The next event (of that type)."""
        while True:
            for line in (await self.block()).splitlines():
                if line.startswith("data: "):
                    event: dict[str, Any] = orjson.loads(line[6:])
                    if kind in ("", event["type"]):
                        return event

    async def is_over(self) -> bool:
        """Whether the stream ends without another byte."""
        async with asyncio.timeout(5):
            return not self._buffer and await anext(self._chunks, None) is None

"""What tests of the HTTP edge ask and compare."""

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
            name: [tuple(row) for row in connection.execute(f"SELECT * FROM {name}")]  # noqa: S608
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

"""A connection that nobody used for a while is not trusted with a request."""

import asyncio
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager

import httpx2
import pytest

from backend.kit.addresses import Openings
from backend.kit.outbound import Outbound
from backend.toolbox.dialling import trusted_transport

_SERVER_WAITS = 4.5
"""Node and uvicorn wait five seconds."""


@asynccontextmanager
async def hanging_up() -> AsyncGenerator[str]:
    """A server that hangs up on whoever asks again at the moment when it has waited enough."""

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        last = asyncio.get_running_loop().time()
        try:
            while await reader.readuntil(b"\r\n\r\n"):
                now = asyncio.get_running_loop().time()
                if now - last >= _SERVER_WAITS:
                    return
                last = now
                writer.write(b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok")
        except (asyncio.IncompleteReadError, ConnectionError):
            pass
        finally:
            writer.close()

    async with await asyncio.start_server(serve, "127.0.0.1", 0) as server:
        yield f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}/"


async def asked_twice(client: httpx2.AsyncClient, url: str) -> list[str]:
    first = (await client.get(url)).text
    await asyncio.sleep(_SERVER_WAITS + 0.1)
    return [first, (await client.get(url)).text]


@pytest.mark.system
async def test_a_request_is_not_lost_in_a_server_that_is_just_hanging_up() -> None:
    async with hanging_up() as url:
        outbound = Outbound(Openings.of([url.removeprefix("http://").rstrip("/")]))
        guarded = await outbound.client()
        async with httpx2.AsyncClient(transport=trusted_transport()) as trusted:
            said = await asyncio.gather(asked_twice(guarded, url), asked_twice(trusted, url))
        await guarded.aclose()
        await outbound.aclose()
    assert said == [["ok", "ok"], ["ok", "ok"]]

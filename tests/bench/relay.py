"""The yardstick: the smallest honest relay. No accounts, no storage, one parse per chunk."""

import os
from collections.abc import AsyncGenerator, AsyncIterator
from contextlib import asynccontextmanager

import aiohttp
import orjson
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import PlainTextResponse, StreamingResponse
from starlette.routing import Route

URL = os.environ.get("BENCH_UPSTREAM", "")


@asynccontextmanager
async def lifespan(app: Starlette) -> AsyncIterator[None]:
    connector = aiohttp.TCPConnector(limit=0)
    timeout = aiohttp.ClientTimeout(total=None)
    async with aiohttp.ClientSession(connector=connector, timeout=timeout) as session:
        app.state.session = session
        yield


async def frames(session: aiohttp.ClientSession, body: bytes) -> AsyncGenerator[bytes]:
    headers = {"content-type": "application/json", "authorization": "Bearer bench"}
    async with session.post(f"{URL}/chat/completions", data=body, headers=headers) as answer:
        rest = b""
        async for data in answer.content.iter_any():
            whole, mark, rest = (rest + data).rpartition(b"\n\n")
            if not mark:
                continue
            for frame in whole.split(b"\n\n"):
                if frame.startswith(b"data: {"):
                    orjson.loads(frame[6:])
            yield whole + mark


async def chat(request: Request) -> StreamingResponse:
    payload = orjson.loads(await request.body())
    stream = frames(request.app.state.session, orjson.dumps(payload))
    return StreamingResponse(stream, media_type="text/event-stream")


async def health(_: Request) -> PlainTextResponse:
    return PlainTextResponse("ok")


app = Starlette(
    routes=[Route("/chat", chat, methods=["POST"]), Route("/health", health)], lifespan=lifespan
)

"""The other yardstick: a bare FastAPI app for start time, page bytes and static files."""

import os
from functools import cache
from pathlib import Path

from fastapi import FastAPI, Response
from fastapi.staticfiles import StaticFiles

app = FastAPI()
_folder = Path(os.environ.get("BENCH_PAGES", "/nonexistent"))


@cache
def content(name: str) -> bytes:
    return (_folder / name).read_bytes()


@app.get("/health")
async def health() -> dict[str, str]:
    return {"status": "ok"}


@app.get("/page/{name}")
async def page(name: str) -> Response:
    """The bytes that Parlor answered, as a route without any work of its own would return them."""
    return Response(content(name), media_type="application/json")


if static := os.environ.get("BENCH_STATIC"):
    app.mount("/static", StaticFiles(directory=static))

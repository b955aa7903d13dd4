"""`parlor mcp connect`: a Parlor that runs somewhere, as a tool server on standard input and output.

Each line that comes in is POSTed to `/mcp` as it is; what comes of it is written as lines.
"""

import asyncio
import sys
import threading
from base64 import b64encode
from contextlib import suppress
from pathlib import Path
from typing import Any, BinaryIO
from urllib.parse import urlsplit

import httpx2
import orjson

from backend.messages import JsonObject
from backend.providers.base import GarbledAnswerError
from backend.providers.event_stream import EventStreamParser

type _Id = str | int

_PATIENCE = httpx2.Timeout(10, read=60)
"""The server gives a sign of life every 15 seconds."""
_LONGEST_LINE = 4_000_000
"""Bytes; no longer request is taken over there."""
_LAST_ANSWERS_SECONDS = 2.0
"""For what is running when the input ends: who wrote it may still read."""
_FAILED, _UNREADABLE = -32000, -32700
_VERSION_KEY = "io.modelcontextprotocol/protocolVersion"
_NAMED_BY = {"tools/call": "name", "prompts/get": "name", "resources/read": "uri"}


def run_bridge(url: str, key: str, ca_file: Path | None = None) -> None:
    """Until the input ends."""
    bridge = _Bridge(_address(url), key, str(ca_file) if ca_file else True)
    with suppress(KeyboardInterrupt):
        asyncio.run(bridge.run(sys.stdin.buffer, sys.stdout.buffer))


def _address(url: str) -> str:
    parts = urlsplit(url)
    if parts.scheme not in ("http", "https") or not parts.hostname:
        sys.exit(f"{url} is no address of a Parlor; give one as https://parlor.example.")
    return url if parts.path.strip("/") else f"{url.rstrip('/')}/mcp"


class _Bridge:
    def __init__(self, url: str, key: str, verify: Any) -> None:
        self._url = url
        headers = {
            "authorization": f"Bearer {key}",
            "accept": "application/json, text/event-stream",
            "content-type": "application/json",
        }
        self._http = httpx2.AsyncClient(headers=headers, timeout=_PATIENCE, verify=verify)
        self._version = ""
        """Of the older handshake, once it is agreed on."""
        self._running: dict[_Id, asyncio.Task[None]] = {}
        self._writing = asyncio.Lock()

    async def run(self, given: BinaryIO, taken: BinaryIO) -> None:
        self._taken = taken
        lines: asyncio.Queue[bytes] = asyncio.Queue()
        threading.Thread(
            target=_read, args=(given, asyncio.get_running_loop(), lines), daemon=True
        ).start()
        async with self._http, asyncio.TaskGroup() as group:
            while line := await lines.get():
                if line.strip():
                    await self._take(line, group)
            if self._running:
                await asyncio.wait(self._running.values(), timeout=_LAST_ANSWERS_SECONDS)
            for task in list(self._running.values()):
                task.cancel()

    async def _take(self, line: bytes, group: asyncio.TaskGroup) -> None:
        try:
            message = orjson.loads(line)
            method, number = message.get("method"), message.get("id")
        except (orjson.JSONDecodeError, AttributeError):
            await self._fail(None, "This line is no JSON-RPC message.", _UNREADABLE)
            return
        if method == "notifications/cancelled":
            # Over HTTP a call ends when nobody listens to its answer any more.
            if task := self._running.get(_params(message).get("requestId", "")):
                task.cancel()
        elif isinstance(number, str | int) and method:
            task = group.create_task(self._ask(number, message, line))
            self._running[number] = task
            task.add_done_callback(lambda _: self._running.pop(number, None))
        elif method:
            group.create_task(self._tell(message, line))

    async def _tell(self, message: JsonObject, line: bytes) -> None:
        """A notification: nobody waits for anything."""
        with suppress(httpx2.HTTPError):
            await self._http.post(self._url, content=line, headers=self._headers(message))

    async def _ask(self, number: _Id, message: JsonObject, line: bytes) -> None:
        """Every request gets an answer, whatever happens."""
        headers = self._headers(message)
        try:
            async with self._http.stream(
                "POST", self._url, content=line, headers=headers
            ) as response:
                kind = response.headers.get("content-type", "").partition(";")[0].strip()
                if kind == "text/event-stream":
                    is_answered = await self._pass_on(number, response)
                else:
                    is_answered = await self._pass_whole(number, response)
        except httpx2.TransportError as error:
            why = str(error) or type(error).__name__
            await self._fail(number, f"Parlor at {self._url} cannot be reached: {why}")
            return
        except GarbledAnswerError:
            is_answered = False
        if not is_answered:
            await self._fail(number, "The connection to Parlor broke before its answer.")

    async def _pass_on(self, number: _Id, response: httpx2.Response) -> bool:
        """Progress, then the answer."""
        parser = EventStreamParser()
        async for data in response.aiter_bytes():
            for payload in parser.feed(data):
                if await self._write(payload) == number:
                    return True
        return False

    async def _pass_whole(self, number: _Id, response: httpx2.Response) -> bool:
        body = await response.aread()
        try:
            message = orjson.loads(body)
            is_ours = message.get("jsonrpc") == "2.0"
        except (orjson.JSONDecodeError, AttributeError):
            message, is_ours = {}, False
        if is_ours and message.get("id") == number:
            await self._write(body)
        elif is_ours and "error" in message:  # what could not be read has no number over there
            await self._write(orjson.dumps(message | {"id": number}))
        else:
            words = str(message.get("detail") or f"Parlor answered {response.status_code}.")
            if response.status_code == httpx2.codes.UNAUTHORIZED:
                words = "Parlor does not take the key in PARLOR_API_KEY. Make one under My account."
            await self._fail(number, words)
        return True

    async def _fail(self, number: _Id | None, words: str, code: int = _FAILED) -> None:
        error = {"code": code, "message": words}
        await self._write(orjson.dumps({"jsonrpc": "2.0", "id": number, "error": error}))

    async def _write(self, message: bytes) -> object:
        """On a line of its own; returns the number of what it answers."""
        found = orjson.loads(message)
        result = found.get("result")
        if isinstance(result, dict) and isinstance(result.get("protocolVersion"), str):
            self._version = result["protocolVersion"]
        line = b" ".join(message.splitlines()) + b"\n"
        async with self._writing:
            await asyncio.to_thread(_write_all, self._taken, line)
        return found.get("id") if "method" not in found else None

    def _headers(self, message: JsonObject) -> dict[str, str]:
        """What has to stand in headers too, so that those on the way need not read messages."""
        params, method = _params(message), str(message["method"])
        meta = params.get("_meta")
        version = meta.get(_VERSION_KEY) if isinstance(meta, dict) else None
        if not isinstance(version, str):
            return {"mcp-protocol-version": self._version} if self._version else {}
        headers = {"mcp-protocol-version": _plain(version), "mcp-method": _plain(method)}
        name = params.get(_NAMED_BY.get(method, ""))
        return headers | {"mcp-name": _plain(name)} if isinstance(name, str) else headers


def _params(message: JsonObject) -> JsonObject:
    params = message.get("params")
    return params if isinstance(params, dict) else {}


def _plain(value: str) -> str:
    """As the protocol has it: what a header cannot hold is put into base64."""
    if value.isascii() and value.isprintable() and value == value.strip() and value[:2] != "=?":
        return value
    return f"=?base64?{b64encode(value.encode()).decode()}?="


def _read(given: BinaryIO, loop: asyncio.AbstractEventLoop, lines: asyncio.Queue[bytes]) -> None:
    """In a thread: a pipe, a file or a terminal, on any system. An empty line is the end."""
    with suppress(RuntimeError):  # the loop is closed
        while line := given.readline(_LONGEST_LINE):
            loop.call_soon_threadsafe(lines.put_nowait, line)
        loop.call_soon_threadsafe(lines.put_nowait, b"")


def _write_all(taken: BinaryIO, line: bytes) -> None:
    with suppress(BrokenPipeError):
        taken.write(line)
        taken.flush()

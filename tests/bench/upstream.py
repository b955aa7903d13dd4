"""A fake model provider speaking the OpenAI wire, cheap enough never to be the bottleneck.

`python -m tests.bench.upstream PORT`; several may share one port. Modes (see wire.py):
paced (one token every GAP ms), burst (one token per turn of the event loop), hold (paced, then
silence until the client leaves), tool (asks for the tool whose name contains `echo`, then answers).
"""

import asyncio
import gc
import itertools
import re
import signal
import sys
from collections.abc import Callable
from typing import Any

import httptools
import orjson
import uvloop

from tests.bench.wire import ASK, MODEL, MODEL_COUNT, token

ECHO_TOOL = re.compile(rb'"name":\s*"([\w-]*echo[\w-]*)"')
TOOL_RESULT = re.compile(rb'"role":\s*"tool"')
ECHO_ARGUMENTS = '{"text": "echo"}'
STREAM_HEAD = (
    b"HTTP/1.1 200 OK\r\ncontent-type: text/event-stream\r\ncache-control: no-cache\r\n"
    b"x-generation-id: %s\r\ntransfer-encoding: chunked\r\n\r\n"
)
_serial = itertools.count(1)


def chunk(payload: bytes) -> bytes:
    return b"%x\r\n%s\r\n" % (len(payload), payload)


def event(generation: str, choices: list[dict[str, Any]], **more: object) -> bytes:
    body = {
        "id": generation,
        "provider": "Bench",
        "model": MODEL,
        "object": "chat.completion.chunk",
        "created": 1_790_000_000,
        "choices": choices,
        **more,
    }
    return b"data: " + orjson.dumps(body) + b"\n\n"


def choice(delta: dict[str, Any], finish: str | None = None) -> list[dict[str, Any]]:
    return [
        {
            "index": 0,
            "delta": delta,
            "finish_reason": finish,
            "native_finish_reason": finish,
            "logprobs": None,
        }
    ]


def end_of(generation: str, tokens: int, finish: str) -> bytes:
    """Finish reason, the usage chunk with no choices, the end mark, the end of the body."""
    usage = {
        "prompt_tokens": 20,
        "completion_tokens": tokens,
        "total_tokens": 20 + tokens,
        "cost": 0.0001,
        "prompt_tokens_details": {"cached_tokens": 0},
        "completion_tokens_details": {"reasoning_tokens": 0},
    }
    return b"".join(
        (
            chunk(event(generation, choice({"role": "assistant", "content": ""}, finish))),
            chunk(event(generation, [], usage=usage)),
            chunk(b"data: [DONE]\n\n"),
            b"0\r\n\r\n",
        )
    )


def models() -> bytes:
    """A catalogue as large as the real one; the first entry is the model that answers."""
    names = [MODEL, *(f"bench/model-{number}" for number in range(1, MODEL_COUNT))]
    data = [
        {
            "id": name,
            "canonical_slug": name,
            "name": f"Bench: Model {number}",
            "created": 1_700_000_000 + number,
            "description": "A model that exists for measuring. " * 8,
            "context_length": 1_000_000,
            "architecture": {
                "modality": "text->text",
                "input_modalities": ["text"] if number % 2 else ["text", "image"],
                "output_modalities": ["text"],
                "tokenizer": "Other",
            },
            "pricing": {"prompt": "0.000001", "completion": "0.000002", "request": "0"},
            "top_provider": {"context_length": 1_000_000, "max_completion_tokens": 64_000},
            "supported_parameters": ["temperature", "top_p", "max_tokens"]
            + (["tools", "tool_choice"] if number % 3 == 0 else []),
        }
        for number, name in enumerate(names)
    ]
    return orjson.dumps({"data": data})


class Connection(asyncio.Protocol):
    def __init__(self, loop: asyncio.AbstractEventLoop, catalogue: bytes) -> None:
        self.loop = loop
        self.catalogue = catalogue
        self.parser = httptools.HttpRequestParser(self)
        self.url = b""
        self.body: list[bytes] = []
        self.timer: asyncio.Handle | None = None
        self.paused = False
        self.waiting: Callable[[], None] | None = None

    def connection_made(self, transport: Any) -> None:
        self.transport = transport

    def connection_lost(self, exc: Exception | None) -> None:
        if self.timer:
            self.timer.cancel()

    def pause_writing(self) -> None:
        self.paused = True

    def resume_writing(self) -> None:
        self.paused = False
        if self.waiting:
            resume, self.waiting = self.waiting, None
            resume()

    def data_received(self, data: bytes) -> None:
        self.parser.feed_data(data)

    def on_message_begin(self) -> None:
        self.url = b""
        self.body = []

    def on_url(self, url: bytes) -> None:
        self.url += url

    def on_body(self, data: bytes) -> None:
        self.body.append(data)

    def on_message_complete(self) -> None:
        path = self.url.split(b"?")[0]
        if path.endswith(b"/chat/completions"):
            self.answer(b"".join(self.body))
        elif path.endswith(b"/models"):
            self.reply(b"200 OK", self.catalogue)
        else:
            self.reply(b"404 Not Found", b'{"error":{"code":404,"message":"not here"}}')

    def reply(self, status: bytes, body: bytes) -> None:
        head = b"HTTP/1.1 %s\r\ncontent-type: application/json\r\ncontent-length: %d\r\n\r\n"
        self.transport.write(head % (status, len(body)) + body)

    def answer(self, body: bytes) -> None:
        asked = ASK.findall(body)
        mode, gap, count = asked[-1] if asked else (b"burst", b"0", b"3")
        generation = f"gen-{next(_serial):012d}"
        self.transport.write(STREAM_HEAD % generation.encode())
        if mode == b"tool" and not TOOL_RESULT.search(body):
            self.call_tool(generation, body)
            return
        sample = chunk(event(generation, choice({"role": "assistant", "content": "#" * 15})))
        head, tail = sample.split(b"#" * 15)
        self.head, self.tail, self.sent, self.count = head, tail, 0, int(count)
        self.end = b"" if mode == b"hold" else end_of(generation, self.count, "stop")
        self.gap = int(gap) / 1000
        self.started = self.loop.time()
        if mode in (b"paced", b"hold"):
            self.tick()
        else:
            self.burst()

    def call_tool(self, generation: str, body: bytes) -> None:
        found = ECHO_TOOL.search(body)
        if not found:
            self.transport.write(end_of(generation, 0, "stop"))
            return
        start = {
            "index": 0,
            "id": "call_bench",
            "type": "function",
            "function": {"name": found[1].decode(), "arguments": ""},
        }
        rest = {"index": 0, "function": {"arguments": ECHO_ARGUMENTS}}
        for part in (start, rest):
            delta = {"role": "assistant", "content": None, "tool_calls": [part]}
            self.transport.write(chunk(event(generation, choice(delta))))
        self.transport.write(end_of(generation, 1, "tool_calls"))

    def step(self) -> bool:
        """Write one token; False when it was the last."""
        self.transport.write(b"".join((self.head, token(self.sent), self.tail)))
        self.sent += 1
        if self.sent < self.count:
            return True
        if self.end:
            self.transport.write(self.end)
        return False

    def tick(self) -> None:
        # Absolute times: a late timer must not slow the pace down.
        if self.step():
            self.timer = self.loop.call_at(self.started + self.sent * self.gap, self.tick)

    def burst(self) -> None:
        if self.paused:
            self.waiting = self.burst
        elif self.step():
            self.timer = self.loop.call_soon(self.burst)


async def serve(port: int) -> None:
    loop = asyncio.get_running_loop()
    catalogue = models()
    server = await loop.create_server(
        lambda: Connection(loop, catalogue), "127.0.0.1", port, reuse_port=True, backlog=2048
    )
    stopped = asyncio.Event()
    loop.add_signal_handler(signal.SIGTERM, stopped.set)
    loop.add_signal_handler(signal.SIGINT, stopped.set)
    await stopped.wait()
    server.close()


if __name__ == "__main__":
    gc.disable()
    uvloop.run(serve(int(sys.argv[1])))

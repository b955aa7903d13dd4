"""Runs the real server the way a household does, and speaks to it as a signed-in person."""

import contextlib
import http.client
import sys
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import orjson

from tests.bench.jobs import Job
from tests.bench.processes import BenchError, Server, environment, free_port, running
from tests.bench.wire import MODEL, ask

PASSWORD = "a bench of oak"
USERNAME = "bench"


def serve_environment(state: Path, upstream: int, **extra: str) -> dict[str, str]:
    return environment(
        HOME=str(state),
        PARLOR_STATE_DIR=str(state),
        PARLOR_STREAMS_PER_PERSON="1000",  # one person stands for a crowd
        OPENROUTER_API_KEY="bench",
        OPENROUTER_BASE_URL=f"http://127.0.0.1:{upstream}/v1",
        OPENROUTER_DEFAULT_MODEL=MODEL,
        **extra,
    )


def serve_command(port: int) -> list[str]:
    command = [sys.executable, "-m", "backend", "serve"]
    return [*command, "--host", "127.0.0.1", "--port", str(port)]


@dataclass(slots=True)
class Parlor:
    server: Server
    state: Path
    cookie: str = ""

    @property
    def port(self) -> int:
        return self.server.port

    @property
    def headers(self) -> dict[str, str]:
        return {
            "cookie": self.cookie,
            "origin": f"http://127.0.0.1:{self.port}",
            "sec-fetch-site": "same-origin",
        }

    def call(
        self, method: str, path: str, body: object = None
    ) -> tuple[http.client.HTTPResponse, bytes]:
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=30)
        try:
            data = orjson.dumps(body) if body is not None else None
            headers = {**self.headers, "content-type": "application/json"}
            connection.request(method, path, data, headers)
            response = connection.getresponse()
            content = response.read()
        finally:
            connection.close()
        if response.status >= 300:
            raise BenchError(f"{method} {path}: {response.status} {content[:300]!r}")
        return response, content

    def json(self, method: str, path: str, body: object = None) -> Any:
        content = self.call(method, path, body)[1]
        return orjson.loads(content) if content else None

    def sign_in(self) -> None:
        """Make the owner with the one-time code, or sign in when the owner exists."""
        person = {"username": USERNAME, "password": PASSWORD}
        if self.json("GET", "/api/auth/setup")["required"]:
            code = (self.state / "setup-code").read_text().strip()
            response, _ = self.call("POST", "/api/auth/register", {"code": code, **person})
        else:
            response, _ = self.call("POST", "/api/auth/login", {**person, "mode": "session"})
        cookies = response.headers.get_all("set-cookie") or []
        self.cookie = "; ".join(cookie.partition(";")[0] for cookie in cookies)
        self.json("GET", "/api/auth/me")

    def wait_for_models(self) -> None:
        """The list of models comes in the background; chat must not be refused for want of it."""
        for _ in range(100):
            found = self.json("GET", "/api/models")
            if any(model["id"].endswith(MODEL) for model in found["data"]):
                return
            time.sleep(0.05)
        raise BenchError("the upstream's model never appeared in /api/models")

    def turn(self, mode: str, gap_ms: int, tokens: int, **shape: Any) -> Job:
        """A new conversation per stream: stored, titled, journalled."""
        body = {
            "messages": [
                {
                    "role": "user",
                    "content": ask(mode, gap_ms, tokens),
                    "client_message_id": "bench-@N@",
                }
            ],
            "timezone": "Europe/Oslo",
        }
        return Job(
            port=self.port,
            path="/api/chat/stream",
            headers=self.headers,
            body=orjson.dumps(body).decode(),
            wire="parlor",
            tokens=tokens,
            **shape,
        )

    def get(self, path: str, **shape: Any) -> Job:
        return Job(port=self.port, method="GET", path=path, headers=self.headers, **shape)

    def begin_turn(self, mode: str, gap_ms: int, tokens: int) -> str:
        """Start a turn, leave at once, return its id: closing the connection does not stop it."""
        job = self.turn(mode, gap_ms, tokens)
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=10)
        try:
            headers = {**self.headers, "content-type": "application/json"}
            body = job.body.replace("@N@", str(time.monotonic_ns()))
            connection.request("POST", job.path, body, headers)
            response = connection.getresponse()
            if response.status != 200:
                raise BenchError(f"turn refused: {response.status} {response.read()[:300]!r}")
            turn_id = response.headers["x-turn-id"]
            if not turn_id:
                raise BenchError("no X-Turn-Id header")
            return turn_id
        finally:
            connection.close()


@contextlib.contextmanager
def parlor(folder: Path, upstream: int, *, name: str = "parlor", **extra: str) -> Iterator[Parlor]:
    """A started, signed-in server with its own state directory `folder/name`."""
    state = folder / name
    state.mkdir(exist_ok=True)
    port = free_port()
    env = serve_environment(state, upstream, **extra)
    with running(serve_command(port), folder / f"{name}.log", port, env=env) as server:
        server.ready()
        one = Parlor(server, state)
        one.sign_in()
        one.wait_for_models()
        yield one

"""`parlor chat`: Ctrl-C while the server has not begun to answer yet."""

import json
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import override

from tests.cli.conftest import PATIENCE, Terminal


class _Late(ThreadingHTTPServer):
    """Takes a question, and answers it when it is told to."""

    daemon_threads = True

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), _Handler)
        self.asked, self.may_answer, self.stopped = (threading.Event() for _ in range(3))


class _Handler(BaseHTTPRequestHandler):
    server: _Late

    def do_GET(self) -> None:
        if self.path == "/api/auth/me":
            self._say({"default_model": "demo:parlor"})
        else:  # the rest of the turn
            self._stream(2, {"type": "turn.finished", "status": "stopped", "cost": None})

    def do_POST(self) -> None:
        self.rfile.read(int(self.headers.get("content-length", 0)))
        if self.path != "/api/chat/stream":
            self.server.stopped.set()
            self._say({})
            return
        self.server.asked.set()
        self.server.may_answer.wait(PATIENCE)
        self._stream(1, {"type": "text.delta", "text": "Once upon a time"})

    @override
    def log_message(self, format: str, *args: object) -> None:
        """pytest shows what a test prints."""

    def _say(self, body: object) -> None:
        self.send_response(200)
        self.end_headers()
        self.wfile.write(json.dumps(body).encode())

    def _stream(self, number: int, event: object) -> None:
        self.send_response(200)
        self.send_header("x-conversation-id", "c1")
        self.send_header("x-turn-id", "t1")
        self.end_headers()
        self.wfile.write(f"id: {number}\ndata: {json.dumps(event)}\n\n".encode())


@contextmanager
def late_server() -> Iterator[_Late]:
    with _Late() as server:
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        try:
            yield server
        finally:
            server.may_answer.set()
            server.shutdown()
            thread.join()


def asked(terminal: Callable[..., Terminal], server: _Late) -> Terminal:
    chat = terminal("chat", "--server", f"http://127.0.0.1:{server.server_port}")
    chat.shows("> ")
    chat.types("a tale\n")
    assert server.asked.wait(PATIENCE)
    chat.types("\x03")
    chat.shows("^C")
    return chat


def test_the_answer_is_stopped_as_soon_as_it_begins(terminal: Callable[..., Terminal]) -> None:
    with late_server() as server:
        chat = asked(terminal, server)
        server.may_answer.set()
        chat.shows("[stopped]")
        assert server.stopped.is_set()
        chat.shows("> ")
        chat.types("/quit\n")
        assert chat.leaves() == 0


def test_a_second_one_leaves_at_once(terminal: Callable[..., Terminal]) -> None:
    with late_server() as server:
        chat = asked(terminal, server)
        assert chat.is_interrupted() != 0
        assert "Traceback" not in chat.seen
        assert not server.stopped.is_set()

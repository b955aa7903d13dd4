"""`parlor selftest`: does this release do what a household needs of it?

By itself it starts a Parlor of its own in an empty folder and uses it as a new owner would. With a
socket it examines a release that stands by beside the one that serves.
"""

import json
import re
import secrets
import socket
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from http.client import HTTPConnection, HTTPException
from pathlib import Path
from tempfile import TemporaryDirectory
from threading import Timer
from typing import Any, Self, override

from backend.api.frontends import built_frontends
from backend.kit.version import VERSION

_OK = 200
_PATIENCE = 10.0
_START_SECONDS = 20.0
_SCRIPT = re.compile(r'<script[^>]* src="(/[^"]+)"')
_LINK = re.compile(r"(http://127\.0\.0\.1:(\d+))/setup#code=(\S+)")

_FORGED = "eyJhbGciOiJIUzI1NiIsImtpZCI6Im5vbmUifQ.e30.AAAA"
"""A token signed with a key that there is not."""

type _Connect = Callable[[], HTTPConnection]
type _Step = tuple[str, str]
"""(what was tried, what was found)"""


class SelfTestError(Exception):
    """Something is not as it must be; `str()` says what."""


def run_selftest(private: Path | None) -> None:
    """A line for each thing that works; exits with 1 at the first that does not."""
    try:
        for what, found in _examine(private) if private else _try_everything():
            print(f"ok     {what:22} {found}", flush=True)
    except (SelfTestError, HTTPException, OSError, KeyError, ValueError) as error:
        print(f"WRONG  {type(error).__name__}: {error}", flush=True)
        sys.exit(1)


def _examine(private: Path) -> Iterator[_Step]:
    def connect() -> HTTPConnection:
        return _UnixConnection(str(private))

    yield from _outside(connect)


def _try_everything() -> Iterator[_Step]:
    with TemporaryDirectory(prefix="parlor-selftest-") as folder, _own_server(folder) as found:
        port, code = found

        def connect() -> HTTPConnection:
            return HTTPConnection("127.0.0.1", port, timeout=_PATIENCE)

        yield "start", f"on port {port}"
        yield from _outside(connect)
        yield from _as_owner(connect, code)


def _outside(connect: _Connect) -> Iterator[_Step]:
    """What anybody may see, and that it is no more than that."""
    health = _json(_ask(connect, "GET", "/health"))
    if health["version"] != VERSION:
        raise SelfTestError(f"version {health['version']} answers, expected {VERSION}")
    yield "health", f"version {VERSION}"
    setup = _json(_ask(connect, "GET", "/api/auth/setup"))
    yield "database", "not set up yet" if setup["required"] else "readable"
    apps = built_frontends()
    if "chat" not in apps:
        raise SelfTestError("the pages of the chat are missing")
    for app in apps:
        path = "/" if app == "chat" else f"/{app}/"
        page = _ask(connect, "GET", path)
        scripts = _SCRIPT.findall(page.decode())
        if not scripts:
            raise SelfTestError(f"the page at {path} has no script")
        for script in scripts:
            _ask(connect, "GET", script)
        yield f"page {path}", f"{len(scripts)} script(s)"
    for path in ("/api/auth/me", "/api/conversations", "/api/models"):
        _ask(connect, "GET", path, expected=401)
    # Also reads the keys and what decodes tokens, before anybody waits for it.
    _ask(connect, "GET", "/api/auth/me", token=_FORGED, expected=401)
    yield "strangers", "are asked to sign in"


def _as_owner(connect: _Connect, code: str) -> Iterator[_Step]:
    """Set-up, sign-in, a turn with the demo, and that it was kept."""
    known = {"username": "selftest", "password": secrets.token_urlsafe(18)}
    _ask(connect, "POST", "/api/auth/register", {**known, "code": code}, expected=201)
    signed_in = _json(_ask(connect, "POST", "/api/auth/login", {**known, "mode": "token"}))
    token = signed_in["access_token"]
    yield "sign-in", "an owner was made and signed in"
    with _Turn(connect, token, "Hello") as turn:
        begun = turn.until("text.delta", 5)
        _ask(connect, "POST", f"/api/chat/turns/{turn.id}/stop", token=token)
        ended = turn.until("turn.finished", 1)[-1]
    if ended["status"] != "stopped":
        raise SelfTestError(f"a turn that was stopped ended as {ended['status']}")
    said = "".join(event["text"] for event in begun if event["type"] == "text.delta").strip()
    yield "demo turn", f"said {said!r}, then stopped when asked to"
    (kept,) = _json(_ask(connect, "GET", "/api/conversations", token=token))["conversations"]
    yield "conversations", f"kept as {kept['title']!r}"


@contextmanager
def _own_server(folder: str) -> Iterator[tuple[int, str]]:
    """Port and set-up code of a Parlor in an empty folder, with no settings at all."""
    program = str(Path(sys.argv[0]).resolve())
    command = [sys.executable, program, "serve", "--port", "0"]
    environment = {"PATH": "/usr/bin:/bin", "HOME": folder, "PARLOR_STATE_DIR": f"{folder}/state"}
    with subprocess.Popen(  # noqa: S603  # this very program
        command,
        cwd=folder,
        env={**environment, "PARLOR_DRAIN_SECONDS": "0", "PYTHONUNBUFFERED": "1"},
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
    ) as process:
        too_late = Timer(_START_SECONDS, process.kill)
        too_late.start()
        try:
            yield _announced(process)
        finally:
            too_late.cancel()
            process.kill()


def _announced(process: subprocess.Popen[str]) -> tuple[int, str]:
    said = []
    for line in process.stdout or ():
        said.append(line.rstrip())
        if link := _LINK.search(line):
            return int(link[2]), link[3]
    words = " / ".join(map(_last_words, said[-3:])) or "it said nothing"
    raise SelfTestError(f"the server did not come up: {words}")


def _last_words(line: str) -> str:
    """Of a line of the log: its event, and of a traceback the error."""
    with suppress(ValueError, TypeError, KeyError):  # those are lines for people
        line = json.loads(line)["event"]
    return line.rstrip().rpartition("\n")[2][:300]


class _UnixConnection(HTTPConnection):
    def __init__(self, path: str) -> None:
        super().__init__("localhost", timeout=_PATIENCE)
        self._path = path

    @override
    def connect(self) -> None:
        self.sock = socket.socket(socket.AF_UNIX)
        self.sock.settimeout(_PATIENCE)
        self.sock.connect(self._path)


def _ask(  # a request has that many parts
    connect: _Connect,
    method: str,
    path: str,
    body: object = None,
    *,
    token: str = "",
    expected: int = _OK,
) -> bytes:
    headers = {"Content-Type": "application/json"} if body is not None else {}
    if token:
        headers["Authorization"] = f"Bearer {token}"
    connection = connect()
    try:
        content = None if body is None else json.dumps(body)
        connection.request(method, path, content, headers)
        answer = connection.getresponse()
        said = answer.read()
    finally:
        connection.close()
    if answer.status != expected:
        words = said[:200].decode(errors="replace")
        raise SelfTestError(f"{method} {path} answered {answer.status}, not {expected}: {words}")
    return said


class _Turn:
    """A turn's stream, read as far as asked."""

    def __init__(self, connect: _Connect, token: str, question: str) -> None:
        headers = {"Content-Type": "application/json", "Authorization": f"Bearer {token}"}
        body = json.dumps({"messages": [{"role": "user", "content": question}]})
        self._connection = connect()
        self._connection.request("POST", "/api/chat/stream", body, headers)
        self._answer = self._connection.getresponse()
        self.id = self._answer.getheader("x-turn-id", "")
        if self._answer.status != _OK:
            raise SelfTestError(f"no turn began: {self._answer.status} {self._answer.read(200)!r}")

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._connection.close()

    def until(self, kind: str, count: int) -> list[dict[str, Any]]:
        """The events up to so many of that kind. Raises SelfTestError when the stream ends."""
        found: list[dict[str, Any]] = []
        while count:
            line = self._answer.readline()
            if not line:
                raise SelfTestError(f"the answer's stream ended before {kind}: {found[-1:]}")
            if line.startswith(b"data: "):
                found.append(json.loads(line[6:]))
                count -= found[-1]["type"] == kind
        return found


def _json(content: bytes) -> dict[str, Any]:
    found: dict[str, Any] = json.loads(content)
    return found

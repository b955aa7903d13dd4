"""`parlor chat`: a conversation in the terminal, with a Parlor that runs somewhere."""

import getpass
import signal
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from types import FrameType
from typing import Any

import httpx2
import orjson

from backend.cli.terminal import harmless

_HELP = """\
/model [ID]   show or choose the model     /new    begin a new conversation
/help         this text                    /quit   leave (also Ctrl-D)
Ctrl-C stops the answer that is being written."""
_SESSION_FILE = Path("~/.config/parlor/sessions.json")
_DIM, _RED, _PLAIN = "\033[2m", "\033[31m", "\033[0m"
_PATIENCE = httpx2.Timeout(10, read=40)
"""The server gives a sign of life every 10 seconds."""


class ChatFailedError(Exception):
    """The server refused; `str()` is what to tell the person."""


@dataclass(slots=True)
class _Conversation:
    id: str | None = None
    model: str | None = None


def run_chat(server: str, model: str | None, ca_file: Path | None = None) -> None:
    """Sign in where needed, then read, send and print until the person leaves."""
    verify: Any = str(ca_file) if ca_file else True
    with httpx2.Client(base_url=server.rstrip("/"), timeout=_PATIENCE, verify=verify) as client:
        try:
            _sign_in(client, server)
            _converse(client, _Conversation(model=model))
        except httpx2.TransportError as error:
            sys.exit(f"Parlor at {server} cannot be reached: {error}")
        except ChatFailedError as error:
            sys.exit(str(error))


def _converse(client: httpx2.Client, conversation: _Conversation) -> None:
    print(f"Model: {conversation.model or _checked(client.get('/api/auth/me'))['default_model']}.")
    print("/help shows the commands.")
    while True:
        try:
            line = input("\n> ").strip()
        except (EOFError, KeyboardInterrupt):
            print()
            return
        if line == "/quit":
            return
        try:
            if line.startswith("/"):
                _command(client, conversation, line)
            elif line:
                _ask(client, conversation, line)
        except ChatFailedError as error:
            print(_paint(_RED, harmless(str(error))))


def _command(client: httpx2.Client, conversation: _Conversation, line: str) -> None:
    name, _, argument = line.partition(" ")
    match name:
        case "/help":
            print(_HELP)
        case "/new":
            conversation.id = None
            print("A new conversation.")
        case "/model" if argument:
            known = _checked(client.get("/api/models"))["data"]
            if any(one["id"] == argument for one in known) or not known:
                conversation.model = argument
                print(f"Model: {argument}")
            else:
                close = [one["id"] for one in known if argument.casefold() in one["id"].casefold()]
                print(
                    "No such model." + harmless(f" Meant: {', '.join(close[:8])}?" if close else "")
                )
        case "/model":
            listed = _checked(client.get("/api/models"))
            print(f"Model: {conversation.model or listed['default_model']}")
            print(harmless("\n".join(f"  {one['id']}" for one in listed["data"][:40])))
        case _:
            print(f"{name} is not a command; /help shows them.")


def _ask(client: httpx2.Client, conversation: _Conversation, text: str) -> None:
    body = {
        "conversation_id": conversation.id,
        "messages": [{"role": "user", "content": text}],
        "model": conversation.model,
    }
    printer = _Printer()
    with (
        _held_interrupt() as let_go,
        client.stream("POST", "/api/chat/stream", json=body) as answer,
    ):
        if answer.status_code != httpx2.codes.OK:
            answer.read()
            _checked(answer)
        conversation.id = answer.headers["x-conversation-id"]
        turn = answer.headers["x-turn-id"]
        try:
            let_go()
            printer.print_all(answer.iter_lines())
        except KeyboardInterrupt:
            pass
        else:
            return
    # The rest of a stopped answer comes from the journal.
    _checked(client.post(f"/api/chat/turns/{turn}/stop"))
    events = f"/api/chat/turns/{turn}/events"
    with client.stream("GET", events, params={"after": printer.last_number}) as rest:
        printer.print_all(rest.iter_lines())


@contextmanager
def _held_interrupt() -> Iterator[Callable[[], None]]:
    """Keep Ctrl-C while there is no answer yet that could be stopped. The yielded function ends
    that, and raises KeyboardInterrupt if it came. The second Ctrl-C is not kept."""
    came = False

    def keep(_signal: int, _frame: FrameType | None) -> None:
        nonlocal came
        if came:
            raise KeyboardInterrupt
        came = True

    def let_go() -> None:
        signal.signal(signal.SIGINT, before)
        if came:
            raise KeyboardInterrupt

    before = signal.signal(signal.SIGINT, keep)
    try:
        yield let_go
    finally:
        signal.signal(signal.SIGINT, before)


class _Printer:
    """Prints a turn's events as they come; `last_number` is where a second stream goes on."""

    def __init__(self) -> None:
        self.last_number = 0
        self._open_kind = ""

    def print_all(self, lines: Iterator[str]) -> None:
        """Until the turn ends. Raises ChatFailedError when the connection ends before it."""
        number = self.last_number
        for line in lines:
            if line.startswith("data: "):
                event = orjson.loads(line[6:])
                self._print(event)
                self.last_number = number
                if event["type"] == "turn.finished":
                    return
            elif line.startswith("id: "):
                number = int(line[4:])
        raise ChatFailedError("The connection broke; the answer goes on in Parlor.")

    def _print(self, event: dict[str, Any]) -> None:
        kind = event["type"]
        match kind:
            case "text.delta":
                self._write(kind, event["text"])
            case "reasoning.delta":
                self._write(kind, event["text"], _DIM)
            case "tool.started":
                self._write(kind, f"[{event['name']} {event['arguments']}]\n", _DIM)
            case "tool.finished":
                self._write(kind, f"[{event['status']}: {event['result'][:200]}]\n", _DIM)
            case "notice":
                self._write(kind, f"{event['detail']}\n", _DIM)
            case "error":
                self._write(kind, f"{event['detail']} ({event['code']})\n", _RED)
            case "turn.finished":
                cost = f" ${event['cost']:.4f}" if event["cost"] else ""
                self._write(kind, f"[{event['status']}{cost}]\n", _DIM)

    def _write(self, kind: str, text: str, colour: str = "") -> None:
        if self._open_kind.endswith(".delta") and kind != self._open_kind:
            print()
        self._open_kind = kind
        safe = harmless(text)
        print(_paint(colour, safe) if colour else safe, end="", flush=True)


def _paint(colour: str, text: str) -> str:
    return f"{colour}{text}{_PLAIN}" if sys.stdout.isatty() else text


def _sign_in(client: httpx2.Client, server: str) -> None:
    """With the session kept from last time, else by name and password."""
    path = _SESSION_FILE.expanduser()
    kept = _kept_sessions(path)
    client.cookies.update(kept.get(server, {}))
    if client.get("/api/auth/me").status_code == httpx2.codes.OK:
        return
    if _checked(client.get("/api/auth/setup"))["required"]:
        raise ChatFailedError(
            "This Parlor has no owner yet: open the link that `parlor serve` printed."
        )
    client.cookies.clear()
    name = input("Name: ")
    password = getpass.getpass("Password: ") if sys.stdin.isatty() else input()
    given = {"username": name, "password": password, "mode": "session"}
    answer = client.post("/api/auth/login", json=given)
    if _code(answer) == "second_factor_required":
        answer = client.post("/api/auth/login", json=given | {"code": input("Code: ")})
    _checked(answer)
    kept[server] = dict(client.cookies)
    path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
    path.touch(mode=0o600)
    path.write_bytes(orjson.dumps(kept))


def _kept_sessions(path: Path) -> dict[str, dict[str, str]]:
    try:
        kept: dict[str, dict[str, str]] = orjson.loads(path.read_bytes())
    except (OSError, orjson.JSONDecodeError):  # never signed in, or cut short while it was written
        return {}
    return kept


def _code(response: httpx2.Response) -> str:
    """Of an error; "" of anything else."""
    try:
        return str(response.json()["code"])
    except (ValueError, KeyError, TypeError):
        return ""


def _checked(response: httpx2.Response) -> Any:
    """The JSON of a good answer; a ChatFailedError with the server's words otherwise."""
    if response.is_success:
        return response.json() if response.content else None
    try:
        problem = response.json()
        words = f"{problem['detail']} ({problem['code']})"
    except (ValueError, KeyError, TypeError):
        words = f"Parlor answered {response.status_code}."
    raise ChatFailedError(words)

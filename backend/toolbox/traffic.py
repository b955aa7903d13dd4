"""What is said between Parlor and a server, for the owner's eyes while they look for a fault.

Nothing is kept while nobody records: then a message costs one look into an empty dict. Headers are
never recorded, and what looks like a secret is left out of the text.
"""

import asyncio
import re
from collections import OrderedDict, deque
from collections.abc import Collection
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, Literal

import orjson

from backend.kit.clock import Clock
from backend.kit.redact import REDACTED, redacted, without_secrets
from backend.toolbox.records import Address, Command, ServerDefinition

type Direction = Literal["sent", "received"]
type Kind = Literal["request", "answer", "notification", "failure"]

RECORDING = timedelta(minutes=10)
_KEPT = 200
_LONGEST = 8000
_READ = 32_000
"""Of a text that is too long, so much is looked through for secrets."""
_PARSED = 200_000
_SHORTEST_SECRET = 6
_NAMED = re.compile(
    r"""(?ix)
    (?P<name> " (?!progressToken) [\w-]*
        (?: tokens? | secret | password | api_?key | authorization | cookie ) \\* " \s*:\s* \\* " )
    [^"\\]+"""
)
"""In JSON that is the text of a JSON message, or that was too long to be read as JSON."""
_METHOD = re.compile(r'"method"\s*:\s*"([^"\\]{1,200})"')
_ID = re.compile(r'"id"\s*:\s*(?:"([^"\\]{1,200})"|(\d{1,20}))')
_OTHER: dict[Direction, Direction] = {"sent": "received", "received": "sent"}


@dataclass(frozen=True, slots=True)
class Entry:
    """`person`: whose account was used, "" for the connection that all share."""

    number: int
    at: datetime
    direction: Direction
    kind: Kind
    method: str | None
    id: str | None
    text: str
    is_cut: bool
    duration_ms: int | None
    person: str


@dataclass(frozen=True, slots=True)
class _About:
    """A message without its words."""

    method: str | None = None
    id: str | None = None
    is_failure: bool = False


class Tape:
    """One server's, while somebody records."""

    def __init__(
        self,
        secrets: Collection[str],
        clock: Clock,
        owner_id: str,
        *,
        recording: timedelta = RECORDING,
    ) -> None:
        self.until = clock.now() + recording
        self.owner_id = owner_id
        known = {one for one in secrets if len(one) >= _SHORTEST_SECRET}
        self._secrets = sorted(known, key=len, reverse=True)
        self._clock = clock
        self._entries: deque[Entry] = deque(maxlen=_KEPT)
        self._asked: OrderedDict[tuple[str, Direction, str], tuple[str, float]] = OrderedDict()
        self._count = 0

    def entries(self, person: str) -> list[Entry]:
        """Oldest first: of the shared connection, and of this person's own."""
        return [one for one in self._entries if one.person in ("", person)]

    def add(self, direction: Direction, about: _About, text: str, person: str) -> None:
        """`text`: without secrets that have a name, where it could be read as JSON."""
        kind, method, took = self._kind(direction, about, person)
        shown = text[:_READ]
        for secret in self._secrets:
            shown = shown.replace(secret, REDACTED)
        shown = _NAMED.sub(rf"\g<name>{REDACTED}", redacted(shown))
        self._count += 1
        self._entries.append(
            Entry(
                number=self._count,
                at=self._clock.now(),
                direction=direction,
                kind=kind,
                method=method,
                id=about.id,
                text=shown[:_LONGEST],
                is_cut=len(text) > _READ or len(shown) > _LONGEST,
                duration_ms=took,
                person=person,
            )
        )

    def _kind(
        self, direction: Direction, about: _About, person: str
    ) -> tuple[Kind, str | None, int | None]:
        """And an answer's method and time, by its request."""
        if about.is_failure:
            return "failure", about.method, None
        if about.method is not None and about.id is None:
            return "notification", about.method, None
        if about.method is not None:
            asked = (about.method, self._clock.monotonic())
            self._asked[person, direction, about.id or ""] = asked
            if len(self._asked) > _KEPT:
                self._asked.popitem(last=False)
            return "request", about.method, None
        method, since = self._asked.pop((person, _OTHER[direction], about.id or ""), (None, None))
        took = None if since is None else round((self._clock.monotonic() - since) * 1000)
        return "answer", method, took


@dataclass(frozen=True, slots=True)
class Track:
    """A tape, and whose connection writes on it."""

    tape: Tape
    person: str

    def message(self, direction: Direction, raw: bytes) -> None:
        """As it went over the wire: a JSON-RPC message or, in an old protocol, several."""
        if len(raw) > _PARSED:
            text = raw[:_READ].decode("utf-8", "replace")
            end = raw[-500:].decode("utf-8", "replace")
            self.tape.add(direction, _glimpse(text[:500] + end), text + "…", self.person)
            return
        try:
            found = orjson.loads(raw)
        except orjson.JSONDecodeError:
            self.failure(direction, raw.decode("utf-8", "replace"))
            return
        for one in found if isinstance(found, list) else [found]:
            self.tape.add(direction, _about(one), _text(one), self.person)

    def failure(self, direction: Direction, text: str, request: bytes = b"") -> None:
        """What is no message, or why one did not arrive."""
        asked = _about(None)
        if request:
            try:
                asked = _about(orjson.loads(request))
            except orjson.JSONDecodeError:
                asked = _about(None)
        about = _About(asked.method, asked.id, is_failure=True)
        self.tape.add(direction, about, text, self.person)


class Traffic:
    """The tapes that run."""

    def __init__(self, clock: Clock, recording: timedelta = RECORDING) -> None:
        self._clock = clock
        self._recording = recording
        self._tapes: dict[str, Tape] = {}
        self._timers: dict[str, asyncio.TimerHandle] = {}

    def track_for(self, definition: ServerDefinition) -> Track | None:
        """Where a connection's messages go; another person's own account is nobody's business."""
        if not self._tapes:  # the path of every message
            return None
        tape = self._tapes.get(definition.id)
        if tape is None or definition.person not in ("", tape.owner_id):
            return None
        return Track(tape, definition.person)

    def tape(self, server_id: str) -> Tape | None:
        return self._tapes.get(server_id)

    def start(self, definition: ServerDefinition, owner_id: str) -> None:
        """For a while from now; one that runs starts anew."""
        self.stop(definition.id)
        self._tapes[definition.id] = Tape(
            _secrets(definition), self._clock, owner_id, recording=self._recording
        )
        self._timers[definition.id] = asyncio.get_running_loop().call_later(
            self._recording.total_seconds(), self.stop, definition.id
        )

    def stop(self, server_id: str) -> None:
        """With all that was recorded."""
        self._tapes.pop(server_id, None)
        if timer := self._timers.pop(server_id, None):
            timer.cancel()

    def close(self) -> None:
        for server_id in list(self._tapes):
            self.stop(server_id)


def _about(message: Any) -> _About:
    if not isinstance(message, dict):
        return _About(is_failure=True)
    method, number = message.get("method"), message.get("id")
    return _About(
        str(method)[:200] if isinstance(method, str) else None,
        None if number is None else str(number)[:200],
    )


def _glimpse(ends: str) -> _About:
    """Of a message that is too long to be read: its first and last words tell enough."""
    method, number = _METHOD.search(ends), _ID.search(ends)
    return _About(method[1] if method else None, (number[1] or number[2]) if number else None)


def _text(message: object) -> str:
    try:
        return orjson.dumps(without_secrets(message)).decode()
    except RecursionError:
        return "(nested too deeply to be shown)"


def _secrets(definition: ServerDefinition) -> list[str]:
    """What the operator's file says; a server may well repeat it."""
    match definition.where:
        case Command(env=values) | Address(headers=values):
            return list(values.values())

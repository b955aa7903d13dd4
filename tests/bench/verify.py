"""Reads whole answers after the clock has stopped: was every stream complete and right?"""

from dataclasses import dataclass

import orjson

from tests.bench.jobs import Wire
from tests.bench.wire import TOKEN


class BrokenStreamError(Exception):
    """The run does not count: an answer was cut, garbled or refused."""


@dataclass(frozen=True, slots=True)
class Answer:
    text: str
    conversation_id: str = ""
    turn_id: str = ""
    events: int = 0


def read_answer(wire: Wire, body: bytes, tokens: int) -> Answer:
    if wire == "plain":
        return Answer("")
    answer = read_parlor(body) if wire == "parlor" else read_openai(body)
    check_text(answer.text, tokens)
    return answer


def fields(body: bytes) -> list[tuple[str, bytes]]:
    """(id, data) of each event; comments and empty frames are skipped."""
    if not body.endswith(b"\n\n"):
        raise BrokenStreamError(f"the answer ends inside a frame: {body[-80:]!r}")
    found = []
    for frame in body.split(b"\n\n"):
        number, data = "", b""
        for line in frame.split(b"\n"):
            if line.startswith(b"data:"):
                data += line[5:].strip()
            elif line.startswith(b"id:"):
                number = line[3:].strip().decode()
        if data:
            found.append((number, data))
    return found


def read_openai(body: bytes) -> Answer:
    events = fields(body)
    if not events or events.pop()[1] != b"[DONE]":
        raise BrokenStreamError("the stream did not end with [DONE]")
    pieces = []
    usage = False
    for _, data in events:
        chunk = orjson.loads(data)
        usage = usage or "usage" in chunk
        pieces += [choice["delta"].get("content") or "" for choice in chunk["choices"]]
    if not usage:
        raise BrokenStreamError("no usage chunk")
    return Answer("".join(pieces), events=len(events))


def read_parlor(body: bytes) -> Answer:
    pieces = []
    started: dict[str, str] = {}
    seen = set()
    last: dict[str, str] = {}
    for place, (number, data) in enumerate(fields(body), start=1):
        last = orjson.loads(data)
        seen.add(last["type"])
        if number != str(place):
            raise BrokenStreamError(f"event {number} stands at place {place}")
        if last["type"] == "text.delta":
            pieces.append(last["text"])
        elif last["type"] == "turn.started":
            started = last
        elif last["type"] == "error":
            raise BrokenStreamError(f"turn failed: {last['code']} {last['detail']}")
    if last.get("type") != "turn.finished" or last["status"] != "completed":
        raise BrokenStreamError(f"the turn did not complete: {last}")
    if missing := {"turn.started", "usage", "message.saved"} - seen:
        raise BrokenStreamError(f"events missing: {sorted(missing)}")
    ids = (started["conversation_id"], started["turn_id"])
    return Answer("".join(pieces), *ids, events=place)


def check_text(text: str, tokens: int) -> None:
    found = TOKEN.findall(text.encode())
    if len(found) != tokens or len(text) != 15 * tokens:
        raise BrokenStreamError(f"{len(found)} tokens in {len(text)} characters, not {tokens}")
    if any(int(index, 16) != place & 0xFFFF for place, (_, index) in enumerate(found)):
        raise BrokenStreamError("tokens are out of order")

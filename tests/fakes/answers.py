"""What the fake upstream can say: chunks of the OpenAI protocol, and scenarios made of them."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from itertools import pairwise
from typing import Any, Literal

import orjson


@dataclass(frozen=True)
class Send:
    data: bytes


@dataclass(frozen=True)
class Pause:
    seconds: float


@dataclass(frozen=True)
class Stall:
    """Say nothing more until the client gives up."""


@dataclass(frozen=True)
class Cut:
    """Reset the connection in the middle of the response."""


@dataclass(frozen=True)
class EndEarly:
    """End the response properly, though the answer is not finished."""


type Step = Send | Pause | Stall | Cut | EndEarly
type Framing = Literal["chunked", "close"]


@dataclass(frozen=True)
class Scenario:
    """One response. `head=False` does not even send a status line."""

    steps: Sequence[Step] = ()
    status: int = 200
    headers: dict[str, str] = field(default_factory=dict)
    content_type: str = "text/event-stream"
    framing: Framing = "chunked"
    head: bool = True


# --- chunks: one server-sent event each -----------------------------------------------------------

DONE = b"data: [DONE]\n\n"
COMMENT = b": OPENROUTER PROCESSING\n\n"


def event(chunk: dict[str, Any]) -> bytes:
    return b"data: " + orjson.dumps(chunk) + b"\n\n"


def delta(finish_reason: str | None = None, **fields: Any) -> bytes:
    choice = {"index": 0, "delta": fields, "finish_reason": finish_reason}
    return event(
        {
            "id": "gen-1",
            "object": "chat.completion.chunk",
            "created": 1763600000,
            "model": "vendor/model",
            "choices": [choice],
        }
    )


def said(text: str) -> bytes:
    return delta(role="assistant", content=text)


def thought(text: str) -> bytes:
    return delta(content="", reasoning=text)


def details(*blocks: dict[str, Any]) -> bytes:
    return delta(content="", reasoning_details=list(blocks))


def call(
    arguments: str = "",
    *,
    index: int | None = 0,
    call_id: str | None = None,
    name: str | None = None,
) -> bytes:
    function = {"name": name, "arguments": arguments}
    fragment: dict[str, Any] = {
        "type": "function",
        "function": {key: value for key, value in function.items() if value is not None},
    }
    if index is not None:
        fragment["index"] = index
    if call_id is not None:
        fragment["id"] = call_id
    return delta(tool_calls=[fragment])


def finish(reason: str = "stop") -> bytes:
    return delta(reason)


def usage(prompt: int = 7, completion: int = 3, **more: Any) -> bytes:
    """The chunk after the last one: usage, and no choices at all."""
    counts = {
        "prompt_tokens": prompt,
        "completion_tokens": completion,
        "total_tokens": prompt + completion,
    }
    return event({"id": "gen-1", "choices": [], "usage": counts | more})


def broken(code: int, message: str, error_type: str | None = None) -> bytes:
    """An error after the status line said 200."""
    metadata = {"error_type": error_type} if error_type else {}
    return event(
        {
            "id": "gen-1",
            "error": {"code": code, "message": message, "metadata": metadata},
            "choices": [{"index": 0, "delta": {"content": ""}, "finish_reason": "error"}],
        }
    )


# --- scenarios ------------------------------------------------------------------------------------


def answer(
    *chunks: bytes, delay: float = 0, headers: dict[str, str] | None = None, **more: Any
) -> Scenario:
    """The chunks as they are, each written on its own."""
    return Scenario(_paced(chunks, delay), headers=headers or {}, **more)


def text(*tokens: str, delay: float = 0, reason: str = "stop", **more: Any) -> Scenario:
    """A whole, ordinary answer."""
    chunks = [*(said(token) for token in tokens), finish(reason), usage(7, len(tokens)), DONE]
    return answer(*chunks, delay=delay, **more)


def cut_at(data: bytes, *places: int) -> Scenario:
    """The bytes in pieces that reach the client in reads of their own."""
    edges = [0, *sorted(places), len(data)]
    pieces = [data[a:b] for a, b in pairwise(edges) if a < b]
    return Scenario(_paced(pieces, 0.002))


def stall(*chunks: bytes, head: bool = True) -> Scenario:
    return Scenario([*_paced(chunks, 0), Stall()], head=head)


def cut(*chunks: bytes, head: bool = True) -> Scenario:
    return Scenario([*_paced(chunks, 0), Pause(0.01), Cut()], head=head)


def ends_early(*chunks: bytes) -> Scenario:
    return Scenario([*_paced(chunks, 0), EndEarly()])


def refusal(
    status: int,
    message: str = "refused",
    *,
    retry_after: str | None = None,
    **error: Any,
) -> Scenario:
    """An ordinary HTTP error with OpenRouter's body; `error` adds metadata, availability, ..."""
    body = orjson.dumps({"error": {"code": status, "message": message, **error}})
    headers = {"Retry-After": retry_after} if retry_after else {}
    return raw(body, status=status, content_type="application/json", headers=headers)


def raw(body: bytes, *, status: int = 200, content_type: str, **more: Any) -> Scenario:
    steps = [Send(body)] if body else []  # an empty chunk would be the end
    return Scenario(steps, status=status, content_type=content_type, **more)


def _paced(chunks: Iterable[bytes], delay: float) -> list[Step]:
    steps: list[Step] = []
    for chunk in chunks:
        if delay and steps:
            steps.append(Pause(delay))
        steps.append(Send(chunk))
    return steps

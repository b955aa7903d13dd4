"""What a running call may ask of the turn it belongs to: show progress, put a question."""

from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from typing import Literal

from backend.messages import JsonObject

type Client = Literal["chat", "voice", "kiosk", "cli", "api"]
CLIENTS: tuple[Client, ...] = ("chat", "voice", "kiosk", "cli", "api")


@dataclass(frozen=True, slots=True)
class Who:
    """For whom tools are offered and called. `tools`: patterns of Limits.tools."""

    user_id: str = ""
    client: Client = "chat"
    tools: tuple[str, ...] | None = None


@dataclass(frozen=True, slots=True)
class Question:
    """A server wants something of the person in the middle of a call (MCP: elicitation).

    `form`: a flat JSON Schema to fill in. `url`: a page to open outside of Parlor.
    """

    server_id: str
    server_name: str
    message: str
    kind: Literal["form", "url"] = "form"
    schema: JsonObject = field(default_factory=dict)
    url: str = ""


@dataclass(frozen=True, slots=True)
class Answer:
    action: Literal["accept", "decline", "cancel"]
    content: JsonObject | None = None


NO = Answer("decline")

type OnProgress = Callable[[str, float | None], None]
"""Words (may be empty) and the part that is done, 0 to 1, where that is known."""
type Ask = Callable[[Question], Awaitable[Answer]]


def _ignore(_text: str, _part: float | None) -> None:
    """Nobody watches."""


async def _refuse(_question: Question) -> Answer:
    return NO


@dataclass(frozen=True, slots=True)
class CallContext:
    who: Who = Who()
    on_progress: OnProgress = _ignore
    ask: Ask = _refuse


NOBODY = CallContext()

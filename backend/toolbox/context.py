"""What a running call may ask of the turn it belongs to: show progress, put a question."""

from collections.abc import Awaitable, Callable, Iterable, Sequence
from dataclasses import dataclass, field
from typing import Literal

from backend.messages import JsonObject, Media
from backend.toolbox.records import Attachment, Outcome

type Client = Literal["chat", "voice", "kiosk", "cli", "api"]


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

type Choice = Literal["allow", "ask", "deny"]
"""What a person wants of a tool: always, ask each time, never."""
type ApprovalReason = Literal["writes", "outside", "unknown_server", "untrusted_content", "chosen"]


@dataclass(frozen=True, slots=True)
class Approval:
    """A call that runs only after a person's yes. `arguments`: exactly what would be sent.

    `names`: what patterns of a person's limits may mean the tool by.
    """

    tool: str
    title: str
    server: str
    """For people; "" for Parlor's own tools."""
    description: str
    arguments: JsonObject
    reason: ApprovalReason
    detail: str
    can_remember: bool
    names: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Decision:
    """`for_house`: the owner decided, so the tool's words count as approved for everybody."""

    allowed: bool
    remember: bool = False
    for_house: bool = False
    expired: bool = False


class Seen:
    """What a conversation has read that strangers may have written. It only grows."""

    def __init__(self, sources: Iterable[str] = ()) -> None:
        self._sources = dict.fromkeys(sources)

    def add(self, source: str) -> None:
        self._sources[source] = None

    @property
    def latest(self) -> str:
        """The name of a source, "" when nothing of that kind was read."""
        return next(reversed(self._sources), "")


type OnProgress = Callable[[str, float | None], None]
"""Words (may be empty) and the part that is done, 0 to 1, where that is known."""
type Ask = Callable[[Question], Awaitable[Answer]]
type Approve = Callable[[Approval], Awaitable[Decision]]
type Keep = Callable[[Sequence[Attachment]], Awaitable[Sequence[tuple[Media | None, str]]]]
"""For each picture or sound: what is kept, and what became of it in words."""


def _ignore(_text: str, _part: float | None) -> None:
    """Nobody watches."""


async def _refuse(_question: Question) -> Answer:
    return NO


async def _deny(_approval: Approval) -> Decision:
    return Decision(allowed=False)


@dataclass(frozen=True, slots=True)
class CallContext:
    """As it is made: there is nobody to ask, so nothing that needs a yes runs.

    `conversation_id`, `turn_id`: where the call belongs; empty outside of a conversation.
    `keep`: None where nobody would see a picture.
    """

    who: Who = Who()
    on_progress: OnProgress = _ignore
    ask: Ask = _refuse
    approve: Approve = _deny
    seen: Seen = field(default_factory=Seen)
    conversation_id: str = ""
    turn_id: str = ""
    keep: Keep | None = None

    async def shown(self, outcome: Outcome) -> tuple[str, tuple[Media, ...]]:
        """What a model reads of it, and what people see."""
        if self.keep is None or not outcome.attachments:
            return outcome.text, ()
        kept = await self.keep(outcome.attachments)
        return outcome.told([words for _, words in kept]), tuple(one for one, _ in kept if one)


NOBODY = CallContext()

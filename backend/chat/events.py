"""What happens in a turn: the closed union that journals keep and screens follow.

Slotted dataclasses, because one is made per token; pydantic describes and parses them at the
edges. `frontend/shared/src/chat/transcript.ts` and `transcript.py` reduce them the same way.
"""

from dataclasses import dataclass
from typing import Annotated, Literal

from pydantic import ConfigDict, Field, TypeAdapter

from backend.messages import JsonObject, Media
from backend.toolbox.context import ApprovalReason

_CONFIG = ConfigDict(json_schema_serialization_defaults_required=True)

type TurnKind = Literal["send", "regenerate", "continue"]
type TurnStatus = Literal["running", "completed", "stopped", "interrupted", "failed"]
type EndStatus = Literal["completed", "stopped", "interrupted", "failed"]
type ToolStatus = Literal["ok", "error", "cancelled"]
type ApprovalDecision = Literal["allow", "deny", "expired"]
type InputAction = Literal["accept", "decline", "cancel"]


@dataclass(frozen=True, slots=True)
class TurnStarted:
    """First event. `message_id` is the assistant message being written; for `continue` it exists
    already and the text goes on at its end."""

    __pydantic_config__ = _CONFIG
    turn_id: str
    conversation_id: str
    message_id: str
    parent_id: str | None
    kind: TurnKind
    model: str
    created_at: str
    type: Literal["turn.started"] = "turn.started"


@dataclass(slots=True)  # not frozen, as one is made per token: that would take four times as long
class TextDelta:
    __pydantic_config__ = _CONFIG
    text: str
    type: Literal["text.delta"] = "text.delta"


@dataclass(frozen=True, slots=True)
class ReasoningDelta:
    __pydantic_config__ = _CONFIG
    text: str
    type: Literal["reasoning.delta"] = "reasoning.delta"


@dataclass(frozen=True, slots=True)
class ToolStarted:
    """`step` counts the model's answers in this turn from 0; calls of one step run in parallel.

    `name`, `arguments`: of the tool that runs, also where the model called it by its name only.
    """

    __pydantic_config__ = _CONFIG
    call_id: str
    name: str
    arguments: str
    step: int
    type: Literal["tool.started"] = "tool.started"


@dataclass(frozen=True, slots=True)
class ToolProgress:
    __pydantic_config__ = _CONFIG
    call_id: str
    progress: float
    total: float | None = None
    message: str | None = None
    type: Literal["tool.progress"] = "tool.progress"


@dataclass(frozen=True, slots=True)
class ToolFinished:
    """`media`: pictures and sounds that it gave, at `/api/uploads/{file_id}/content`."""

    __pydantic_config__ = _CONFIG
    call_id: str
    status: ToolStatus
    result: str
    duration_ms: int
    media: tuple[Media, ...] = ()
    type: Literal["tool.finished"] = "tool.finished"


@dataclass(frozen=True, slots=True)
class ApprovalRequested:
    """A call waits for a yes. `arguments`: JSON text, exactly what will be sent.

    `reason`: the tool `writes`, or it reaches `outside`, or nobody approved its words yet
    (`unknown_server`), or it writes after the conversation read what strangers may have written
    (`untrusted_content`), or only this person wants to be asked (`chosen`); `detail` says the same to people. `can_remember`: whether "always"
    may be offered. `server` is empty for Parlor's own tools.
    """

    __pydantic_config__ = _CONFIG
    approval_id: str
    call_id: str
    tool: str
    title: str
    server: str
    description: str
    arguments: str
    reason: ApprovalReason
    detail: str
    can_remember: bool
    expires_at: str
    type: Literal["approval.requested"] = "approval.requested"


@dataclass(frozen=True, slots=True)
class ApprovalDecided:
    """On one of the screens; `expired`: nobody answered, which counts as no."""

    __pydantic_config__ = _CONFIG
    approval_id: str
    call_id: str
    decision: ApprovalDecision
    type: Literal["approval.decided"] = "approval.decided"


@dataclass(frozen=True, slots=True)
class InputRequested:
    """A server wants something of the person. `form`: `fields` is a flat JSON Schema to fill in;
    `url`: a page to open outside of Parlor, after showing whose it is."""

    __pydantic_config__ = _CONFIG
    input_id: str
    call_id: str
    server: str
    message: str
    kind: Literal["form", "url"]
    fields: JsonObject
    url: str
    expires_at: str
    type: Literal["input.requested"] = "input.requested"


@dataclass(frozen=True, slots=True)
class InputDecided:
    """`decline` also when nobody answered. What was filled in is not told."""

    __pydantic_config__ = _CONFIG
    input_id: str
    call_id: str
    action: InputAction
    type: Literal["input.decided"] = "input.decided"


@dataclass(frozen=True, slots=True)
class UsageReported:
    """The turn's sum so far. `cost` in US dollars, None when the provider did not say."""

    __pydantic_config__ = _CONFIG
    prompt_tokens: int
    completion_tokens: int
    reasoning_tokens: int
    cached_tokens: int
    cost: float | None
    type: Literal["usage"] = "usage"


@dataclass(frozen=True, slots=True)
class MessageSaved:
    __pydantic_config__ = _CONFIG
    message_id: str
    type: Literal["message.saved"] = "message.saved"


@dataclass(frozen=True, slots=True)
class Notice:
    """Something a person should know though the turn goes on."""

    __pydantic_config__ = _CONFIG
    code: str
    detail: str
    type: Literal["notice"] = "notice"


@dataclass(frozen=True, slots=True)
class ErrorOccurred:
    __pydantic_config__ = _CONFIG
    code: str
    detail: str
    retryable: bool
    retry_after: float | None = None
    type: Literal["error"] = "error"


@dataclass(frozen=True, slots=True)
class TurnFinished:
    """Last event. `finish_reason` in OpenAI's words (stop, length, ...), None unless completed."""

    __pydantic_config__ = _CONFIG
    status: EndStatus
    cost: float | None
    finish_reason: str | None = None
    type: Literal["turn.finished"] = "turn.finished"


type TurnEvent = Annotated[
    TurnStarted
    | TextDelta
    | ReasoningDelta
    | ToolStarted
    | ToolProgress
    | ToolFinished
    | ApprovalRequested
    | ApprovalDecided
    | InputRequested
    | InputDecided
    | UsageReported
    | MessageSaved
    | Notice
    | ErrorOccurred
    | TurnFinished,
    Field(discriminator="type"),
]

TURN_EVENT: TypeAdapter[TurnEvent] = TypeAdapter(TurnEvent)

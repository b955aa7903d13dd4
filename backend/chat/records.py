"""What is stored of a conversation, and how it is shown: messages, their parts, turns."""

from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass
from datetime import datetime
from typing import Annotated, Literal

import orjson
from pydantic import BaseModel, ConfigDict, Field, StringConstraints, TypeAdapter, ValidationError

from backend.chat.events import ApprovalDecision, TurnKind, TurnStatus
from backend.messages import JsonObject, Media, Usage

_CONFIG = ConfigDict(frozen=True, json_schema_serialization_defaults_required=True)

type ModelId = Annotated[str, Field(min_length=1, max_length=200)]
type MessageStatus = Literal["complete", "running", "stopped", "interrupted", "failed"]


@dataclass(slots=True)
class TextPart:
    __pydantic_config__ = _CONFIG
    text: str
    type: Literal["text"] = "text"


@dataclass(slots=True)
class ReasoningPart:
    __pydantic_config__ = _CONFIG
    text: str
    type: Literal["reasoning"] = "reasoning"


@dataclass(slots=True)
class ToolPart:
    """A call and, once it ended, its result. `step` as in the event `tool.started`.

    `decision`: what a person said when they were asked; `expired`: nobody answered, so it did not
    run. null: nobody was asked. `media`: as in the event `tool.finished`.
    """

    __pydantic_config__ = _CONFIG
    call_id: str
    name: str
    arguments: str
    step: int
    status: Literal["running", "ok", "error", "cancelled"] = "running"
    result: str | None = None
    duration_ms: int | None = None
    decision: ApprovalDecision | None = None
    media: tuple[Media, ...] = ()
    type: Literal["tool"] = "tool"


@dataclass(slots=True)
class ResourcePart:
    """What a person took from a tool server and put beside their words: strangers may have written
    it. `uri` is the server's own name for it, which Parlor never fetches by itself."""

    __pydantic_config__ = _CONFIG
    server_id: str
    server: str
    uri: str
    title: str
    mime_type: str
    text: str
    type: Literal["resource"] = "resource"


type Part = Annotated[
    TextPart | ReasoningPart | ToolPart | ResourcePart, Field(discriminator="type")
]
PARTS: TypeAdapter[list[Part]] = TypeAdapter(list[Part])
_PART: TypeAdapter[Part] = TypeAdapter(Part)


class Problem(BaseModel):
    """An error or a notice that belongs to a message."""

    model_config = _CONFIG

    code: str
    detail: str


class Message(BaseModel):
    """A node of a conversation's tree."""

    model_config = _CONFIG

    id: str
    parent_id: str | None
    role: Literal["user", "assistant"]
    parts: list[Part]
    status: MessageStatus
    error: Problem | None
    notices: list[Problem]
    model: str | None
    usage: Usage | None
    finish_reason: str | None
    turn_id: str | None
    created_at: datetime


class ConversationMetadata(BaseModel):
    """Which product and agent a program speaks for; a person may be limited to some."""

    model_config = ConfigDict(
        frozen=True, extra="forbid", json_schema_serialization_defaults_required=True
    )

    product_id: Annotated[str, Field(min_length=1, max_length=200)] | None = None
    agent_id: Annotated[str, Field(min_length=1, max_length=200)] | None = None


NO_METADATA = ConversationMetadata()


class ConversationSummary(BaseModel):
    model_config = _CONFIG

    id: str
    title: str
    title_source: Literal["auto", "person"]
    model: str | None
    pinned: bool
    archived: bool
    created_at: datetime
    updated_at: datetime
    running_turn_id: str | None


class ConversationChange(BaseModel):
    """What to set; a field that is not given stays, null clears where it may."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    title: Annotated[
        str, StringConstraints(strip_whitespace=True, min_length=1, max_length=200)
    ] = ""
    model: ModelId | None = None
    system_prompt: Annotated[str, Field(max_length=100_000)] | None = None
    pinned: bool = False
    archived: bool = False
    metadata: ConversationMetadata = NO_METADATA
    leaf_id: Annotated[str, Field(min_length=1, max_length=64)] = ""


class Conversation(ConversationSummary):
    """A conversation with every node of its tree, oldest first."""

    system_prompt: str | None
    metadata: ConversationMetadata
    leaf_id: str | None
    messages: list[Message]


class ExcerptRun(BaseModel):
    """Plain text, all of it. `found`: what the search was for."""

    model_config = _CONFIG

    text: str
    found: bool


class ConversationPage(BaseModel):
    """`excerpts`: after a search, what the newest message that it found says around the words, by
    conversation. Found by its title alone, a conversation has none."""

    model_config = _CONFIG

    conversations: list[ConversationSummary]
    next_cursor: str | None
    excerpts: dict[str, list[ExcerptRun]] = {}


class Turn(BaseModel):
    model_config = _CONFIG

    id: str
    conversation_id: str
    parent_id: str | None
    message_id: str
    kind: TurnKind
    status: TurnStatus
    model: str
    cost: float | None
    created_at: datetime
    finished_at: datetime | None


@dataclass(frozen=True, slots=True)
class StepReasoning:
    """A provider's opaque reasoning blocks of one step of an assistant message."""

    step: int
    model: str
    details: tuple[JsonObject, ...]


@dataclass(frozen=True, slots=True)
class PathMessage:
    """A message on the way from the root to the question, as history needs it."""

    role: Literal["user", "assistant"]
    parts: list[Part]
    reasoning: tuple[StepReasoning, ...] = ()


STEP_REASONING: TypeAdapter[list[StepReasoning]] = TypeAdapter(list[StepReasoning])


def text_of(parts: Sequence[Part]) -> str:
    return "".join(part.text for part in parts if isinstance(part, TextPart))


def stored_parts(raw: str) -> list[Part]:
    """Those that this release knows: after a way back, a newer one's messages can be read."""
    try:
        return PARTS.validate_json(raw)
    except ValidationError:
        known: list[Part] = []
        for part in orjson.loads(raw):
            with suppress(ValidationError):
                known.append(_PART.validate_python(part))
        return known

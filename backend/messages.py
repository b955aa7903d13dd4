"""The shared words: what a model is asked, what it may use, what it costs."""

from dataclasses import dataclass, field
from typing import Annotated, Any, Literal

from pydantic import BaseModel, ConfigDict, Field

type JsonObject = dict[str, Any]
"""A JSON object whose shape belongs to somebody else (a tool's schema, a provider's extras)."""


# --- what a model reads -------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class SystemPrompt:
    text: str


@dataclass(frozen=True, slots=True)
class UserPrompt:
    """`context`: facts of the moment (the time) that follow the text; only the newest has some."""

    text: str
    context: str = ""


@dataclass(frozen=True, slots=True)
class ToolCall:
    """A model's wish to run a tool. `arguments` is JSON text as the model wrote it."""

    id: str
    name: str
    arguments: str


@dataclass(frozen=True, slots=True)
class AssistantStep:
    """One answer of the model inside a turn: text, then the calls it asked for.

    `reasoning_details` are the provider's opaque blocks; they go back unmodified and in order,
    and only to the model that made them (`model`).
    """

    text: str = ""
    calls: tuple[ToolCall, ...] = ()
    reasoning_details: tuple[JsonObject, ...] = ()
    model: str = ""


@dataclass(frozen=True, slots=True)
class Media:
    """A picture or a sound of a tool that is kept, for people to see: no model reads it."""

    __pydantic_config__ = ConfigDict(json_schema_serialization_defaults_required=True)
    file_id: str
    media_type: str
    bytes: int


@dataclass(frozen=True, slots=True)
class ToolReturn:
    call_id: str
    name: str
    content: str
    failed: bool = False
    media: tuple[Media, ...] = ()


type PromptMessage = SystemPrompt | UserPrompt | AssistantStep | ToolReturn


@dataclass(frozen=True, slots=True)
class ToolSpec:
    """A tool as a model sees it. `parameters` is a JSON Schema of type object."""

    name: str
    description: str
    parameters: JsonObject
    strict: bool = False
    """The provider shall hold the model to the schema."""


class Reasoning(BaseModel):
    """How much a model may think: an effort or a number of tokens, not both."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    effort: Literal["none", "minimal", "low", "medium", "high", "xhigh", "max"] | None = None
    max_tokens: Annotated[int, Field(ge=1, le=1_000_000)] | None = None
    exclude: bool | None = None


class ModelParameters(BaseModel):
    """Sampling and length, by the names of the OpenAI and OpenRouter request schema."""

    model_config = ConfigDict(frozen=True, extra="ignore")

    temperature: Annotated[float, Field(ge=0, le=2)] | None = None
    top_p: Annotated[float, Field(gt=0, le=1)] | None = None
    top_k: Annotated[int, Field(ge=0, le=1_000_000)] | None = None
    min_p: Annotated[float, Field(ge=0, le=1)] | None = None
    max_tokens: Annotated[int, Field(ge=1, le=10_000_000)] | None = None
    presence_penalty: Annotated[float, Field(ge=-2, le=2)] | None = None
    frequency_penalty: Annotated[float, Field(ge=-2, le=2)] | None = None
    repetition_penalty: Annotated[float, Field(gt=0, le=2)] | None = None
    seed: Annotated[int, Field(ge=-(2**53), le=2**53)] | None = None
    stop: Annotated[list[Annotated[str, Field(max_length=200)]], Field(max_length=8)] | None = None
    reasoning: Reasoning | None = None

    def given(self) -> JsonObject:
        """Only what was set, ready for a request body."""
        return self.model_dump(mode="json", exclude_none=True)


@dataclass(frozen=True, slots=True)
class ModelRequest:
    """One question to a provider. `model` is the provider's own id, without our prefix."""

    model: str
    messages: tuple[PromptMessage, ...]
    tools: tuple[ToolSpec, ...] = ()
    parameters: ModelParameters = field(default_factory=ModelParameters)
    session_id: str = ""
    """Stable for a conversation: pins routing, so that the provider's prompt cache is hit."""
    extras: JsonObject = field(default_factory=dict)
    """Fields of the request schema that are a program's own affair and only passed on
    (`tool_choice`, `response_format`, ...)."""


# --- what a model costs and can do --------------------------------------------------------------


class Usage(BaseModel):
    """Token counts in the model's own tokenizer; `cost` in US dollars, None when nobody said."""

    model_config = ConfigDict(frozen=True, json_schema_serialization_defaults_required=True)

    prompt_tokens: int = 0
    completion_tokens: int = 0
    reasoning_tokens: int = 0
    cached_tokens: int = 0
    cost: float | None = None

    def plus(self, other: "Usage") -> "Usage":
        costs = [cost for cost in (self.cost, other.cost) if cost is not None]
        return Usage(
            prompt_tokens=self.prompt_tokens + other.prompt_tokens,
            completion_tokens=self.completion_tokens + other.completion_tokens,
            reasoning_tokens=self.reasoning_tokens + other.reasoning_tokens,
            cached_tokens=self.cached_tokens + other.cached_tokens,
            cost=sum(costs) if costs else None,
        )


class ModelInfo(BaseModel):
    """A model on offer. Prices are US dollars per million tokens, None when unknown."""

    model_config = ConfigDict(frozen=True, json_schema_serialization_defaults_required=True)

    id: str
    name: str
    provider: str
    description: str = ""
    context_length: int | None = None
    max_output_tokens: int | None = None
    input_modalities: tuple[str, ...] = ("text",)
    output_modalities: tuple[str, ...] = ("text",)
    supported_parameters: tuple[str, ...] = ()
    supports_tools: bool = False
    prompt_price: float | None = None
    completion_price: float | None = None
    created: int | None = None
    expires: str | None = None


class Generation(BaseModel):
    """What a provider's books say about one finished or cancelled answer."""

    model_config = ConfigDict(frozen=True, json_schema_serialization_defaults_required=True)

    id: str
    model: str | None = None
    provider_name: str | None = None
    total_cost: float | None = None
    prompt_tokens: int | None = None
    completion_tokens: int | None = None
    reasoning_tokens: int | None = None
    cached_tokens: int | None = None
    cancelled: bool | None = None
    finish_reason: str | None = None
    latency: float | None = None
    generation_time: float | None = None

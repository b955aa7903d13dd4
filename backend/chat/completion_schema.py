"""OpenRouter's request schema, as programs send it: checked here, then in our own words."""

from typing import Annotated, Literal

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field

from backend.chat.records import ModelId
from backend.kit.errors import InvalidInputError
from backend.messages import (
    AssistantStep,
    JsonObject,
    ModelParameters,
    PromptMessage,
    SystemPrompt,
    ToolCall,
    ToolReturn,
    ToolSpec,
    Usage,
    UserPrompt,
)

type Text = Annotated[str, Field(max_length=4_000_000)]
type Name = Annotated[str, Field(min_length=1, max_length=1000)]
type Stops = Annotated[list[Annotated[str, Field(max_length=200)]], Field(max_length=8)]
type CallId = Annotated[str, Field(min_length=1, max_length=10_000)]

_PASSED_ON = (
    *("tool_choice", "parallel_tool_calls", "response_format", "structured_outputs"),
    *("logit_bias", "top_a", "verbosity", "prediction", "provider"),
)


def _listed(value: object) -> object:
    return [value] if isinstance(value, str) else value


class _Part(BaseModel):
    """What we do not know of a part of the schema, a provider does not get to see.

    Built for the first program that asks: not every start meets one."""

    model_config = ConfigDict(frozen=True, extra="ignore", defer_build=True)


# --- what comes in ------------------------------------------------------------------------------


class TextPart(_Part):
    type: Literal["text"]
    text: Text


type Content = Text | Annotated[tuple[TextPart, ...], Field(min_length=1, max_length=100)]


class SystemMessage(_Part):
    role: Literal["system", "developer"]
    content: Content


class UserMessage(_Part):
    role: Literal["user"]
    content: Content


class CalledFunction(_Part):
    name: Name
    arguments: Text = "{}"
    """JSON text, as the model wrote it."""


class Called(_Part):
    id: CallId
    type: Literal["function"] = "function"
    function: CalledFunction


class AssistantMessage(_Part):
    role: Literal["assistant"]
    content: Content | None = None
    tool_calls: Annotated[tuple[Called, ...], Field(max_length=128)] | None = None
    reasoning_details: Annotated[tuple[JsonObject, ...], Field(max_length=1000)] | None = None


class ToolMessage(_Part):
    role: Literal["tool"]
    tool_call_id: CallId
    content: Content


type Message = Annotated[
    SystemMessage | UserMessage | AssistantMessage | ToolMessage, Field(discriminator="role")
]


class Function(_Part):
    name: Name
    description: Annotated[str, Field(max_length=100_000)] = ""
    parameters: JsonObject = Field(default_factory=lambda: {"type": "object", "properties": {}})
    strict: bool | None = None


class OfferedTool(_Part):
    type: Literal["function"]
    function: Function


class CompletionRequest(ModelParameters):
    """A field that would silently do nothing is refused, all but the last few."""

    model_config = ConfigDict(frozen=True, extra="forbid", defer_build=True)

    messages: Annotated[tuple[Message, ...], Field(min_length=1, max_length=1000)]
    model: ModelId | None = Field(None, description="As `parlor://models` lists them.")
    models: Annotated[tuple[ModelId, ...], Field(max_length=10)] | None = Field(
        None, description="To fall back on, in this order; of OpenRouter alone."
    )
    max_completion_tokens: Annotated[int, Field(ge=1, le=10_000_000)] | None = None
    stop: Annotated[Stops | None, BeforeValidator(_listed)] = None
    tools: Annotated[tuple[OfferedTool, ...], Field(max_length=256)] | None = Field(
        None, description="Passed on to the model. Its calls come back; nothing runs them here."
    )
    tool_choice: Literal["none", "auto", "required"] | JsonObject | None = None
    parallel_tool_calls: bool | None = None
    response_format: JsonObject | None = None
    structured_outputs: bool | None = None
    logit_bias: dict[str, float] | None = None
    top_a: Annotated[float, Field(ge=0, le=1)] | None = None
    verbosity: Literal["low", "medium", "high"] | None = None
    prediction: JsonObject | None = None
    provider: JsonObject | None = Field(None, description="OpenRouter's preferences for routing.")
    stream: bool | None = Field(None, description="Either way the answer comes whole.")
    stream_options: JsonObject | None = Field(None, description="Without meaning here.")
    usage: JsonObject | None = Field(None, description="Without meaning here: it is always told.")
    user: str | None = Field(None, description="Not passed on.")
    metadata: JsonObject | None = Field(None, description="Not passed on.")

    @property
    def parameters(self) -> ModelParameters:
        given = {name: getattr(self, name) for name in ModelParameters.model_fields}
        given["max_tokens"] = self.max_tokens or self.max_completion_tokens
        return ModelParameters.model_construct(**given)

    @property
    def extras(self) -> JsonObject:
        """What a provider gets as it came."""
        found = {name: getattr(self, name) for name in _PASSED_ON}
        return {name: value for name, value in found.items() if value is not None}

    @property
    def specs(self) -> tuple[ToolSpec, ...]:
        return tuple(
            ToolSpec(
                tool.function.name,
                tool.function.description,
                tool.function.parameters,
                strict=bool(tool.function.strict),
            )
            for tool in self.tools or ()
        )

    def prompt(self, model: str) -> tuple[PromptMessage, ...]:
        """`model`: the provider's own id, to which reasoning goes back. Raises InvalidInputError."""
        called: dict[str, str] = {}
        found: list[PromptMessage] = []
        for message in self.messages:
            match message:
                case SystemMessage(content=content):
                    found.append(SystemPrompt(_text(content)))
                case UserMessage(content=content):
                    found.append(UserPrompt(_text(content)))
                case AssistantMessage():
                    found.append(_step(message, model))
                    called |= {one.id: one.function.name for one in message.tool_calls or ()}
                case ToolMessage(tool_call_id=call_id, content=content):
                    if call_id not in called:
                        raise InvalidInputError(
                            f"messages: no call {call_id[:80]!r} comes before its result."
                        )
                    found.append(ToolReturn(call_id, called[call_id], _text(content)))
        return tuple(found)


def _step(message: AssistantMessage, model: str) -> AssistantStep:
    return AssistantStep(
        text=_text(message.content or ""),
        calls=tuple(
            ToolCall(one.id, one.function.name, one.function.arguments)
            for one in message.tool_calls or ()
        ),
        reasoning_details=message.reasoning_details or (),
        model=model,
    )


def _text(content: Content) -> str:
    if isinstance(content, str):
        return content
    return "\n".join(part.text for part in content)


# --- what comes out -----------------------------------------------------------------------------


class _Said(BaseModel):
    model_config = ConfigDict(
        frozen=True, json_schema_serialization_defaults_required=True, defer_build=True
    )


class FinalMessage(_Said):
    """As OpenRouter returns it; may be sent back as it is."""

    role: Literal["assistant"] = "assistant"
    content: str | None
    reasoning: str | None = None
    reasoning_details: tuple[JsonObject, ...] = ()
    tool_calls: tuple[Called, ...] = ()


class TokensUsed(_Said):
    prompt_tokens: int
    completion_tokens: int
    total_tokens: int
    reasoning_tokens: int
    cached_tokens: int
    cost: float | None
    """US dollars; null when the provider does not say."""

    @classmethod
    def of(cls, usage: Usage) -> "TokensUsed":
        total = usage.prompt_tokens + usage.completion_tokens
        return cls(total_tokens=total, **usage.model_dump())


class Remark(_Said):
    """Something to know of an answer that came nevertheless."""

    code: str
    detail: str


class Completion(_Said):
    id: str
    model: str
    message: FinalMessage
    finish_reason: str
    usage: TokensUsed | None
    notices: tuple[Remark, ...] = ()

"""The seam between a turn and whoever runs the model."""

from collections.abc import AsyncGenerator, Sequence
from dataclasses import dataclass
from typing import ClassVar, Protocol

from backend.kit.errors import AppError
from backend.messages import (
    Generation,
    JsonObject,
    ModelInfo,
    ModelRequest,
    ToolCall,
    Usage,
)


@dataclass(slots=True)  # not frozen, as one is made per token: that would take four times as long
class TextDelta:
    text: str


@dataclass(frozen=True, slots=True)
class ReasoningDelta:
    text: str


@dataclass(frozen=True, slots=True)
class ReasoningDetails:
    """Opaque blocks of one answer, complete and in order; sent once, at its end."""

    items: tuple[JsonObject, ...]


@dataclass(frozen=True, slots=True)
class GenerationStarted:
    """The provider's id of this answer, known before the first token where it is offered."""

    id: str


@dataclass(frozen=True, slots=True)
class UsageReport:
    usage: Usage


@dataclass(frozen=True, slots=True)
class Finished:
    """Always the last event. `reason` in OpenAI's words: stop, length, tool_calls, ..."""

    reason: str


@dataclass(frozen=True, slots=True)
class ProviderNotice:
    """Something a person should know though the answer goes on (`tools_unsupported`, `retrying`)."""

    code: str
    detail: str


type ModelEvent = (
    TextDelta
    | ReasoningDelta
    | ReasoningDetails
    | ToolCall
    | GenerationStarted
    | UsageReport
    | ProviderNotice
    | Finished
)


class ProviderError(AppError):
    """The provider refused or failed. `retryable`: the same request may succeed later."""

    code = "provider_failed"
    status = 502
    retryable: ClassVar[bool] = False


class ProviderUnreachableError(ProviderError):
    """No connection, or it broke, or it stayed silent too long."""

    code = "provider_unreachable"
    retryable = True


class ProviderBusyError(ProviderError):
    """429, 503 and their kin: rate limit or overload; `retry_after` when it was given."""

    code = "provider_busy"
    status = 503
    retryable = True


class ProviderAuthError(ProviderError):
    """The key is missing, wrong or not allowed to do this."""

    code = "provider_auth"


class PaymentRequiredError(ProviderError):
    code = "payment_required"
    status = 402


class ModelNotFoundError(ProviderError):
    code = "model_not_found"
    status = 404


class ContextTooLongError(ProviderError):
    code = "context_too_long"
    status = 413


class ContentRefusedError(ProviderError):
    """Moderation or the model's own policy; asking again the same way will not help."""

    code = "content_refused"


class RequestRefusedError(ProviderError):
    """The provider calls the request malformed or unsupported."""

    code = "request_refused"


class EmptyAnswerError(ProviderError):
    code = "empty_answer"
    retryable = True


class GarbledAnswerError(ProviderError):
    """Bytes that are not the protocol."""

    code = "provider_garbled"
    retryable = True


class ModelProvider(Protocol):
    """One authenticated service. Nothing above this line knows its wire format."""

    @property
    def id(self) -> str:
        """Short name, the part before the colon in our model ids (`local:llama3`)."""
        ...

    def stream(self, request: ModelRequest) -> AsyncGenerator[Sequence[ModelEvent]]:
        """The answer, as batches of what arrived together; the last event is `Finished`.

        Closing the generator (or cancelling the task that reads it) closes the upstream socket.
        Tool calls are whole. Raises a ProviderError; retries happen inside, before the first
        output only.
        """
        ...

    async def models(self) -> Sequence[ModelInfo]:
        """What is on offer, by the provider's own ids. Raises ProviderError."""
        ...

    async def generation(self, generation_id: str) -> Generation | None:
        """The books on one answer; None when not (yet) written or not offered."""
        ...

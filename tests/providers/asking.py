"""Asking a provider in tests, and keeping what it said."""

from contextlib import aclosing
from dataclasses import dataclass, field
from datetime import UTC, datetime

from backend.messages import ModelRequest, ToolCall, ToolSpec, UserPrompt
from backend.providers.base import (
    Finished,
    ModelEvent,
    ModelProvider,
    ProviderError,
    ReasoningDelta,
    TextDelta,
)

KEY = "sk-or-v1-0123456789abcdef"
NOON = datetime(2026, 11, 20, 12, 0, tzinfo=UTC)
CLOCK_TOOL = ToolSpec("clock", "Tells the time.", {"type": "object", "properties": {}})


@dataclass
class Waits:
    """A pause that takes no time and remembers how long it should have taken."""

    seconds: list[float] = field(default_factory=list)

    async def __call__(self, seconds: float) -> None:
        self.seconds.append(seconds)


@dataclass(frozen=True)
class StillClock:
    moment: datetime

    def now(self) -> datetime:
        return self.moment

    def monotonic(self) -> float:
        return 0.0


@dataclass
class Heard:
    events: list[ModelEvent] = field(default_factory=list)
    failure: ProviderError | None = None

    @property
    def text(self) -> str:
        return "".join(event.text for event in self.of(TextDelta))

    @property
    def reasoning(self) -> str:
        return "".join(event.text for event in self.of(ReasoningDelta))

    @property
    def calls(self) -> list[ToolCall]:
        return self.of(ToolCall)

    @property
    def reason(self) -> str:
        """Of a whole answer: the last event must be its only end."""
        assert self.failure is None, self.failure
        ends = self.of(Finished)
        assert ends == [self.events[-1]]
        return ends[0].reason

    def of[T](self, kind: type[T]) -> list[T]:
        return [event for event in self.events if isinstance(event, kind)]


def request(text: str = "Hello", **more: object) -> ModelRequest:
    return ModelRequest(
        **({"model": "vendor/model", "messages": (UserPrompt(text),)} | more)  # type: ignore[arg-type]  # fields by name, checked by use
    )


async def hear(provider: ModelProvider, asked: ModelRequest | None = None) -> Heard:
    heard = Heard()
    try:
        async with aclosing(provider.stream(asked or request())) as batches:
            async for batch in batches:
                heard.events.extend(batch)
    except ProviderError as error:
        heard.failure = error
    return heard

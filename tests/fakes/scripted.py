"""A provider in this process that says what a test tells it to, step by step."""

import asyncio
from collections import deque
from collections.abc import AsyncGenerator, Callable, Sequence

from backend.messages import Generation, ModelInfo, ModelRequest, ToolCall, Usage
from backend.providers.base import (
    Finished,
    ModelEvent,
    ProviderError,
    ProviderUnreachableError,
    ReasoningDelta,
    TextDelta,
    UsageReport,
)

PATIENCE = 5

type Step = ModelEvent | ProviderError | asyncio.Event | Callable[[], None]
"""An event is said, an error is raised, an `asyncio.Event` is waited for, a function is run."""

MODEL = ModelInfo(id="model", name="A model", provider="scripted", supports_tools=True)
SECOND_MODEL = ModelInfo(id="second", name="Another", provider="scripted", supports_tools=True)


def text(*tokens: str, reason: str = "stop", cost: float | None = None) -> list[Step]:
    """A whole, ordinary answer."""
    return [*map(TextDelta, tokens), _used(len(tokens), cost), Finished(reason)]


def thought(reasoning: str, *tokens: str) -> list[Step]:
    return [ReasoningDelta(reasoning), *text(*tokens)]


def calls(*wanted: ToolCall, saying: str = "", cost: float | None = None) -> list[Step]:
    """A step that ends in tool calls."""
    said: list[Step] = [TextDelta(saying)] if saying else []
    return [*said, *wanted, _used(1, cost), Finished("tool_calls")]


def tool(name: str, arguments: str = "{}", *, call_id: str = "") -> ToolCall:
    return ToolCall(call_id or f"call_{name}", name, arguments)


def _used(tokens: int, cost: float | None) -> UsageReport:
    return UsageReport(Usage(prompt_tokens=10, completion_tokens=tokens, cost=cost))


class ScriptedProvider:
    """Plays the scripts in order, then `always`; with nothing left it cannot be reached."""

    def __init__(self, *models: ModelInfo) -> None:
        self.requests: list[ModelRequest] = []
        self.open = 0
        """Streams that are being read right now."""
        self.always: Sequence[Step] | None = None
        self.books: dict[str, Generation] = {}
        self.lookups: list[str] = []
        self.offered: Sequence[ModelInfo] | ProviderError = models or (MODEL, SECOND_MODEL)
        self._scripts: deque[Sequence[Step]] = deque()
        self._changed = asyncio.Condition()
        self._telling: set[asyncio.Task[None]] = set()

    @property
    def id(self) -> str:
        return "scripted"

    def says(self, *scripts: Sequence[Step]) -> None:
        self._scripts.extend(scripts)

    async def stream(self, request: ModelRequest) -> AsyncGenerator[Sequence[ModelEvent]]:
        self.requests.append(request)
        script = self._scripts.popleft() if self._scripts else self.always
        self.open += 1
        await self._tell()
        try:
            for step in script if script is not None else [ProviderUnreachableError("No script.")]:
                if isinstance(step, asyncio.Event):
                    await step.wait()
                elif isinstance(step, ProviderError):
                    raise step
                elif callable(step):
                    step()
                else:
                    yield [step]
        finally:
            self.open -= 1
            asyncio.get_running_loop().call_soon(self._tell_soon)

    async def was_asked(self, times: int = 1) -> ModelRequest:
        """Wait for that many requests; the latest of them."""
        async with asyncio.timeout(PATIENCE), self._changed:
            await self._changed.wait_for(lambda: len(self.requests) >= times)
        return self.requests[times - 1]

    async def is_idle(self) -> None:
        """Wait until nobody reads an answer any more."""
        async with asyncio.timeout(PATIENCE), self._changed:
            await self._changed.wait_for(lambda: not self.open)

    async def models(self) -> Sequence[ModelInfo]:
        if isinstance(self.offered, ProviderError):
            raise self.offered
        return self.offered

    async def generation(self, generation_id: str) -> Generation | None:
        self.lookups.append(generation_id)
        return self.books.get(generation_id)

    async def aclose(self) -> None:
        """It owns no connections."""

    def _tell_soon(self) -> None:
        # A generator that is being closed must not wait for anything itself.
        telling = asyncio.get_running_loop().create_task(self._tell())
        self._telling.add(telling)
        telling.add_done_callback(self._telling.discard)

    async def _tell(self) -> None:
        async with self._changed:
            self._changed.notify_all()

"""The demo: a provider without a model. Offline, free, scripted, and it says so.

It looks for words in the last message:

    (nothing below)       a greeting that says what this is and what can be tried
    markdown              every kind of formatting
    long                  about 1,500 words
    think, reason         reasoning first
    tool                  calls demo_echo and demo_wait in parallel, then reports; a number in the
                          message is how long to wait, "tool ... fail" calls demo_fail as well
    slow                  one word a second
    fail                  some text, then a provider error
    fail early, busy      an overloaded provider, before the first word
    empty                 an empty answer

An instruction to continue a broken-off answer is met with new paragraphs.
"""

import re
import secrets
from collections import OrderedDict
from collections.abc import AsyncGenerator, Awaitable, Callable, Sequence
from typing import Self

from backend.kit.schedule import pause
from backend.messages import (
    Generation,
    ModelInfo,
    ModelRequest,
    PromptMessage,
    ToolReturn,
    Usage,
)
from backend.providers.base import (
    Finished,
    GenerationStarted,
    ModelEvent,
    ReasoningDelta,
    ReasoningDetails,
    TextDelta,
    UsageReport,
)
from backend.providers.demo_scripts import Script, choose

MODEL = "parlor"
WORD_SECONDS = 0.025
SLOW_WORD_SECONDS = 1.0
CONTEXT_TOKENS = 32_000
_BOOKS_KEPT = 256

_WORDS = re.compile(r"\S+\s*|\s+")


class DemoProvider:
    """`word_seconds=0` plays at full speed, `wait` replaces the clock; both are for tests."""

    def __init__(
        self,
        *,
        word_seconds: float = WORD_SECONDS,
        slow_word_seconds: float = SLOW_WORD_SECONDS,
        wait: Callable[[float], Awaitable[None]] = pause,
    ) -> None:
        self._word_seconds = word_seconds
        self._slow_word_seconds = slow_word_seconds
        self._wait = wait
        self._books: OrderedDict[str, Generation] = OrderedDict()

    @property
    def id(self) -> str:
        return "demo"

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(self, *_: object) -> None:
        await self.aclose()

    async def aclose(self) -> None:
        """Nothing is open."""

    async def stream(self, request: ModelRequest) -> AsyncGenerator[Sequence[ModelEvent]]:
        script = choose(request)
        if script.failure and not script.text:
            await self._wait(self._word_seconds)
            raise script.failure
        generation_id = f"demo-{secrets.token_hex(8)}"
        yield [GenerationStarted(generation_id)]
        spent = Usage(prompt_tokens=_count(request.messages), cost=0.0)
        finished = False
        try:
            for event in _spoken(script):
                await self._wait(self._slow_word_seconds if script.slow else self._word_seconds)
                spent = spent.plus(_one_token(event))
                yield [event]
            if script.failure:
                raise script.failure
            finished = True
            yield _ending(script, spent)
        finally:
            self._write_down(generation_id, spent, cancelled=not finished)

    async def models(self) -> Sequence[ModelInfo]:
        return [
            ModelInfo(
                id=MODEL,
                name="Parlor demo",
                provider=self.id,
                description="No model: scripted answers that show what Parlor can do.",
                context_length=CONTEXT_TOKENS,
                supported_parameters=("tools", "reasoning"),
                supports_tools=True,
                prompt_price=0.0,
                completion_price=0.0,
            )
        ]

    async def generation(self, generation_id: str) -> Generation | None:
        return self._books.get(generation_id)

    def _write_down(self, generation_id: str, spent: Usage, *, cancelled: bool) -> None:
        self._books[generation_id] = Generation(
            id=generation_id,
            model=MODEL,
            provider_name="Demo",
            total_cost=0.0,
            prompt_tokens=spent.prompt_tokens,
            completion_tokens=spent.completion_tokens,
            reasoning_tokens=spent.reasoning_tokens,
            cached_tokens=0,
            cancelled=cancelled,
        )
        while len(self._books) > _BOOKS_KEPT:
            self._books.popitem(last=False)


def _spoken(script: Script) -> list[TextDelta | ReasoningDelta]:
    thoughts = [ReasoningDelta(word) for word in _WORDS.findall(script.reasoning)]
    return [*thoughts, *(TextDelta(word) for word in _WORDS.findall(script.text))]


def _ending(script: Script, spent: Usage) -> list[ModelEvent]:
    events: list[ModelEvent] = [*script.calls]
    if script.reasoning:
        thought = {"type": "reasoning.text", "text": script.reasoning, "index": 0}
        events.append(ReasoningDetails((thought,)))
    events.append(UsageReport(spent))
    events.append(Finished("tool_calls" if script.calls else "stop"))
    return events


def _one_token(event: TextDelta | ReasoningDelta) -> Usage:
    thought = 1 if isinstance(event, ReasoningDelta) else 0
    return Usage(completion_tokens=1, reasoning_tokens=thought)


def _count(messages: Sequence[PromptMessage]) -> int:
    """About four characters a token, like real tokenizers on English."""
    texts = (m.content if isinstance(m, ToolReturn) else m.text for m in messages)
    return sum(len(text) // 4 + 4 for text in texts)

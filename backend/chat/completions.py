"""One answer of a model for a program: its own messages and tools in, the final message out.

No conversation is stored and no tool is run. What it costs counts for the person's day.
"""

import asyncio
from collections.abc import AsyncGenerator, Callable, Coroutine
from contextlib import aclosing, asynccontextmanager
from dataclasses import dataclass, field, replace
from typing import ClassVar
from weakref import WeakValueDictionary

from backend.auth.people import User
from backend.catalog.service import Catalog
from backend.chat.allowance import Allowance, DailyBudgetReachedError, Permit, Wish
from backend.chat.completion_schema import (
    Called,
    CalledFunction,
    Completion,
    CompletionRequest,
    FinalMessage,
    Remark,
    TokensUsed,
)
from backend.chat.costs import late_usage
from backend.chat.spending_store import SpendingStore
from backend.chat.tally import Tally
from backend.kit.background import Background
from backend.kit.clock import Clock
from backend.kit.errors import AppError, InvalidInputError
from backend.kit.ids import new_id
from backend.messages import JsonObject, ModelInfo, ModelRequest, ToolCall, Usage
from backend.providers.base import (
    Finished,
    GenerationStarted,
    ModelEvent,
    ModelProvider,
    ProviderNotice,
    ReasoningDelta,
    ReasoningDetails,
    TextDelta,
    UsageReport,
)

SECONDS = 600.0
_BYTES_A_TOKEN = 4
"""About what tokenizers make of English; only to see what a rest of money may be enough for."""

type OnText = Callable[[str], None]
"""Is called with each piece of the answer as it comes."""


class TooLongError(AppError):
    code: ClassVar[str] = "completion_too_long"
    status = 504


@dataclass(slots=True)
class _Answer:
    text: list[str] = field(default_factory=list)
    reasoning: list[str] = field(default_factory=list)
    details: tuple[JsonObject, ...] = ()
    calls: list[ToolCall] = field(default_factory=list)
    notices: list[Remark] = field(default_factory=list)
    usage: Usage | None = None
    id: str = ""
    reason: str = "stop"

    def take(self, event: ModelEvent) -> None:
        match event:
            case TextDelta(text=text):
                self.text.append(text)
            case ReasoningDelta(text=text):
                self.reasoning.append(text)
            case ReasoningDetails(items=items):
                self.details = items
            case ToolCall():
                self.calls.append(event)
            case UsageReport(usage=usage):
                self.usage = self.usage.plus(usage) if self.usage else usage
            case GenerationStarted(id=generation_id):
                self.id = generation_id
            case ProviderNotice(code=code, detail=detail):
                self.notices.append(Remark(code=code, detail=detail))
            case Finished(reason=reason):
                self.reason = reason


class Completions:
    def __init__(  # noqa: PLR0913  # wired in one place, parts.py
        self,
        *,
        catalog: Catalog,
        allowance: Allowance,
        spending: SpendingStore,
        background: Background,
        clock: Clock,
        tally: Tally | None = None,
        seconds: float = SECONDS,
    ) -> None:
        self._tally = tally or Tally()
        self._catalog = catalog
        self._allowance = allowance
        self._spending = spending
        self._background = background
        self._clock = clock
        self._seconds = seconds
        self._lines: WeakValueDictionary[str, asyncio.Lock] = WeakValueDictionary()

    def models(self, user: User) -> list[ModelInfo]:
        return self._allowance.models(user, search="", tools_only=False)

    def default_model(self, user: User) -> str:
        return self._allowance.default_model(user)

    async def complete(
        self, user: User, request: CompletionRequest, on_text: OnText = lambda _: None
    ) -> Completion:
        """Cancel it to stop: the provider's socket is closed, and what was spent is counted.

        Raises ModelUnknownError, NotAllowedError, InvalidInputError, ProviderError, TooLongError.
        """
        model = request.model or self._allowance.default_model(user)
        self._catalog.check(model)
        provider, local = self._catalog.resolve(model)
        asked = ModelRequest(
            model=local,
            messages=request.prompt(local),
            tools=request.specs,
            parameters=request.parameters,
            extras=request.extras | self._fallbacks(user, request, provider),
        )
        try:
            async with asyncio.timeout(self._seconds):
                answer = await self._ask(user, model, provider, asked, on_text)
        except TimeoutError:
            raise TooLongError(
                f"The answer was not complete within {self._seconds:g} seconds; ask for less."
            ) from None
        return _completion(answer, model, new_id("cmpl", self._clock))

    def _fallbacks(
        self, user: User, request: CompletionRequest, provider: ModelProvider
    ) -> JsonObject:
        names = []
        for model in request.models or ():
            self._catalog.check(model)
            self._allowance.check_model(user, model)
            found, local = self._catalog.resolve(model)
            if found.id != provider.id or provider.id != "openrouter":
                raise InvalidInputError("models: only OpenRouter falls back on other models.")
            names.append(local)
        return {"models": names} if names else {}

    async def _ask(
        self,
        user: User,
        model: str,
        provider: ModelProvider,
        request: ModelRequest,
        on_text: OnText,
    ) -> _Answer:
        async with self._in_line(user) as when_settled:
            permit = await self._allowance.permit(user, Wish(model))
            request = self._affordable(request, self._catalog.find(model), permit)
            answer = _Answer()
            is_whole = False
            try:
                async with aclosing(provider.stream(request)) as batches:
                    async for batch in batches:
                        for event in batch:
                            answer.take(event)
                            if isinstance(event, TextDelta):
                                on_text(event.text)
                is_whole = True
            finally:
                books = self._settle(user, provider, answer, permit, is_whole=is_whole)
                when_settled(books)
            return answer

    @asynccontextmanager
    async def _in_line(
        self, user: User
    ) -> AsyncGenerator[Callable[[Coroutine[None, None, None]], None]]:
        """Whose money is counted gets one answer at a time: the next is asked for when it is
        known what the last one has cost."""
        lock = None
        if user.limits.dollars_a_day is not None:
            lock = self._lines.setdefault(user.id, asyncio.Lock())
            await lock.acquire()
        writing: list[asyncio.Task[None]] = []

        def settle(books: Coroutine[None, None, None]) -> None:
            """In a task of its own: the program may have hung up."""
            writing.append(self._background.start(books, name="cost of a completion"))

        try:
            yield settle
            await asyncio.wait(writing)
        finally:
            if lock is not None and writing:
                writing[0].add_done_callback(lambda _: lock.release())
            elif lock is not None:
                lock.release()

    async def _settle(
        self,
        user: User,
        provider: ModelProvider,
        answer: _Answer,
        permit: Permit,
        *,
        is_whole: bool,
    ) -> None:
        usage = answer.usage
        if usage is None and answer.id and not is_whole:
            usage = await late_usage(provider, answer.id)
        if usage is not None:
            self._tally.used(usage)
        if usage is not None and usage.cost:
            await self._spending.add(user.id, usage.cost)
        if permit.when_over is not None:
            await permit.when_over()

    def _affordable(
        self, request: ModelRequest, known: ModelInfo | None, permit: Permit
    ) -> ModelRequest:
        """No longer an answer than what is left of the day pays for. Raises NotAllowedError."""
        price = known.completion_price if known else None
        if permit.dollars is None or known is None or not price:
            return request
        asked = len(repr(request.messages)) + len(repr(request.tools))
        left = permit.dollars - asked / _BYTES_A_TOKEN * (known.prompt_price or 0) / 1_000_000
        tokens = int(left * 1_000_000 / price)
        if tokens < 1:
            raise DailyBudgetReachedError(
                "What is left of your allowance for today is not enough for this question."
            )
        wanted = request.parameters.max_tokens
        if wanted is not None and wanted <= tokens:
            return request
        if wanted is None and known.max_output_tokens and known.max_output_tokens <= tokens:
            return request
        limited = request.parameters.model_copy(update={"max_tokens": min(tokens, 10_000_000)})
        return replace(request, parameters=limited)


def _completion(answer: _Answer, model: str, new: str) -> Completion:
    text = "".join(answer.text)
    return Completion(
        id=answer.id or new,
        model=model,
        message=FinalMessage(
            content=text or (None if answer.calls else ""),
            reasoning="".join(answer.reasoning) or None,
            reasoning_details=answer.details,
            tool_calls=tuple(Called(id=call.id, function=_called(call)) for call in answer.calls),
        ),
        finish_reason=answer.reason,
        usage=TokensUsed.of(answer.usage) if answer.usage else None,
        notices=tuple(answer.notices),
    )


def _called(call: ToolCall) -> CalledFunction:
    return CalledFunction(name=call.name, arguments=call.arguments)

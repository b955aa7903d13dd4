"""The loop of one turn: ask the model, run the tools it calls, ask again, until it stops."""

import asyncio
from collections import Counter
from collections.abc import Callable, Sequence
from contextlib import aclosing
from dataclasses import dataclass, field, replace

from backend.chat import events
from backend.chat.records import StepReasoning
from backend.kit.clock import Clock
from backend.messages import AssistantStep, ModelRequest, ToolCall, ToolReturn, Usage
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
from backend.toolbox.context import CallContext
from backend.toolbox.service import Toolbox

type Emit = Callable[[events.TurnEvent], None]
type ContextOf = Callable[[ToolCall], CallContext]


@dataclass(frozen=True, slots=True)
class TurnLimits:
    """Where a turn pauses; the person may let it go on."""

    steps: int
    tool_errors: int
    cost: float | None


@dataclass(slots=True)
class _Answer:
    """What one call of the model gave."""

    text: list[str] = field(default_factory=list)
    calls: list[ToolCall] = field(default_factory=list)
    details: ReasoningDetails = field(default_factory=lambda: ReasoningDetails(()))
    reason: str = "stop"


class TurnLoop:
    """Runs once. Cancel the task that runs it to stop: socket and tools are closed at once."""

    def __init__(  # noqa: PLR0913  # the parts of a turn, each from elsewhere
        self,
        provider: ModelProvider,
        request: ModelRequest,
        toolbox: Toolbox,
        *,
        limits: TurnLimits,
        context: ContextOf,
        emit: Emit,
        clock: Clock,
    ) -> None:
        self.usage: Usage | None = None
        self.reasoning: list[StepReasoning] = []
        self.generation_ids: list[str] = []
        self.tool_outcomes: Counter[str] = Counter()
        self.unreported_id = ""
        """The generation whose usage never came, because the answer was cut short."""
        self._provider = provider
        self._request = request
        self._toolbox = toolbox
        self._limits = limits
        self._context = context
        self._emit = emit
        self._clock = clock
        self._errors_in_row = 0

    async def run(self, first_step: int) -> str:
        """Why it ended, in OpenAI's words or `step_limit`, `tool_error_limit`, `cost_limit`.

        Raises ProviderError.
        """
        request = self._request
        for step in range(first_step, first_step + self._limits.steps):
            answer = await self._ask(request, step)
            # Arguments of calls that hit the length limit may be cut: they are not run.
            if not answer.calls or answer.reason == "length":
                return answer.reason
            meant = [self._toolbox.meant(call) for call in answer.calls]
            returns = await self._run_tools(meant, step)
            if reached := self._reached_limit():
                return reached
            spoken = AssistantStep(
                text="".join(answer.text),
                calls=tuple(self._toolbox.spelled(call) for call in meant),
                reasoning_details=answer.details.items,
                model=request.model,
            )
            request = replace(request, messages=(*request.messages, spoken, *returns))
        self._notice("step_limit", f"Paused after {self._limits.steps} steps.")
        return "step_limit"

    async def _ask(self, request: ModelRequest, step: int) -> _Answer:
        answer = _Answer()
        async with aclosing(self._provider.stream(request)) as batches:
            async for batch in batches:
                for event in batch:
                    if type(event) is TextDelta:  # the per-token path
                        answer.text.append(event.text)
                        self._emit(events.TextDelta(event.text))
                    else:
                        self._take(event, answer)
        if answer.details.items:
            self.reasoning.append(StepReasoning(step, request.model, answer.details.items))
        return answer

    def _take(self, event: ModelEvent, answer: _Answer) -> None:
        match event:
            case ReasoningDelta(text=text):
                self._emit(events.ReasoningDelta(text))
            case ToolCall():
                answer.calls.append(event)
            case ReasoningDetails():
                answer.details = event
            case UsageReport(usage=usage):
                self.unreported_id = ""
                self._add_usage(usage)
            case GenerationStarted(id=generation_id):
                self.generation_ids.append(generation_id)
                self.unreported_id = generation_id
            case ProviderNotice(code=code, detail=detail):
                self._notice(code, detail)
            case Finished(reason=reason):
                answer.reason = reason

    async def _run_tools(self, calls: Sequence[ToolCall], step: int) -> list[ToolReturn]:
        """All calls of a step at once; the returns in the order of the calls."""
        for call in calls:
            self._emit(events.ToolStarted(call.id, call.name, call.arguments, step))
        async with asyncio.TaskGroup() as group:
            running = [group.create_task(self._run_tool(call)) for call in calls]
        returns = [task.result() for task in running]
        for result in returns:
            self._errors_in_row = self._errors_in_row + 1 if result.failed else 0
        return returns

    async def _run_tool(self, call: ToolCall) -> ToolReturn:
        started = self._clock.monotonic()
        result = await self._toolbox.call(call, self._context(call))
        self.tool_outcomes["error" if result.failed else "ok"] += 1
        self._emit(
            events.ToolFinished(
                call.id,
                "error" if result.failed else "ok",
                result.content,
                round((self._clock.monotonic() - started) * 1000),
                result.media,
            )
        )
        return result

    def _reached_limit(self) -> str | None:
        if self._errors_in_row >= self._limits.tool_errors:
            self._notice("tool_error_limit", f"Paused: {self._errors_in_row} tool calls failed.")
            return "tool_error_limit"
        spent = self.usage.cost if self.usage else None
        if spent is not None and self._limits.cost is not None and spent >= self._limits.cost:
            self._notice("cost_limit", f"Paused: this turn has cost ${spent:.4f}.")
            return "cost_limit"
        return None

    def _add_usage(self, usage: Usage) -> None:
        self.usage = total = self.usage.plus(usage) if self.usage else usage
        self._emit(
            events.UsageReported(
                total.prompt_tokens,
                total.completion_tokens,
                total.reasoning_tokens,
                total.cached_tokens,
                total.cost,
            )
        )

    def _notice(self, code: str, detail: str) -> None:
        self._emit(events.Notice(code, detail))

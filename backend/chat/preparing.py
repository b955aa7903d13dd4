"""From a question that is stored to a loop that can run: the model, the past, the tools."""

from collections.abc import Callable
from dataclasses import replace
from zoneinfo import ZoneInfo

from backend.catalog.service import Catalog
from backend.chat import events
from backend.chat.history import build_window, time_context
from backend.chat.questions import Place, Questions
from backend.chat.records import PathMessage, ToolPart
from backend.chat.running import RunningTurn
from backend.chat.turn import TurnLimits, TurnLoop
from backend.chat.turn_begin import BegunTurn
from backend.kit.clock import Clock
from backend.kit.hub import Hub
from backend.messages import ModelParameters, ModelRequest, ToolCall
from backend.toolbox.context import CallContext, Who
from backend.toolbox.service import Toolbox

type ToolboxFor = Callable[[Who], Toolbox]


class TurnPreparer:
    """`ask_seconds`: how long a person may take to answer a question of a turn."""

    def __init__(  # noqa: PLR0913  # wired in one place, container.py
        self,
        *,
        catalog: Catalog,
        toolbox_for: ToolboxFor,
        demo_toolbox: Toolbox,
        limits: TurnLimits,
        ask_seconds: float,
        hub: Hub,
        clock: Clock,
    ) -> None:
        self._catalog = catalog
        self._toolbox_for = toolbox_for
        self._demo_toolbox = demo_toolbox
        self._limits = limits
        self._ask_seconds = ask_seconds
        self._hub = hub
        self._clock = clock

    def prepare(
        self, running: RunningTurn, begun: BegunTurn, zone: ZoneInfo, parameters: ModelParameters
    ) -> TurnLoop:
        turn = running.turn
        provider, local_model = self._catalog.resolve(turn.model)
        known = self._catalog.find(turn.model)
        window = build_window(
            begun.path,
            system_prompt=begun.system_prompt,
            context=time_context(self._clock.now(), zone),
            continued=turn.kind == "continue",
            context_length=known.context_length if known else None,
        )
        if window.dropped:
            running.emit(
                events.Notice(
                    "history_trimmed",
                    f"The oldest {window.dropped} messages did not fit this model and were left out.",
                )
            )
        permit, cost = running.permit, self._limits.cost
        if permit.dollars is not None:
            cost = permit.dollars if cost is None else min(cost, permit.dollars)
        offers_tools = known is None or known.supports_tools
        who = Who(running.owner_id, running.client, permit.tools)
        toolbox = self._tools(running, who, is_demo=provider.id == "demo", offered=offers_tools)
        request = ModelRequest(
            model=local_model,
            messages=window.messages,
            tools=toolbox.specs if offers_tools else (),
            parameters=parameters,
            session_id=turn.conversation_id,
        )
        return TurnLoop(
            provider,
            request,
            toolbox,
            limits=replace(self._limits, cost=cost),
            context=self._context(running, begun, who, toolbox),
            emit=running.emit,
            clock=self._clock,
        )

    def _tools(self, running: RunningTurn, who: Who, *, is_demo: bool, offered: bool) -> Toolbox:
        """As they are now, for the whole turn; what is missing is named."""
        toolbox = self._demo_toolbox if is_demo else self._toolbox_for(who)
        if who.tools is not None:
            toolbox = toolbox.only(who.tools)
        if offered:
            for remark in toolbox.remarks:
                running.emit(events.Notice(remark.code, remark.detail))
        return toolbox

    def _context(
        self, running: RunningTurn, begun: BegunTurn, who: Who, toolbox: Toolbox
    ) -> Callable[[ToolCall], CallContext]:
        turn = running.turn
        place = Place(running.owner_id, turn.conversation_id, turn.id)
        questions = running.questions = Questions(
            place, running.emit, self._hub, self._clock, seconds=self._ask_seconds
        )
        # All of the branch, also what no longer fits the model: its answers may carry it on.
        seen = toolbox.seen_after(_called(begun.path))
        return lambda call: questions.context(call, who, seen)


def _called(path: list[PathMessage]) -> list[str]:
    """The tools that were called on the way to the question."""
    return [part.name for step in path for part in step.parts if isinstance(part, ToolPart)]

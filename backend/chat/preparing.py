"""From a question that is stored to a loop that can run: the model, the past, the tools."""

from collections.abc import Awaitable, Callable
from dataclasses import dataclass, replace
from functools import partial
from zoneinfo import ZoneInfo

from backend.attachments.records import Owner
from backend.attachments.service import Attachments
from backend.catalog.service import Catalog
from backend.chat import events
from backend.chat.allowance import Permit
from backend.chat.attached import attached_sources
from backend.chat.history import CHARACTERS_PER_TOKEN, build_window, time_context
from backend.chat.questions import Place, Questions
from backend.chat.records import PathMessage, ToolPart
from backend.chat.running import RunningTurn
from backend.chat.turn import TurnLimits, TurnLoop
from backend.chat.turn_order import BegunTurn
from backend.kit.clock import Clock
from backend.kit.hub import Hub
from backend.messages import ModelParameters, ModelRequest, ToolCall
from backend.toolbox.context import CallContext, Who
from backend.toolbox.service import Toolbox

type ToolboxFor = Callable[[Who], Toolbox]
type Remembered = Callable[[Who], Awaitable[str]]
"""What is remembered about a person, as a model reads it; "" when that is nothing."""

_ROOM = 24_000
"""Characters for the definitions of tools where nobody knows how much a model can read."""


@dataclass(frozen=True, slots=True)
class Offer:
    """What a turn may use besides its model. `share`: of the model's context, for the definitions
    of tools; beyond it the model has to find them."""

    toolbox_for: ToolboxFor
    demo_toolbox: Toolbox
    remembered: Remembered
    attachments: Attachments
    share: float


class TurnPreparer:
    """`ask_seconds`: how long a person may take to answer a question of a turn."""

    def __init__(
        self,
        *,
        catalog: Catalog,
        offer: Offer,
        limits: TurnLimits,
        ask_seconds: float,
        hub: Hub,
        clock: Clock,
    ) -> None:
        self._catalog = catalog
        self._offer = offer
        self._limits = limits
        self._ask_seconds = ask_seconds
        self._hub = hub
        self._clock = clock

    async def prepare(
        self, running: RunningTurn, begun: BegunTurn, zone: ZoneInfo, parameters: ModelParameters
    ) -> TurnLoop:
        turn = running.turn
        provider, local_model = self._catalog.resolve(turn.model)
        known = self._catalog.find(turn.model)
        length = known.context_length if known else None
        offers_tools = known is None or known.supports_tools
        who = Who(running.owner_id, running.client, running.permit.tools)
        toolbox = self._tools(running, who, is_demo=provider.id == "demo", offered=offers_tools)
        if offers_tools:
            room = length * self._offer.share * CHARACTERS_PER_TOKEN if length else _ROOM
            toolbox = toolbox.within(room)
        remembered = await self._offer.remembered(who)
        window = build_window(
            begun.path,
            system_prompt="\n\n".join(filter(None, (begun.system_prompt, remembered))) or None,
            context=time_context(self._clock.now(), zone),
            continued=turn.kind == "continue",
            context_length=length,
            spelled=toolbox.spelled,
        )
        if window.dropped:
            running.emit(
                events.Notice(
                    "history_trimmed",
                    f"The oldest {window.dropped} messages did not fit this model and were left out.",
                )
            )
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
            limits=self._within(running.permit),
            context=self._context(running, begun, who, toolbox),
            emit=running.emit,
            clock=self._clock,
        )

    def _within(self, permit: Permit) -> TurnLimits:
        costs = [cost for cost in (self._limits.cost, permit.dollars) if cost is not None]
        return replace(self._limits, cost=min(costs, default=None))

    def _tools(self, running: RunningTurn, who: Who, *, is_demo: bool, offered: bool) -> Toolbox:
        """As they are now, for the whole turn; what is missing is named."""
        toolbox = self._offer.demo_toolbox if is_demo else self._offer.toolbox_for(who)
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
        for source in attached_sources(begun.path):
            seen.add(source)
        owner = Owner(running.owner_id, turn.conversation_id, turn.message_id)
        keep = partial(self._offer.attachments.keep, owner)
        return lambda call: replace(questions.context(call, who, seen), keep=keep)


def _called(path: list[PathMessage]) -> list[ToolCall]:
    """What was called on the way to the question."""
    return [
        ToolCall(part.call_id, part.name, part.arguments)
        for step in path
        for part in step.parts
        if isinstance(part, ToolPart)
    ]

"""What a running turn asks its person: may this tool run, what does a server want to know.

Each question has an id of its own that cannot be guessed or used twice: ids of calls come from the
model, and a late yes to one call must never count for another.
"""

import asyncio
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import timedelta
from typing import ClassVar

import orjson

from backend.auth.limits import tool_allowed
from backend.auth.people import User
from backend.chat import events
from backend.chat.allowance import NotAllowedError
from backend.chat.live import announce_answered, announce_asked
from backend.kit.clock import Clock
from backend.kit.errors import ConflictError, InvalidInputError, NotFoundError
from backend.kit.hub import Hub
from backend.kit.ids import new_id
from backend.messages import ToolCall
from backend.toolbox.context import NO, Answer, Approval, CallContext, Decision, Question, Seen, Who

_PROGRESS_SECONDS = 0.2
"""A server may report as often as it likes; screens hear of it this often."""

_MOST_INPUTS = 20
"""That servers may ask for in one turn."""
_LARGEST_FORM = 20_000

type Asked = events.ApprovalRequested | events.InputRequested


class AlreadyDecidedError(ConflictError):
    code: ClassVar[str] = "already_decided"

    def __init__(self) -> None:
        super().__init__("This was decided already, or nobody answered in time.")


@dataclass(slots=True)
class _Open:
    asked: Asked
    names: tuple[str, ...] = ()
    answer: asyncio.Future[Decision | Answer] = field(
        default_factory=lambda: asyncio.get_running_loop().create_future()
    )


@dataclass(frozen=True, slots=True)
class Place:
    """Whose turn it is and where its questions are shown."""

    owner_id: str
    conversation_id: str
    turn_id: str


class Questions:
    """Of one turn. What is asked stands in its journal and goes to every screen of the person."""

    def __init__(
        self,
        place: Place,
        emit: Callable[[events.TurnEvent], None],
        hub: Hub,
        clock: Clock,
        *,
        seconds: float,
    ) -> None:
        self._place = place
        self._write = emit
        self._over = False
        self._inputs = 0
        self._hub = hub
        self._clock = clock
        self._seconds = seconds
        self._open: dict[str, _Open] = {}
        self._closed: dict[str, Decision | Answer] = {}

    @property
    def open(self) -> list[Asked]:
        return [one.asked for one in self._open.values()]

    def end(self) -> None:
        """The turn writes its last words: what a cancelled call still says is left out."""
        self._over = True

    def _emit(self, event: events.TurnEvent) -> None:
        if not self._over:
            self._write(event)

    def context(self, call: ToolCall, who: Who, seen: Seen) -> CallContext:
        """What a call of this turn may ask."""

        async def approve(approval: Approval) -> Decision:
            return await self._approve(call, approval)

        async def ask(question: Question) -> Answer:
            return await self._ask(call, question)

        place = self._place
        return CallContext(
            who,
            self._progress_of(call),
            ask,
            approve,
            seen,
            conversation_id=place.conversation_id,
            turn_id=place.turn_id,
        )

    # --- answers --------------------------------------------------------------------------------

    def decide(self, user: User, approval_id: str, decision: Decision) -> None:
        """Raises NotFoundError, NotAllowedError, AlreadyDecidedError. Harmless when repeated."""
        one = self._find(approval_id, decision)
        if one is None:
            return
        if not isinstance(one.asked, events.ApprovalRequested):
            raise NotFoundError("There is no such approval in this turn.")
        if not any(tool_allowed(user.limits, name) for name in one.names):
            raise NotAllowedError("Your account may not use this tool.")
        self._close(approval_id, one, decision)

    def respond(self, input_id: str, answer: Answer) -> None:
        """Raises NotFoundError, InvalidInputError, AlreadyDecidedError. Harmless when repeated."""
        one = self._find(input_id, answer)
        if one is None:
            return
        if not isinstance(one.asked, events.InputRequested):
            raise NotFoundError("There is no such request in this turn.")
        if answer.action == "accept" and one.asked.kind == "form" and answer.content is None:
            raise InvalidInputError("content: is needed to accept a form")
        self._close(input_id, one, answer)

    def _find(self, question_id: str, given: Decision | Answer) -> _Open | None:
        """None: it was answered in these very words."""
        if (one := self._open.get(question_id)) is not None:
            return one
        if question_id not in self._closed:
            raise NotFoundError("There is no such question in this turn.")
        if self._closed[question_id] != given:
            raise AlreadyDecidedError
        return None

    def _close(self, question_id: str, one: _Open, given: Decision | Answer) -> None:
        """At once, so that of two answers in the same moment one alone counts."""
        del self._open[question_id]
        self._closed[question_id] = given
        one.answer.set_result(given)

    # --- questions ------------------------------------------------------------------------------

    async def _approve(self, call: ToolCall, approval: Approval) -> Decision:
        asked = events.ApprovalRequested(
            approval_id=new_id("ask", self._clock),
            call_id=call.id,
            tool=approval.tool,
            title=approval.title,
            server=approval.server,
            description=approval.description,
            arguments=orjson.dumps(approval.arguments).decode(),
            reason=approval.reason,
            detail=approval.detail,
            can_remember=approval.can_remember,
            expires_at=self._expiry(),
        )
        one = _Open(asked, approval.names)
        given = await self._wait(asked.approval_id, one)
        decision = given if isinstance(given, Decision) else Decision(allowed=False, expired=True)
        said: events.ApprovalDecision = "allow" if decision.allowed else "deny"
        if decision.expired:
            said = "expired"
        self._emit(events.ApprovalDecided(asked.approval_id, call.id, said))
        return decision

    async def _ask(self, call: ToolCall, question: Question) -> Answer:
        self._inputs += 1
        if self._inputs > _MOST_INPUTS or len(orjson.dumps(question.schema)) > _LARGEST_FORM:
            return NO  # nobody reads that; a server must not fill screens and journals
        asked = events.InputRequested(
            input_id=new_id("ask", self._clock),
            call_id=call.id,
            server=question.server_name,
            message=question.message,
            kind=question.kind,
            fields=question.schema,
            url=question.url,
            expires_at=self._expiry(),
        )
        given = await self._wait(asked.input_id, _Open(asked))
        answer = given if isinstance(given, Answer) else NO
        self._emit(events.InputDecided(asked.input_id, call.id, answer.action))
        return answer

    async def _wait(self, question_id: str, one: _Open) -> Decision | Answer | None:
        """None: nobody answered in time."""
        self._open[question_id] = one
        self._emit(one.asked)
        place = self._place
        announce_asked(self._hub, place.owner_id, place.conversation_id, place.turn_id, one.asked)
        try:
            await asyncio.wait({one.answer}, timeout=self._seconds)
            if one.answer.done():
                return one.answer.result()
            self._closed[question_id] = Decision(allowed=False, expired=True)
            return None
        finally:  # also when the turn is stopped
            self._open.pop(question_id, None)
            one.answer.cancel()
            announce_answered(self._hub, place.owner_id, place.turn_id, question_id)

    def _expiry(self) -> str:
        return (self._clock.now() + timedelta(seconds=self._seconds)).isoformat()

    def _progress_of(self, call: ToolCall) -> Callable[[str, float | None], None]:
        last, is_done = -_PROGRESS_SECONDS, False

        def on_progress(words: str, part: float | None) -> None:
            nonlocal last, is_done
            now = self._clock.monotonic()
            ends = part == 1.0 and not is_done
            if now - last >= _PROGRESS_SECONDS or ends:
                last, is_done = now, is_done or ends
                total = None if part is None else 1.0
                self._emit(events.ToolProgress(call.id, part or 0.0, total, words or None))

        return on_progress

"""The reducer: a turn's events in, the assistant message out.

`frontend/shared/src/chat/transcript.ts` does the same; both pass `tests/fixtures/turns/`.
"""

from collections.abc import Iterable

from backend.chat.events import (
    ApprovalDecided,
    ErrorOccurred,
    Notice,
    ReasoningDelta,
    TextDelta,
    ToolFinished,
    ToolStarted,
    TurnEvent,
    TurnFinished,
    TurnStarted,
    UsageReported,
)
from backend.chat.records import (
    MessageStatus,
    Part,
    Problem,
    ReasoningPart,
    TextPart,
    ToolPart,
)
from backend.messages import Usage


class Transcript:
    """Mutable; `parts` is complete after `settle`. `before`: what a continued message held."""

    def __init__(self, before: Iterable[Part] = ()) -> None:
        self.message_id = ""
        self.parent_id: str | None = None
        self.model = ""
        self.status: MessageStatus = "running"
        self.usage: Usage | None = None
        self.error: Problem | None = None
        self.notices: list[Problem] = []
        self.finish_reason: str | None = None
        self._parts: list[Part] = list(before)
        self._open: TextPart | ReasoningPart | None = None
        self._pieces: list[str] = []
        last = self._parts[-1] if self._parts else None
        if isinstance(last, TextPart | ReasoningPart):
            self._open, self._pieces = last, [last.text]

    @property
    def parts(self) -> list[Part]:
        """The parts so far."""
        if self._open is not None and len(self._pieces) > 1:
            self._open.text = "".join(self._pieces)
            self._pieces = [self._open.text]
        return self._parts

    def apply(self, event: TurnEvent) -> None:
        match event:
            case TextDelta(text=text):
                self._extend(text, TextPart)
            case ReasoningDelta(text=text):
                self._extend(text, ReasoningPart)
            case ToolStarted():
                self._close_part()
                tool = ToolPart(event.call_id, event.name, event.arguments, event.step)
                self._parts.append(tool)
            case ToolFinished() | ApprovalDecided():
                self._apply_tool(event)
            case UsageReported():
                self.usage = Usage(
                    prompt_tokens=event.prompt_tokens,
                    completion_tokens=event.completion_tokens,
                    reasoning_tokens=event.reasoning_tokens,
                    cached_tokens=event.cached_tokens,
                    cost=event.cost,
                )
            case Notice(code=code, detail=detail):
                self.notices.append(Problem(code=code, detail=detail))
            case ErrorOccurred(code=code, detail=detail):
                self.error = Problem(code=code, detail=detail)
            case TurnStarted():
                self.message_id, self.parent_id = event.message_id, event.parent_id
                self.model = event.model
            case TurnFinished(status=status, finish_reason=reason):
                self.settle("complete" if status == "completed" else status, reason)
            case _:
                pass  # progress and receipts leave no trace in the message

    def settle(self, status: MessageStatus, finish_reason: str | None) -> None:
        """The end: no call stays open."""
        self.status, self.finish_reason = status, finish_reason
        for part in self._parts:
            if isinstance(part, ToolPart) and part.status == "running":
                part.status = "cancelled"

    def _extend(self, text: str, kind: type[TextPart] | type[ReasoningPart]) -> None:
        if type(self._open) is kind:
            self._pieces.append(text)
            return
        self._close_part()
        self._open, self._pieces = kind(text), [text]
        self._parts.append(self._open)

    def _close_part(self) -> None:
        if self._open is not None:
            self._open.text = "".join(self._pieces)
        self._open, self._pieces = None, []

    def _apply_tool(self, event: ToolFinished | ApprovalDecided) -> None:
        """To the latest call of that id: some providers count from zero again in every step."""
        for part in reversed(self._parts):
            if not isinstance(part, ToolPart) or part.call_id != event.call_id:
                continue
            if isinstance(event, ApprovalDecided):
                part.decision = event.decision
            else:
                part.status, part.result = event.status, event.result
                part.duration_ms, part.media = event.duration_ms, event.media
            return

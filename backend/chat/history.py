"""Stored messages -> what the model is asked. Pure functions of their arguments."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from functools import lru_cache
from zoneinfo import ZoneInfo

from backend.chat.attached import question_text
from backend.chat.records import PathMessage, StepReasoning, TextPart, ToolPart
from backend.messages import (
    AssistantStep,
    JsonObject,
    PromptMessage,
    SystemPrompt,
    ToolCall,
    ToolReturn,
    UserPrompt,
)

CHARACTERS_PER_TOKEN = 3.0
"""Cautious: English prose has about four, code and other languages fewer."""
_ANSWER_SHARE = 0.25
"""Of the model's context, left free for its answer."""

CONTINUE_REQUEST = (
    "Your last answer was cut off. Continue it exactly where it stopped: do not repeat anything,"
    " do not greet, do not explain."
)


type Spelled = Callable[[ToolCall], ToolCall]


def _as_it_is(call: ToolCall) -> ToolCall:
    return call


@dataclass(frozen=True, slots=True)
class Window:
    """What fits. `dropped`: how many of the oldest messages were left out."""

    messages: tuple[PromptMessage, ...]
    dropped: int


def time_context(now: datetime, zone: ZoneInfo) -> str:
    """One line about now. It changes every turn, so it goes last: the prefix stays cacheable."""
    return _time_line(now.replace(second=0, microsecond=0), zone)


@lru_cache(maxsize=64)
def _time_line(minute: datetime, zone: ZoneInfo) -> str:
    local = minute.astimezone(zone)
    return f"[Current time: {local:%A, %d %B %Y, %H:%M} ({zone.key}, UTC{local:%z})]"


def build_window(
    path: Sequence[PathMessage],
    *,
    system_prompt: str | None,
    context: str,
    continued: bool,
    context_length: int | None,
    spelled: Spelled = _as_it_is,
) -> Window:
    """The newest messages of the path that fit the model, with system prompt and `context`.

    The last question is always kept. `continued`: the path ends in an unfinished answer, which is
    kept as well. `spelled`: a stored call in the words of the tools that the model is told of.
    """
    if continued and not _assistant_steps(path[-1], spelled):
        path, continued = path[:-1], False  # cut short before its first word
    blocks = [_prompt_messages(message, spelled) for message in path]
    if continued:
        blocks[-2:] = [[*(m for block in blocks[-2:] for m in block), UserPrompt(CONTINUE_REQUEST)]]
    last = blocks[-1][-1] if blocks and blocks[-1] else None
    if isinstance(last, UserPrompt):
        blocks[-1][-1] = UserPrompt(last.text, context)
    head = [SystemPrompt(system_prompt)] if system_prompt else []
    kept = _newest_that_fit(blocks, _budget(context_length, head))
    return Window(
        messages=(*head, *(message for block in kept for message in block)),
        dropped=len(blocks) - len(kept),
    )


def _budget(context_length: int | None, head: Sequence[PromptMessage]) -> float | None:
    """Characters for the conversation, None when the model's limit is unknown."""
    if not context_length:
        return None
    return context_length * (1 - _ANSWER_SHARE) * CHARACTERS_PER_TOKEN - sum(map(_size, head))


def _newest_that_fit(
    blocks: list[list[PromptMessage]], budget: float | None
) -> list[list[PromptMessage]]:
    if budget is None:
        return blocks
    left, start = budget, len(blocks)
    while start > 0:
        left -= sum(map(_size, blocks[start - 1]))
        if left < 0 and start < len(blocks):
            break
        start -= 1
    # A window begins with a question: an answer to something unseen confuses models.
    while start < len(blocks) - 1 and start > 0 and not isinstance(blocks[start][0], UserPrompt):
        start += 1
    return blocks[start:]


def _size(message: PromptMessage) -> int:
    match message:
        case SystemPrompt(text=text) | UserPrompt(text=text):
            return len(text)
        case AssistantStep():
            return len(message.text) + sum(len(call.arguments) + 40 for call in message.calls)
        case ToolReturn(content=content):
            return len(content)


def _prompt_messages(message: PathMessage, spelled: Spelled) -> list[PromptMessage]:
    if message.role == "user":
        return [UserPrompt(question_text(message.parts))]
    return _assistant_steps(message, spelled) or [AssistantStep(text="(no answer)")]


def _assistant_steps(message: PathMessage, spelled: Spelled) -> list[PromptMessage]:
    """One answer as the provider saw it: step, its tool returns, next step, ..."""
    reasoning = _by_step(message.reasoning)
    steps: list[PromptMessage] = []
    text, calls, number = "", list[ToolPart](), 0
    for part in message.parts:
        if isinstance(part, ToolPart):
            if calls and part.step != calls[-1].step:
                steps += _step(text, calls, reasoning, spelled)
                text, calls = "", []
            calls.append(part)
            number = part.step + 1
        elif calls:
            steps += _step(text, calls, reasoning, spelled)
            text, calls = part.text if isinstance(part, TextPart) else "", []
        elif isinstance(part, TextPart):
            text += part.text
    if calls:
        steps += _step(text, calls, reasoning, spelled)
    elif text:
        details, model = _details(reasoning, number)
        steps.append(AssistantStep(text=text, reasoning_details=details, model=model))
    return steps


def _by_step(entries: Sequence[StepReasoning]) -> dict[int, StepReasoning]:
    """A step that was cut short and continued has two entries: it becomes one step again."""
    steps: dict[int, StepReasoning] = {}
    for entry in entries:
        earlier = steps.get(entry.step)
        whole = earlier.details if earlier and earlier.model == entry.model else ()
        steps[entry.step] = replace(entry, details=(*whole, *entry.details))
    return steps


def _step(
    text: str, calls: Sequence[ToolPart], reasoning: dict[int, StepReasoning], spelled: Spelled
) -> list[PromptMessage]:
    details, model = _details(reasoning, calls[0].step)
    step = AssistantStep(
        text=text,
        calls=tuple(spelled(ToolCall(call.call_id, call.name, call.arguments)) for call in calls),
        reasoning_details=details,
        model=model,
    )
    returns = [
        ToolReturn(
            call.call_id,
            call.name,
            # Repair: every call needs an answer, or providers refuse the whole history.
            call.result if call.result is not None else "(no result: the call was cancelled)",
            failed=call.status != "ok",
        )
        for call in calls
    ]
    return [step, *returns]


def _details(reasoning: dict[int, StepReasoning], step: int) -> tuple[tuple[JsonObject, ...], str]:
    entry = reasoning.get(step)
    return (entry.details, entry.model) if entry else ((), "")

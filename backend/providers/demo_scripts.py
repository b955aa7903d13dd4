"""Which script the demo plays: a pure function of the conversation."""

import re
import secrets
from collections.abc import Sequence
from dataclasses import dataclass

import orjson

from backend.messages import (
    AssistantStep,
    JsonObject,
    ModelRequest,
    PromptMessage,
    ToolCall,
    ToolReturn,
    UserPrompt,
)
from backend.providers.base import EmptyAnswerError, ProviderBusyError, ProviderError
from backend.providers.demo_tools import LONGEST_WAIT
from backend.providers.refusal_words import ProviderFaultError
from backend.providers.scripts import essay, greeting, markdown, thinking, tools

_CONTINUE = re.compile(r"\b(continue|carry on|go on|pick up)\b", re.IGNORECASE)
_BROKEN_OFF = re.compile(
    r"\b(interrupted|broke[n]? off|cut off|stopped|left off|your (last|previous) (answer|message))\b",
    re.IGNORECASE,
)
_SHORT = 40
_PARAGRAPHS_MORE = 3


@dataclass(frozen=True, slots=True)
class Script:
    """Reasoning, then text, then calls or the failure."""

    text: str = ""
    reasoning: str = ""
    calls: tuple[ToolCall, ...] = ()
    failure: ProviderError | None = None
    slow: bool = False


def choose(request: ModelRequest) -> Script:
    returns = _returns_at_end(request.messages)
    if returns:
        return Script(text=_report(returns))
    prompt = _last_prompt(request.messages)
    said = _said_before(request.messages)
    if _is_continuation(request.messages, prompt):
        return Script(text=_more(said))
    if _has(prompt, r"tools?"):
        return _tool_script(request, prompt)
    return _by_words(prompt) or Script(text=greeting.AGAIN if said else greeting.FIRST)


def _by_words(prompt: str) -> Script | None:
    if _has(prompt, r"busy|fail\w* early"):
        return Script(failure=ProviderBusyError("The demo has no time now, on purpose."))
    if _has(prompt, r"fail\w*"):
        broken = ProviderFaultError("The demo broke off here, on purpose.")
        return Script(text=greeting.INTERRUPTED, failure=broken)
    if _has(prompt, r"empty"):
        return Script(failure=EmptyAnswerError("The demo said nothing, on purpose."))
    if _has(prompt, r"slow(ly)?"):
        return Script(text=greeting.SLOW, slow=True)
    if _has(prompt, r"reason\w*|think\w*"):
        return Script(text=thinking.ANSWER, reasoning=thinking.REASONING)
    if _has(prompt, r"markdown"):
        return Script(text=markdown.TEXT)
    if _has(prompt, r"long(er)?"):
        return Script(text=essay.TEXT)
    return None


def _has(prompt: str, words: str) -> bool:
    return re.search(rf"\b(?:{words})\b", prompt, re.IGNORECASE) is not None


def _tool_script(request: ModelRequest, prompt: str) -> Script:
    seconds = re.search(r"\d+(?:\.\d+)?", prompt)
    wanted: dict[str, JsonObject] = {
        "demo_echo": {"text": "Hello from the demo"},
        "demo_wait": {"seconds": min(LONGEST_WAIT, float(seconds[0]) if seconds else 2)},
    }
    if _has(prompt, r"fail\w*"):
        wanted["demo_fail"] = {}
    calls = tuple(
        ToolCall(f"demo_{secrets.token_hex(6)}", spec.name, orjson.dumps(arguments).decode())
        for name, arguments in wanted.items()
        for spec in request.tools
        if spec.name == name or spec.name.endswith(f"_{name}")
    )
    return Script(text=tools.BEFORE, calls=calls) if calls else Script(text=tools.NONE_OFFERED)


def _report(returns: Sequence[ToolReturn]) -> str:
    lines = [
        f"- `{done.name}` {'failed' if done.failed else 'answered'}: {_one_line(done.content)}"
        for done in returns
    ]
    return f"{tools.AFTER}\n\n" + "\n".join(lines) + f"\n\n{tools.CLOSING}"


def _one_line(text: str) -> str:
    line = " ".join(text.replace("`", "'").split())
    return f"`{line[:200]}…`" if len(line) > 200 else f"`{line or ' '}`"


def _is_continuation(messages: Sequence[PromptMessage], prompt: str) -> bool:
    if messages and isinstance(messages[-1], AssistantStep):
        return True
    answered = len(messages) > 1 and isinstance(messages[-2], AssistantStep)
    asked = _CONTINUE.search(prompt) and (_BROKEN_OFF.search(prompt) or len(prompt) <= _SHORT)
    return bool(answered and asked)


def _more(said: str) -> str:
    """Paragraphs that were not said yet."""
    fresh = [paragraph for paragraph in essay.MORE if paragraph not in said][:_PARAGRAPHS_MORE]
    opening = "" if not said or said.endswith("\n\n") else "\n\n"
    return opening + "\n\n".join([essay.RESUMED, *(fresh or [essay.NO_MORE])])


def _returns_at_end(messages: Sequence[PromptMessage]) -> list[ToolReturn]:
    returns: list[ToolReturn] = []
    for message in reversed(messages):
        if not isinstance(message, ToolReturn):
            break
        returns.insert(0, message)
    return returns


def _last_prompt(messages: Sequence[PromptMessage]) -> str:
    prompts = (message.text for message in reversed(messages) if isinstance(message, UserPrompt))
    return next(prompts, "")


def _said_before(messages: Sequence[PromptMessage]) -> str:
    return "\n\n".join(message.text for message in messages if isinstance(message, AssistantStep))

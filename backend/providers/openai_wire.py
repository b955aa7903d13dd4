"""Chat completion chunks -> what happened in an answer. One AnswerReader per HTTP response."""

import json
import secrets
from collections.abc import Callable
from typing import Any

import orjson

from backend.messages import JsonObject, Usage
from backend.providers.assembly import ReasoningBlocks, ToolCalls
from backend.providers.base import (
    ContentRefusedError,
    EmptyAnswerError,
    Finished,
    GarbledAnswerError,
    GenerationStarted,
    ModelEvent,
    ReasoningDelta,
    ReasoningDetails,
    TextDelta,
    UsageReport,
)
from backend.providers.errors import Refusals, garbled
from backend.providers.refusal_words import LengthReachedError, ProviderFaultError

_MOST_TOKENS = 2**53
"""Beyond that it is nonsense, and browsers could not read it."""


def _append_text(events: list[ModelEvent], text: str) -> None:
    """Words that arrived together are one event: the rest of the way costs the same for both."""
    last = events[-1] if events else None
    if type(last) is TextDelta:
        events[-1] = TextDelta(last.text + text)
    else:
        events.append(TextDelta(text))


def new_call_id() -> str:
    """For servers that leave a call's id out; unique, because a whole conversation keys by it."""
    return f"call_{secrets.token_hex(8)}"


class AnswerReader:
    """Translates payloads in order. Text goes out at once, calls and blocks when they are whole."""

    def __init__(
        self,
        refusals: Refusals,
        *,
        wants_id: bool = False,
        new_id: Callable[[], str] = new_call_id,
    ) -> None:
        self._refusals = refusals
        self.wants_id = wants_id
        """The provider's id of the answer is still to be read from the chunks."""
        self._calls = ToolCalls(new_id)
        self._blocks = ReasoningBlocks()
        self.usage: Usage | None = None
        self.finish_reason = ""
        self.begun = False
        """Something a person can see was handed out; from here on nothing may be replayed."""
        self.done = False
        """The provider said that nothing follows."""

    def take(self, payload: bytes, events: list[ModelEvent]) -> None:
        """Append what one payload says. Raises ProviderError; `events` stay good then."""
        chunk = self._parse(payload)
        if chunk is None:
            return
        if self.wants_id:
            self._take_id(chunk, events)
        choices = chunk.get("choices")
        if choices:
            choice = _object(choices[0] if isinstance(choices, list) else None)
            # A server that ignores `stream` answers with a whole message: one big delta.
            delta = choice.get("delta") or choice.get("message")
            if delta:
                self._take_delta(_object(delta), events)
            reason = choice.get("finish_reason")
            if reason:
                self.finish_reason = str(reason)
        elif choices is None:
            self._check_bare_error(chunk)
        if "error" in chunk or self.finish_reason == "error":
            self._check_error(chunk)
        usage = chunk.get("usage")
        if usage:
            self.usage = read_usage(_object(usage))

    def take_last(self, payloads: list[bytes], events: list[ModelEvent]) -> None:
        """What stood before the connection's end; half a payload there is no surprise."""
        for payload in payloads:
            try:
                self.take(payload, events)
            except GarbledAnswerError:
                return

    def end(self) -> list[ModelEvent]:
        """The last events. Raises when there was no answer at all."""
        calls = self._calls.whole()
        if not self.begun and not calls:
            raise self._emptiness()
        events: list[ModelEvent] = [*calls]
        blocks = self._blocks.whole()
        if blocks:
            events.append(ReasoningDetails(blocks))
        if self.usage:
            events.append(UsageReport(self.usage))
        reason = self.finish_reason
        if calls and reason in ("", "stop", "function_call"):
            reason = "tool_calls"
        events.append(Finished(reason or "stop"))
        return events

    def _parse(self, payload: bytes) -> JsonObject | None:
        if self.done:
            return None
        try:
            chunk = orjson.loads(payload)
        except orjson.JSONDecodeError:
            text = payload.strip()
            if text == b"[DONE]":
                self.done = True
            if self.done or not text:
                return None
            chunk = _with_half_characters(text)
        if type(chunk) is not dict:
            raise garbled("a line that is not an object")
        return chunk

    def _take_id(self, chunk: JsonObject, events: list[ModelEvent]) -> None:
        given = chunk.get("id")
        if isinstance(given, str) and given:
            self.wants_id = False
            events.append(GenerationStarted(given))

    def _take_delta(self, delta: JsonObject, events: list[ModelEvent]) -> None:
        content = delta.get("content")
        reasoning = delta.get("reasoning") or delta.get("reasoning_content")
        details = delta.get("reasoning_details")
        if details:
            shown = self._blocks.take(details)
            reasoning = reasoning or shown
        if reasoning and isinstance(reasoning, str):
            events.append(ReasoningDelta(reasoning))
            self.begun = True
        content = content or delta.get("refusal")
        if content:
            text = content if isinstance(content, str) else _text_of_parts(content)
            if text:
                _append_text(events, text)
                self.begun = True
        calls = delta.get("tool_calls")
        if calls:
            self._calls.take(calls)

    def _check_error(self, chunk: JsonObject) -> None:
        error = chunk.get("error")
        if not error and self.finish_reason == "error":
            error = _object(chunk["choices"][0]).get("error") if chunk.get("choices") else None
            if not error:
                raise ProviderFaultError("The provider broke off its answer with an error.")
        if not error:
            return
        metadata = _object(_object(error).get("metadata"))
        if self.begun and metadata.get("error_type") == "max_tokens_exceeded":
            self.finish_reason = "length"  # the answer is cut, not wrong
            return
        raise self._refusals.of_event(error)

    def _check_bare_error(self, chunk: JsonObject) -> None:
        """Some servers send the error object itself instead of wrapping it."""
        if isinstance(chunk.get("message"), str) and ("code" in chunk or "type" in chunk):
            raise self._refusals.of_event(chunk)

    def _emptiness(self) -> EmptyAnswerError | ContentRefusedError:
        if self.finish_reason == "content_filter":
            return ContentRefusedError("The provider's content filter held back the whole answer.")
        if self.finish_reason == "length":
            return LengthReachedError("The model reached its length limit before it said anything.")
        return EmptyAnswerError("The model ended its answer without saying anything.")


def read_usage(usage: JsonObject) -> Usage:
    """Counts and cost in OpenAI's and OpenRouter's names; what is missing counts as none."""
    prompt = _object(usage.get("prompt_tokens_details"))
    completion = _object(usage.get("completion_tokens_details"))
    cost = usage.get("cost")
    return Usage(
        prompt_tokens=_count(usage.get("prompt_tokens")),
        completion_tokens=_count(usage.get("completion_tokens")),
        reasoning_tokens=_count(completion.get("reasoning_tokens")),
        cached_tokens=_count(prompt.get("cached_tokens") or usage.get("prompt_cache_hit_tokens")),
        cost=float(cost) if isinstance(cost, int | float) and not isinstance(cost, bool) else None,
    )


def _count(value: object) -> int:
    return max(0, min(int(value), _MOST_TOKENS)) if isinstance(value, int | float) else 0


def _with_half_characters(payload: bytes) -> Any:
    """Some servers cut their text between the two halves that UTF-16 makes of an emoji; no strict
    reader takes that, and no answer should end for it."""
    try:
        text = json.dumps(json.loads(payload), ensure_ascii=False)
        return orjson.loads(text.encode("utf-16", "surrogatepass").decode("utf-16", "replace"))
    except (ValueError, RecursionError):
        raise garbled("a line that is not JSON") from None


def _text_of_parts(content: object) -> str:
    parts = content if isinstance(content, list) else []
    texts = [_object(part).get("text") for part in parts]
    return "".join(text for text in texts if isinstance(text, str))


def _object(value: object) -> JsonObject:
    return value if isinstance(value, dict) else {}

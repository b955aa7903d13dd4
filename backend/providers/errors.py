"""What a provider's refusal means: HTTP status and error body -> a typed, readable error."""

import math
from collections.abc import Mapping
from dataclasses import dataclass, field
from email.utils import parsedate_to_datetime
from typing import Any

import orjson

from backend.kit.clock import Clock
from backend.kit.redact import redacted
from backend.messages import JsonObject
from backend.providers.base import (
    ContentRefusedError,
    ContextTooLongError,
    GarbledAnswerError,
    ProviderAuthError,
    ProviderBusyError,
    ProviderError,
    RequestRefusedError,
)
from backend.providers.refusal_words import (
    BY_STATUS,
    BY_TYPE,
    KEY_LIKE,
    QUOTED,
    TOO_LONG,
    TOOLS_REFUSED,
    WORDS,
    ProviderFaultError,
    ToolsUnsupportedError,
)

MAX_QUOTE = 300
"""Characters of the provider's own words that a person gets to read."""


@dataclass(frozen=True, slots=True)
class _Report:
    """An error body, whatever dialect it is in, reduced to what decides."""

    status: int = 0
    types: tuple[str, ...] = ()
    message: str = ""
    metadata: JsonObject = field(default_factory=dict)
    availability: JsonObject = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Refusals:
    """Reads one provider's refusals; knows its key so that no text can carry it out."""

    clock: Clock
    key: str = field(default="", repr=False)

    def of_response(self, status: int, headers: Mapping[str, str], body: bytes) -> ProviderError:
        if 300 <= status < 400:
            return RequestRefusedError(
                "The provider's address redirects to another one; set the final address."
            )
        report = _report(_parsed(body), status)
        wait = parse_retry_after(headers.get("retry-after"), self.clock)
        return self._error(report, wait)

    def of_event(self, error: object) -> ProviderError:
        """The error object inside a stream whose HTTP status said 200."""
        return self._error(_report({"error": error}, 0), None)

    def _error(self, report: _Report, wait: float | None) -> ProviderError:
        kind = _classify(report)
        if wait is None:
            wait = _seconds(report.availability.get("retry_after"))
        words = next(words for known, words in WORDS.items() if issubclass(kind, known))
        quote = self._quote(report.message)
        if quote and issubclass(kind, QUOTED):
            words = f"{words} It says: {quote}"
        return kind(words, retry_after=wait)

    def _quote(self, message: str) -> str:
        text = " ".join("".join(c if c.isprintable() else " " for c in message[:4000]).split())
        if self.key:
            text = text.replace(self.key, "(key)")
        text = redacted(KEY_LIKE.sub("(key)", text))
        return text if len(text) <= MAX_QUOTE else text[: MAX_QUOTE - 1] + "…"


def parse_retry_after(value: str | None, clock: Clock) -> float | None:
    """Seconds, from a number or an HTTP date; None when there is no usable value."""
    if not value:
        return None
    seconds = _seconds(value)
    if seconds is not None:
        return seconds
    try:
        moment = parsedate_to_datetime(value)
        return max(0.0, (moment - clock.now()).total_seconds())
    except (ValueError, TypeError):
        return None


def _seconds(value: object) -> float | None:
    if isinstance(value, bool) or not isinstance(value, int | float | str):
        return None
    try:
        seconds = float(value)
    except ValueError:
        return None
    return max(0.0, seconds) if math.isfinite(seconds) else None


def _parsed(body: bytes) -> JsonObject:
    try:
        value = orjson.loads(body)
    except orjson.JSONDecodeError:
        return {}
    return value if isinstance(value, dict) else {}


def _report(body: JsonObject, status: int) -> _Report:
    error: Any = body.get("error", body)
    if isinstance(error, str):
        error = {"message": error}
    if not isinstance(error, dict):
        return _Report(status=status)
    metadata = _dict(error.get("metadata"))
    availability = _dict(error.get("availability")) or _dict(metadata.get("availability"))
    code = error.get("code")
    if not status and isinstance(code, int | str) and str(code).isdecimal():
        status = int(code)
    named = (
        metadata.get("error_type"),
        error.get("error_type"),
        availability.get("code"),
        code,
        error.get("type"),
    )
    return _Report(
        status=status,
        types=tuple(name for name in named if isinstance(name, str)),
        message=_message(error, metadata),
        metadata=metadata,
        availability=availability,
    )


def _message(error: JsonObject, metadata: JsonObject) -> str:
    """The most telling words: OpenRouter hides them in `raw` behind a general sentence."""
    message = error.get("message") or error.get("detail")
    raw = metadata.get("raw")
    if isinstance(raw, str) and message == "Provider returned error":
        inner = _parsed(raw.encode()).get("error")
        message = inner.get("message") if isinstance(inner, dict) else raw
    return message if isinstance(message, str) else ""


def _dict(value: object) -> JsonObject:
    return value if isinstance(value, dict) else {}


def _classify(report: _Report) -> type[ProviderError]:
    if _refuses_tools(report):
        return ToolsUnsupportedError
    for name in report.types:
        kind = BY_TYPE.get(name)
        if kind is ProviderAuthError and _moderated(report.metadata):
            return ContentRefusedError
        if kind:
            return kind
    if report.availability.get("retryable") is True:
        return ProviderBusyError
    return _by_status(report)


def _by_status(report: _Report) -> type[ProviderError]:
    if report.status == 403 and _moderated(report.metadata):
        return ContentRefusedError
    kind = BY_STATUS.get(report.status)
    if kind:
        return kind
    if TOO_LONG.search(report.message):
        return ContextTooLongError
    if 400 <= report.status < 500:
        return RequestRefusedError
    return ProviderFaultError


def _refuses_tools(report: _Report) -> bool:
    if report.status not in (400, 404, 405, 422, 500, 501):
        return False
    if report.availability.get("code") == "constraint_filtered":
        return "tool" in str(report.availability.get("constraint", "")).lower()
    return bool(TOOLS_REFUSED.search(report.message))


def _moderated(metadata: JsonObject) -> bool:
    return any(key in metadata for key in ("reasons", "flagged_input", "patterns"))


def garbled(what: str) -> GarbledAnswerError:
    return GarbledAnswerError(f"The provider's answer could not be read: {what}.")

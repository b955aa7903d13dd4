"""The vocabulary of refusals."""

import orjson
import pytest

from backend.providers.base import (
    ContentRefusedError,
    ContextTooLongError,
    ModelNotFoundError,
    PaymentRequiredError,
    ProviderAuthError,
    ProviderBusyError,
    ProviderUnreachableError,
    RequestRefusedError,
)
from backend.providers.errors import Refusals, parse_retry_after
from backend.providers.refusal_words import ProviderFaultError, ToolsUnsupportedError
from backend.providers.shipped import CompatibleOptions, OpenRouterOptions
from tests.providers.asking import KEY, NOON, StillClock

CLOCK = StillClock(NOON)
REFUSALS = Refusals(CLOCK, KEY)


def refused(status: int, error: object, **headers: str):
    return REFUSALS.of_response(status, headers, orjson.dumps({"error": error}))


@pytest.mark.parametrize(
    ("status", "kind"),
    [
        (400, RequestRefusedError),
        (401, ProviderAuthError),
        (402, PaymentRequiredError),
        (403, ProviderAuthError),
        (404, ModelNotFoundError),
        (408, ProviderUnreachableError),
        (413, ContextTooLongError),
        (418, RequestRefusedError),
        (422, RequestRefusedError),
        (429, ProviderBusyError),
        (500, ProviderFaultError),
        (502, ProviderUnreachableError),
        (503, ProviderBusyError),
        (504, ProviderUnreachableError),
        (524, ProviderUnreachableError),
        (529, ProviderBusyError),
        (599, ProviderFaultError),
    ],
)
@pytest.mark.parametrize("body", [b"", b"<html>oops</html>", b"[1]", b'{"error": 7}', b"\xff\xfe"])
def test_a_status_is_enough_when_the_body_says_nothing(status, kind, body):
    error = REFUSALS.of_response(status, {}, body)
    assert type(error) is kind
    assert error.detail
    assert "<" not in error.detail


@pytest.mark.parametrize(
    ("error_type", "kind"),
    [
        ("rate_limit_exceeded", ProviderBusyError),
        ("provider_overloaded", ProviderBusyError),
        ("provider_unavailable", ProviderUnreachableError),
        ("context_length_exceeded", ContextTooLongError),
        ("payment_required", PaymentRequiredError),
        ("authentication", ProviderAuthError),
        ("content_policy_violation", ContentRefusedError),
        ("refusal", ContentRefusedError),
        ("timeout", ProviderUnreachableError),
        ("server", ProviderFaultError),
    ],
)
def test_the_type_counts_more_than_the_status(error_type, kind):
    error = {"code": 400, "message": "x", "metadata": {"error_type": error_type}}
    assert type(refused(418, error)) is kind
    assert type(REFUSALS.of_event(error)) is kind


@pytest.mark.parametrize(
    ("availability", "kind"),
    [
        ({"code": "model_deprecated"}, ModelNotFoundError),
        ({"code": "capacity_exhausted", "retryable": True, "retry_after": 9}, ProviderBusyError),
        ({"code": "privacy_restricted", "retryable": False}, RequestRefusedError),
        ({"code": "invented_tomorrow", "retryable": True}, ProviderBusyError),
        ({"code": "invented_tomorrow", "retryable": False}, ModelNotFoundError),
    ],
)
def test_availability_codes_are_read_and_unknown_ones_by_their_promise(availability, kind):
    error = refused(404, {"message": "x", "availability": availability})
    assert type(error) is kind
    assert error.retry_after == availability.get("retry_after")


@pytest.mark.parametrize(
    ("status", "message"),
    [
        (404, "No endpoints found that support tool use. Try disabling ..."),
        (400, "registry.ollama.ai/library/gemma3:4b does not support tools"),
        (400, '"auto" tool choice requires --enable-auto-tool-choice and --tool-call-parser'),
        (500, "tools param requires --jinja flag"),
        (400, "Function calling is not enabled for this model"),
        (400, "Tool calling is not supported"),
    ],
)
def test_every_dialect_of_no_tools_is_understood(status, message):
    assert type(refused(status, {"message": message})) is ToolsUnsupportedError
    assert refused(status, {"message": message}).code == "request_refused"


@pytest.mark.parametrize(
    "message", ["tool_call_id not found", "Invalid parameter: messages with role 'tool'", "no tool"]
)
def test_other_words_about_tools_are_no_reason_to_drop_them(message):
    assert type(refused(400, {"message": message})) is RequestRefusedError


@pytest.mark.parametrize(
    "error",
    [
        {"message": "This model's maximum context length is 4096 tokens. However, ..."},
        {"message": "too long", "type": "exceed_context_size_error", "n_ctx": 4096},
        {"message": "x", "code": "context_length_exceeded"},
    ],
)
def test_every_dialect_of_too_long_is_understood(error):
    assert type(refused(400, error)) is ContextTooLongError


def test_the_provider_behind_the_provider_is_quoted():
    raw = '{"error": {"message": "temperature must be below 1"}}'
    error = {"message": "Provider returned error", "code": 400, "metadata": {"raw": raw}}
    assert "temperature must be below 1" in refused(400, error).detail


def test_a_quotation_is_one_short_line_without_any_key():
    shouting = f"bad\n\x1b[31m {KEY} sk-abcdef123456 " + "x" * 10_000
    detail = refused(400, {"message": shouting}).detail
    assert detail.isprintable()
    assert len(detail) < 400
    assert KEY not in detail
    assert "sk-abc" not in detail


def test_a_key_does_not_show_in_what_is_printed_for_debugging():
    options = OpenRouterOptions(KEY), CompatibleOptions("local", "http://127.0.0.1", KEY)
    assert KEY not in repr((REFUSALS, options))


@pytest.mark.parametrize(
    ("value", "seconds"),
    [
        (None, None),
        ("", None),
        ("12", 12),
        ("0.5", 0.5),
        ("-3", 0),
        ("nan", None),
        ("inf", None),
        ("soon", None),
        ("Fri, 20 Nov 2026 12:01:00 GMT", 60),
        ("Fri, 20 Nov 2026 11:00:00 GMT", 0),
    ],
)
def test_retry_after_is_a_number_or_a_date(value, seconds):
    assert parse_retry_after(value, CLOCK) == seconds

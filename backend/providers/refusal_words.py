"""The words providers use for their refusals, and ours for people."""

import re
from collections.abc import Mapping
from typing import ClassVar

from backend.providers.base import (
    ContentRefusedError,
    ContextTooLongError,
    EmptyAnswerError,
    ModelNotFoundError,
    PaymentRequiredError,
    ProviderAuthError,
    ProviderBusyError,
    ProviderError,
    ProviderUnreachableError,
    RequestRefusedError,
)


class ToolsUnsupportedError(RequestRefusedError):
    """The model takes no tools; the same request without them may work."""


class ProviderFaultError(ProviderError):
    """The provider failed inside (500). Asking again may help, but nobody promised that."""

    retryable: ClassVar[bool] = True


class ProviderSilentError(ProviderUnreachableError):
    """Nothing arrived for too long. Not retried: the person has waited long enough."""


class LengthReachedError(EmptyAnswerError):
    """Empty, because the allowed length was spent before the first word; so it would be again."""


BY_TYPE: Mapping[str, type[ProviderError]] = {
    # OpenRouter's stable vocabulary (`error.metadata.error_type`)
    "rate_limit_exceeded": ProviderBusyError,
    "provider_overloaded": ProviderBusyError,
    "provider_unavailable": ProviderUnreachableError,
    "timeout": ProviderUnreachableError,
    "server": ProviderFaultError,
    "context_length_exceeded": ContextTooLongError,
    "string_too_long": ContextTooLongError,
    "payload_too_large": ContextTooLongError,
    "max_tokens_exceeded": RequestRefusedError,
    "token_limit_exceeded": PaymentRequiredError,
    "payment_required": PaymentRequiredError,
    "authentication": ProviderAuthError,
    "permission_denied": ProviderAuthError,
    "content_policy_violation": ContentRefusedError,
    "refusal": ContentRefusedError,
    "not_found": ModelNotFoundError,
    "invalid_request": RequestRefusedError,
    "invalid_prompt": RequestRefusedError,
    "unprocessable": RequestRefusedError,
    "precondition_failed": RequestRefusedError,
    "invalid_image": RequestRefusedError,
    "image_too_large": RequestRefusedError,
    "image_too_small": RequestRefusedError,
    "image_not_found": RequestRefusedError,
    "image_download_failed": RequestRefusedError,
    "unsupported_image_format": RequestRefusedError,
    # its availability codes
    "model_not_found": ModelNotFoundError,
    "model_deprecated": ModelNotFoundError,
    "free_variant_ended": ModelNotFoundError,
    "no_endpoints": ModelNotFoundError,
    "wrong_endpoint": RequestRefusedError,
    "region_restricted": RequestRefusedError,
    "privacy_restricted": RequestRefusedError,
    "constraint_filtered": RequestRefusedError,
    "model_unavailable_upstream": ProviderBusyError,
    "capacity_exhausted": ProviderBusyError,
    "temporarily_unavailable": ProviderBusyError,
    # codes of OpenAI and of the servers that speak its protocol
    "insufficient_quota": PaymentRequiredError,
    "invalid_api_key": ProviderAuthError,
    "content_filter": ContentRefusedError,
    "exceed_context_size_error": ContextTooLongError,
    "overloaded_error": ProviderBusyError,
    "rate_limit_error": ProviderBusyError,
}

BY_STATUS: Mapping[int, type[ProviderError]] = {
    401: ProviderAuthError,
    402: PaymentRequiredError,
    403: ProviderAuthError,
    404: ModelNotFoundError,
    408: ProviderUnreachableError,
    413: ContextTooLongError,
    429: ProviderBusyError,
    502: ProviderUnreachableError,
    503: ProviderBusyError,
    504: ProviderUnreachableError,
    522: ProviderUnreachableError,
    524: ProviderUnreachableError,
    529: ProviderBusyError,
}

WORDS: Mapping[type[ProviderError], str] = {
    ProviderBusyError: "The provider is overloaded or limits how often it may be asked.",
    ProviderUnreachableError: "The provider did not answer in time or could not reach the model.",
    ProviderFaultError: "The provider had an internal error.",
    ProviderAuthError: "The provider does not accept the configured key for this request.",
    PaymentRequiredError: "The provider account has no credit left for this request.",
    ModelNotFoundError: "The provider does not offer this model (any more).",
    ContextTooLongError: "The conversation is too long for this model.",
    ContentRefusedError: "The provider refused this content.",
    ToolsUnsupportedError: "This model cannot use tools.",
    RequestRefusedError: "The provider refused the request.",
}

QUOTED = (RequestRefusedError, ContentRefusedError, ModelNotFoundError, PaymentRequiredError)
"""Whose cause only the provider knows. Not the key errors: some answers repeat the key."""

TOOLS_REFUSED = re.compile(
    r"support tool use|tools? param requires|tool choice requires"
    r"|\b(?:not|n't|no) (?:support|enable)\w* (?:\w+ ){0,3}?(?:tool|function)"
    r"|\b(?:tool|function)[\w -]{0,40}? (?:is|are) not (?:support|enable|available)",
    re.IGNORECASE,
)
TOO_LONG = re.compile(
    r"maximum context length|context (?:length|window|size)|too many tokens|prompt is too long",
    re.IGNORECASE,
)
KEY_LIKE = re.compile(r"\b(?:sk|pk|key)-[\w*.-]{6,}|\bBearer\s+\S+", re.IGNORECASE)

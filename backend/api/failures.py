"""The last word on a request that failed unexpectedly: a number, in the answer and in the log."""

import secrets

import structlog
from starlette.responses import Response
from starlette.types import Scope

from backend.api.errors import error_response
from backend.kit.log import places

_log = structlog.get_logger()


def failed(scope: Scope, error: Exception) -> Response:
    """Log it once; returns what the client may be told."""
    number = secrets.token_hex(4)
    _log.error(
        "request_failed",
        error_id=number,
        route=scope["path"],
        error=type(error).__qualname__,
        where=places(error),
    )
    words = f"Something went wrong inside Parlor. The log has it as {number}."
    return error_response(500, "internal", words)

"""The last word on a request that failed unexpectedly: a number, in the answer and in the log."""

import secrets
import traceback

import structlog
from starlette.responses import Response
from starlette.types import Scope

from backend.api.errors import error_response

_log = structlog.get_logger()
_DEEPEST = 12


def failed(scope: Scope, error: Exception) -> Response:
    """Log it once; returns what the client may be told."""
    number = secrets.token_hex(4)
    _log.error(
        "request_failed",
        error_id=number,
        route=scope["path"],
        error=type(error).__qualname__,
        where=_places(error),
    )
    words = f"Something went wrong inside Parlor. The log has it as {number}."
    return error_response(500, "internal", words)


def _places(error: BaseException) -> list[str]:
    """Where it came from. Never its words: they may quote what a person wrote."""
    if isinstance(error, BaseExceptionGroup):
        return [place for inner in error.exceptions for place in _places(inner)]
    frames = traceback.extract_tb(error.__traceback__)[-_DEEPEST:]
    here = [f"{frame.filename}:{frame.lineno} {frame.name}" for frame in frames]
    cause = error.__cause__ or (None if error.__suppress_context__ else error.__context__)
    return here if cause is None else [*_places(cause), type(error).__qualname__, *here]

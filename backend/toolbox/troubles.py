"""Why a connection ended, in words for people.

Loaded with the SDK, when the first server is configured.
"""

import mcp_types as types
from mcp.shared.exceptions import MCPError
from pydantic import ValidationError

from backend.toolbox.attempt import Attempt
from backend.toolbox.records import REFUSES_CREDENTIALS, Address, ProblemError, ServerDefinition


def problem_of(
    error: BaseException | None, attempt: Attempt, definition: ServerDefinition
) -> ProblemError:
    if attempt.status in (401, 403) or attempt.challenge:
        if definition.has_credentials:
            return ProblemError(REFUSES_CREDENTIALS, is_lasting=True)
        return ProblemError("it asks to sign in", needs_sign_in=True)
    first = _first(error)
    if isinstance(first, ProblemError):
        return first
    if attempt.unusable:
        return ProblemError(f"its answer is {attempt.unusable}")
    if why := attempt.unsigned or attempt.refused or attempt.lost:
        return ProblemError(why)
    return ProblemError(_words(first, definition))


def _words(error: BaseException | None, definition: ServerDefinition) -> str:
    match error:
        case TimeoutError():
            return "it took too long to list its tools"
        case ValidationError():
            return "it answers, but not in MCP"
        case MCPError(code=types.CONNECTION_CLOSED):
            return "the connection broke"
        case MCPError(code=types.PARSE_ERROR):
            return "it answers, but not in MCP"
        case MCPError():
            return f"it refused: {error.message[:300]}"
        case FileNotFoundError() | PermissionError() | NotADirectoryError():
            return f"it cannot be started: {error.strerror}"
        case RuntimeError() if isinstance(definition.where, Address):
            return "it speaks no version of MCP that Parlor knows"
    return "the connection broke"


def _first(error: BaseException | None) -> BaseException | None:
    """The SDK's task groups wrap what happened, sometimes several times."""
    while isinstance(error, BaseExceptionGroup):
        plain = [one for one in error.exceptions if not isinstance(one, GeneratorExit)]
        error = plain[0] if plain else error.exceptions[0]
    return error

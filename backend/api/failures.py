"""The last word on a request that failed unexpectedly: a 500 with a number, and one log line."""

import secrets
import traceback

import structlog
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from backend.api.errors import error_response

_log = structlog.get_logger()


class Failures:
    """Inside the security headers, so that a 500 carries them as well.

    An answer that has begun already is left unfinished: the server closes the connection.
    """

    def __init__(self, inner: ASGIApp) -> None:
        self._inner = inner

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self._inner(scope, receive, send)
            return
        begun = False

        async def send_watched(message: Message) -> None:
            nonlocal begun
            begun = begun or message["type"] == "http.response.start"
            await send(message)

        try:
            await self._inner(scope, receive, send_watched)
        except Exception as error:  # noqa: BLE001  # the top of a request: nobody above can say more
            number = secrets.token_hex(4)
            _log.error(
                "request_failed",
                error_id=number,
                route=scope["path"],
                error=type(error).__qualname__,
                where=_places(error),
            )
            if not begun:
                words = f"Something went wrong inside Parlor. The log has it as {number}."
                await error_response(500, "internal", words)(scope, receive, send)


def _places(error: BaseException) -> list[str]:
    """Where it came from. Never its words: they may quote what a person wrote."""
    if isinstance(error, BaseExceptionGroup):
        return [place for inner in error.exceptions for place in _places(inner)]
    frames = traceback.extract_tb(error.__traceback__)[-12:]
    here = [f"{frame.filename}:{frame.lineno} {frame.name}" for frame in frames]
    cause = error.__cause__ or (None if error.__suppress_context__ else error.__context__)
    return here if cause is None else [*_places(cause), type(error).__qualname__, *here]

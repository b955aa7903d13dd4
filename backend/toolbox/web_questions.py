"""Pages that a server wants a person to open: in the middle of a call, or before it runs at all.

Loaded with the SDK, when the first server is configured.
"""

import asyncio
from urllib.parse import urlsplit

import mcp_types as types
from mcp.shared.exceptions import MCPError, UrlElicitationRequiredError
from pydantic import ValidationError

from backend.toolbox.attempt import Attempt
from backend.toolbox.context import NO, Answer, Question
from backend.toolbox.records import CallFailedError, ServerDefinition

_MOST = 3
_FINISH_SECONDS = 30.0
"""How long a person may be busy on the page before the call is tried again without news of it."""


class WebQuestions:
    def __init__(self, definition: ServerDefinition) -> None:
        self._definition = definition
        self._open: dict[str, asyncio.Future[None]] = {}
        """Pages that a person has before them, by the server's own ids."""

    async def ask(self, params: types.ElicitRequestURLParams, attempt: Attempt) -> Answer:
        if not _may_open(params.url):
            return NO
        definition = self._definition
        message = params.message[:4000]
        return await attempt.ask(
            Question(definition.id, definition.name, message, "url", url=params.url)
        )

    async def cleared(self, error: MCPError, attempt: Attempt) -> bool:
        """Whether the call that was refused with `error` is worth another try: a person has
        opened what it wanted. Raises CallFailedError."""
        wanted = _wanted(error)
        for params in wanted:
            finished = asyncio.get_running_loop().create_future()
            key = params.elicitation_id or ""  # optional for other uses of the type
            self._open[key] = finished
            try:
                if (await self.ask(params, attempt)).action != "accept":
                    raise CallFailedError(
                        f"{self._definition.name} wants a page opened first, and it was not."
                    )
                with attempt.clock.paused():
                    await asyncio.wait({finished}, timeout=_FINISH_SECONDS)
            finally:
                self._open.pop(key, None)
        return bool(wanted)

    def finished(self, elicitation_id: str) -> None:
        """The server says that a page did what it was for."""
        waiting = self._open.get(elicitation_id)
        if waiting is not None and not waiting.done():
            waiting.set_result(None)


def _wanted(error: MCPError) -> list[types.ElicitRequestURLParams]:
    if error.code != types.URL_ELICITATION_REQUIRED:
        return []
    try:
        return UrlElicitationRequiredError.from_error(error.error).elicitations[:_MOST]
    except (ValidationError, AttributeError, TypeError):  # its data is what a stranger sent
        return []


def _may_open(url: str) -> bool:
    """Only pages over https, or on this very machine, are shown to a person."""
    try:
        parts = urlsplit(url)
    except ValueError:
        return False
    if parts.username or parts.password or not parts.hostname:
        return False
    local = parts.hostname in ("localhost", "127.0.0.1", "::1")
    return parts.scheme == "https" or (parts.scheme == "http" and local)

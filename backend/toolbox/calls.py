"""A call to a server on somebody's behalf: deadline, second try, words for every way to fail."""

import asyncio
from collections.abc import Awaitable, Callable
from http import HTTPStatus
from typing import TYPE_CHECKING

from backend.kit.clock import Clock
from backend.messages import JsonObject
from backend.toolbox.attempt import Attempt, IdleClock
from backend.toolbox.connection import Connection
from backend.toolbox.context import NOBODY, CallContext
from backend.toolbox.oauth_discovery import challenge_of
from backend.toolbox.records import (
    REFUSES_CREDENTIALS,
    CallFailedError,
    Outcome,
    RemoteTool,
    UnreachableError,
)

if TYPE_CHECKING:
    from backend.toolbox.session import Session

_WAIT_SECONDS = 10.0
_YOUNG_OUTAGE_SECONDS = 5.0
_RETRIED = (0, 400, 404)
"""No connection, or a session that is no longer known: the server did not run the call."""

type Work[T] = Callable[[Session, Attempt], Awaitable[T]]


class Calls:
    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._running: set[asyncio.Task[object]] = set()

    async def aclose(self) -> None:
        for task in self._running:
            task.cancel()
        if self._running:
            await asyncio.wait(set(self._running))

    async def call(
        self, server: Connection, tool: RemoteTool, arguments: JsonObject, context: CallContext
    ) -> Outcome:
        """Raises CallFailedError, with words for the model and the person."""
        return await self.use(
            server, lambda session, attempt: session.call(tool, arguments, attempt), context
        )

    async def use[T](self, server: Connection, work: "Work[T]", context: CallContext = NOBODY) -> T:
        """`work` runs in a task of ours: whoever stops waiting is free at once, and the server
        still hears that it may stop. Raises CallFailedError."""
        task = asyncio.ensure_future(self._tries(server, work, context))
        self._running.add(task)
        task.add_done_callback(self._forget)
        try:
            await asyncio.wait({task})
        except asyncio.CancelledError:
            task.cancel()
            raise
        if task.cancelled():
            raise unreachable(server, "Parlor is stopping")
        return task.result()

    def _forget(self, task: "asyncio.Task[object]") -> None:
        self._running.discard(task)
        if not task.cancelled():
            task.exception()  # whoever waited has it, or nobody waits any more

    async def _tries[T](self, server: Connection, work: "Work[T]", context: CallContext) -> T:
        clock = IdleClock(server.definition.call_seconds)
        for is_last in (False, True):
            session = await self._session(server)
            attempt = Attempt(clock, context)
            try:
                return await work(session, attempt)
            except UnreachableError as error:
                if error.ends_session:
                    server.drop(session)
                else:
                    server.suspect()
                if attempt.status in (401, 403):
                    raise CallFailedError(_sign_in_words(server, attempt)) from error
                if is_last or not attempt.refused or attempt.status not in _RETRIED:
                    raise unreachable(server, str(error)) from error
        raise AssertionError  # the loop above returns or raises

    async def _session(self, server: Connection) -> "Session":
        """Waits a moment for one where that makes sense. Raises UnreachableError."""
        end = self._clock.monotonic() + _WAIT_SECONDS
        server.nudge()
        while (session := server.session) is None:
            left = end - self._clock.monotonic()
            if not server.is_on or left <= 0:
                raise unreachable(server, "" if server.is_on else "it is switched off")
            had_try = await server.settlement(left)
            # One that was there just now is probably starting again: its next tries are waited for.
            is_old = self._clock.monotonic() - server.lost_at > _YOUNG_OUTAGE_SECONDS
            if server.session is None and (is_old or not had_try):
                raise unreachable(server)
        return session


def _sign_in_words(server: Connection, attempt: Attempt) -> str:
    refusal = challenge_of(attempt.challenge)
    if attempt.status == HTTPStatus.FORBIDDEN and refusal.error == "insufficient_scope":
        server.retold()
        rights = ", ".join(refusal.scopes) or "more rights"
        return (
            f"{server.definition.name} needs rights for this that it was not given ({rights})."
            " The person can sign in again on the tools page to give them."
        )
    if server.definition.has_credentials:
        return f"{server.definition.name} cannot be used: {REFUSES_CREDENTIALS}."
    return f"{server.definition.name} asks to sign in."


def unreachable(server: Connection, reason: str = "") -> UnreachableError:
    """`Calendar is unreachable since 14:02 (connection refused).`"""
    state = server.state
    if state.name == "needs_sign_in":
        return UnreachableError(f"{server.definition.name} asks to sign in.")
    since = ""
    if state.name == "failed":
        since = f" since {state.since.astimezone(server.zone):%H:%M}"
    why = reason or state.reason or "it does not answer"
    return UnreachableError(f"{server.definition.name} is unreachable{since} ({why}).")

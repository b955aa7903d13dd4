"""One session with a server: opened, tended, ended, and how it went."""

import asyncio
from collections.abc import Callable
from typing import TYPE_CHECKING, Protocol

from backend.kit.backoff import Backoff
from backend.kit.clock import Clock
from backend.kit.schedule import pause
from backend.toolbox.attempt import Attempt, IdleClock, made
from backend.toolbox.records import Command, Listing, ProblemError, ServerDefinition, ServerIdentity
from backend.toolbox.traffic import Track

if TYPE_CHECKING:
    from backend.toolbox.dialling import Doors, Way
    from backend.toolbox.session import Session

RELIST_SECONDS = 60.0
"""Without other news the list is asked for again this often; that also shows who is gone."""
_SOONEST_RELIST, _LATEST_RELIST = 5.0, 300.0
_COALESCE_SECONDS, _RESTLESS_SECONDS = 0.05, 5.0
"""Before a list that was asked for; one that keeps telling of changes waits longer and longer."""
_SUSPECT_SECONDS = 2.0
_GOODBYE_SECONDS = 10.0
_LAST_ANSWERS_SECONDS = 2.0


class Owner(Protocol):
    """Who lives it, and hears how it goes."""

    definition: ServerDefinition

    def track(self) -> Track | None: ...

    def opened(self, way: "Way", identity: ServerIdentity, listing: Listing) -> None: ...

    def listed(self, listing: Listing) -> None: ...

    def lost(self) -> None: ...


class Life:
    """A task of its own enters the SDK's client and leaves it; the SDK cancels that task when a
    connection breaks, and nothing else dies with it. It hears what its session tells (`Events`)."""

    def __init__(self, owner: Owner, clock: Clock) -> None:
        loop = asyncio.get_running_loop()
        self.session: Session | None = None
        """While it is of use."""
        self.attempt = Attempt(IdleClock(0))
        self.ready = False
        self.timed_out = False
        self._owner = owner
        self._clock = clock
        self._entered: asyncio.Future[None] = loop.create_future()
        self._dropped: asyncio.Future[None] = loop.create_future()
        self._poked = asyncio.Event()
        self._has_ended: Callable[[], bool] = lambda: False
        self._suspected = False
        self._puzzled = False
        self._listed_at = 0.0

    async def last(self, way: "Way", doors: "Doors") -> ProblemError | None:
        """What ended it; None when it was dropped for a new one."""
        with made(self.attempt):
            task = asyncio.ensure_future(self._live(way, doors))
        task.add_done_callback(_looked_at)
        try:
            first = {task, self._entered}
            await asyncio.wait(first, timeout=way.seconds, return_when=asyncio.FIRST_COMPLETED)
            self.timed_out = not self._entered.done() and not task.done()
            if not self.timed_out:
                await asyncio.wait({task, self._dropped}, return_when=asyncio.FIRST_COMPLETED)
        finally:
            self.session = None
            if not task.done():
                task.cancel()
                await asyncio.wait({task}, timeout=_GOODBYE_SECONDS)
        return self._end_of(task, way)

    def notice(self) -> None:
        """If it is a process that is no more, that is known from now on."""
        if self.session is not None and self._has_ended():
            self.ended()

    # --- what the session tells -----------------------------------------------------------------

    def track(self) -> Track | None:
        return self._owner.track()

    def changed(self) -> None:
        self._poked.set()

    def suspect(self) -> None:
        self._suspected = True
        self._poked.set()

    def puzzled(self) -> None:
        self._puzzled = True

    def watches(self, has_ended: Callable[[], bool]) -> None:
        self._has_ended = has_ended

    def ended(self) -> None:
        """Whoever calls now waits for the next one, instead of writing where nobody reads."""
        self._lose()
        self._poked.set()

    def broken(self) -> None:
        self._lose()
        if not self._dropped.done():
            self._dropped.set_result(None)

    # --- inside ---------------------------------------------------------------------------------

    def _lose(self) -> None:
        if self.session is not None:
            self.session = None
            self._owner.lost()

    async def _live(self, way: "Way", doors: "Doors") -> None:
        """Enter, list, tend; raises whatever ends it."""
        from backend.toolbox.child import LastWords  # noqa: PLC0415  # loaded with the doors
        from backend.toolbox.session import open_session  # noqa: PLC0415  # as above

        definition = self._owner.definition
        where = definition.where
        words = LastWords(definition.id, where.env.values() if isinstance(where, Command) else ())
        transport = doors.open(definition, way, words, self)
        try:
            async with open_session(definition, way, transport, self) as session:
                self._entered.set_result(None)
                listing = await session.listing()
                self.ready, self.attempt.challenge = True, ""
                self.session = session
                self._listed_at = self._clock.monotonic()
                self._owner.opened(way, session.identity, listing)
                await self._tend(session, listing)
        except Exception as error:
            if words.last and not self.ready:
                raise ProblemError(f"it ended: {words.last}") from error
            raise

    async def _tend(self, session: "Session", listing: Listing) -> None:
        """List again when something changed, looks wrong, or may be out of date."""
        calm = Backoff(first=_COALESCE_SECONDS, most=_RESTLESS_SECONDS, later=_RESTLESS_SECONDS)
        while self.session is session:
            try:
                async with asyncio.timeout(_freshness(listing)):
                    await self._poked.wait()
            except TimeoutError:
                pass
            if self._clock.monotonic() - self._listed_at > 2 * _RESTLESS_SECONDS:
                calm.reset()
            await pause(calm.next())
            if self.session is not session:
                return
            was_suspected = self._suspected
            if was_suspected:  # streams may end as often as they like
                await pause(self._listed_at + _SUSPECT_SECONDS - self._clock.monotonic())
            self._poked.clear()
            self._suspected = False
            try:
                listing = await session.listing()
            except Exception as error:
                if isinstance(error, TimeoutError) and session.running and not was_suspected:
                    # Many do one thing at a time: what it does has deadlines of its own.
                    self._poked.set()
                    continue
                self._lose()
                await session.last_answers(_LAST_ANSWERS_SECONDS)
                raise
            self._listed_at = self._clock.monotonic()
            self._owner.listed(listing)

    def _end_of(self, task: "asyncio.Task[None]", way: "Way") -> ProblemError | None:
        from backend.toolbox.troubles import problem_of  # noqa: PLC0415  # loaded with the doors

        error = task.exception() if task.done() and not task.cancelled() else None
        if self.ready and self._dropped.done():
            return None
        if self.timed_out and not (
            self.attempt.unsigned or self.attempt.refused or self.attempt.lost
        ):
            said = "it answers, but not in MCP" if self._puzzled else ""
            return ProblemError(said or f"no answer within {way.seconds:g} seconds")
        return problem_of(error, self.attempt, self._owner.definition)


def _freshness(listing: Listing) -> float:
    return min(max(listing.ttl or RELIST_SECONDS, _SOONEST_RELIST), _LATEST_RELIST)


def _looked_at(task: "asyncio.Task[None]") -> None:
    """How it ended matters only to whoever still waits for it: a supervisor that closes does not."""
    if not task.cancelled():
        task.exception()

"""One server: connected in the background, listed again when it changes, found again when it was
gone.

A supervisor owns a chain of lives. Each life is a task of its own that enters the SDK's client
and leaves it; the SDK cancels that task when a connection breaks, and nothing else dies with it.
"""

import asyncio
from collections.abc import Awaitable, Callable
from datetime import UTC, tzinfo
from typing import TYPE_CHECKING

import structlog

from backend.kit.backoff import Backoff
from backend.kit.clock import Clock
from backend.kit.schedule import pause
from backend.toolbox.attempt import Attempt, IdleClock, made
from backend.toolbox.life import Life
from backend.toolbox.lookout import Lookout
from backend.toolbox.records import (
    Command,
    Listing,
    ProblemError,
    ServerDefinition,
    ServerIdentity,
    ServerState,
    StateName,
)
from backend.toolbox.traffic import Track, Traffic

if TYPE_CHECKING:
    from backend.toolbox.dialling import Doors, Way
    from backend.toolbox.session import Session

RELIST_SECONDS = 60.0
"""Without other news the list is asked for again this often; that also shows who is gone."""
_SOONEST_RELIST, _LATEST_RELIST = 5.0, 300.0
_COALESCE_SECONDS = 0.05
_SUSPECT_SECONDS = 2.0
_GOODBYE_SECONDS = 10.0
_LAST_ANSWERS_SECONDS = 2.0

_log = structlog.get_logger()

type OpenDoors = Callable[[], Awaitable[Doors]]


class Connection:
    """`start` it once, `aclose` it at the end. `on_change` hears of every state and listing."""

    def __init__(
        self,
        definition: ServerDefinition,
        doors: OpenDoors,
        clock: Clock,
        on_change: Callable[["Connection"], None],
        *,
        zone: tzinfo = UTC,
        traffic: Traffic | None = None,
    ) -> None:
        self.definition = definition
        self.identity = ServerIdentity()
        self.listing = Listing()
        """The last one known, also while the server is gone."""
        self.state = ServerState("off", clock.now())
        self.challenge = ""
        """What a server that wants a sign-in said in WWW-Authenticate."""
        self.zone = zone
        self.session: Session | None = None
        self.lost_at = 0.0
        """On the monotonic clock."""
        self._doors = doors
        self._clock = clock
        self._on_change = on_change
        self._traffic = traffic
        self._way: Way | None = None
        self._supervisor: asyncio.Task[None] | None = None
        self._settled: set[asyncio.Future[None]] = set()
        self._nudged = asyncio.Event()
        self._poked = asyncio.Event()
        self._life: Life | None = None
        self._has_ended: Callable[[], bool] = lambda: False
        self._suspected = False
        self._puzzled = False
        self._listed_at = 0.0

    @property
    def is_on(self) -> bool:
        return self._supervisor is not None

    def start(self) -> None:
        if self._supervisor is None:
            self._become("connecting")
            self._supervisor = asyncio.ensure_future(self._supervise())

    async def aclose(self) -> None:
        supervisor, self._supervisor = self._supervisor, None
        if supervisor is not None:
            supervisor.cancel()
            await asyncio.wait({supervisor})
        self._become("off")
        self._settle()

    def nudge(self) -> None:
        """Somebody wants it now: the next try is not waited for."""
        if self.session is not None and self._has_ended():
            self.ended()
        self._nudged.set()

    async def refresh(self, seconds: float) -> None:
        """List again, or try again to connect; returns when that is settled."""
        if self._supervisor is None:
            return
        if self.session is None:
            self.nudge()
        else:
            self.changed()
        await self.settlement(seconds)

    async def settlement(self, seconds: float) -> bool:
        """Wait for the end of a try to connect or to list; False when none came."""
        waiting = asyncio.get_running_loop().create_future()
        self._settled.add(waiting)
        try:
            async with asyncio.timeout(seconds):
                await waiting
        except TimeoutError:
            return False
        finally:
            self._settled.discard(waiting)
        return True

    def retold(self) -> None:
        """What people are told of it is different, though nothing about it is."""
        self._on_change(self)

    def drop(self, session: "Session") -> None:
        """This session is of no use any more; another one is opened."""
        if self.session is session:
            self.broken()

    # --- what a session tells -------------------------------------------------------------------

    def track(self) -> Track | None:
        return self._traffic.track_for(self.definition) if self._traffic is not None else None

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
        if self._life is not None and not self._life.dropped.done():
            self._life.dropped.set_result(None)

    def _lose(self) -> None:
        if self.session is not None:
            self.session = None
            self.lost_at = self._clock.monotonic()

    # --- one life after another -----------------------------------------------------------------

    async def _supervise(self) -> None:
        backoff, lookout = Backoff(), Lookout(self.definition)
        if isinstance(self.definition.where, Command):
            # A try is a process that starts: dear, and mostly in vain.
            backoff = Backoff(first=1, young=30, later=60)
        while True:
            self._nudged.clear()
            try:
                was_ready, problem = await self._attempt()
            except Exception:  # noqa: BLE001  # the supervisor must outlive whatever goes wrong
                _log.exception("tool_server_attempt_failed", server=self.definition.id)
                was_ready, problem = False, ProblemError("Parlor failed; its log says where")
            if was_ready:
                backoff.reset()
                self.lost_at = self._clock.monotonic()
            if problem is None:  # a session that the server forgot: nothing is wrong
                self._become("connecting")
                continue
            name: StateName = "needs_sign_in" if problem.needs_sign_in else "failed"
            self._become(name, problem.reason)
            self._settle()
            seconds = 60 if problem.needs_sign_in else backoff.next()
            if await lookout.rest(seconds, self._nudged):
                backoff.reset()

    async def _attempt(self) -> tuple[bool, ProblemError | None]:
        """One life, by the first way that works: whether it lived, and what ended it."""
        try:
            doors = await self._doors()
        except (ImportError, OSError) as error:
            return False, ProblemError(f"Parlor cannot load what it needs: {error}")
        from backend.toolbox.dialling import follows, ways_to  # noqa: PLC0415  # loaded with doors

        ways = ways_to(self.definition)
        if self._way is not None:
            ways = (self._way, *(way for way in ways if way != self._way))
        problem = ProblemError("it does not answer")
        life = Life(Attempt(IdleClock(0)))
        for number, way in enumerate(ways):
            if number and not follows(way, timed_out=life.timed_out, status=life.attempt.status):
                continue
            life = Life(Attempt(IdleClock(0)))
            ended = await self._live_by(way, life, doors)
            if life.ready:
                return True, ended
            problem = ended or problem
            if problem.needs_sign_in:
                self.challenge = life.attempt.challenge
                break
        self._way = None
        return False, problem

    async def _live_by(self, way: "Way", life: "Life", doors: "Doors") -> ProblemError | None:
        """What ended it; None when it was dropped for a new one."""
        self._life = life
        self._puzzled = self._suspected = False
        self._poked.clear()
        with made(life.attempt):
            task = asyncio.ensure_future(self._live(way, life, doors))
        task.add_done_callback(_looked_at)
        try:
            first = {task, life.entered}
            await asyncio.wait(first, timeout=way.seconds, return_when=asyncio.FIRST_COMPLETED)
            life.timed_out = not life.entered.done() and not task.done()
            if not life.timed_out:
                await asyncio.wait({task, life.dropped}, return_when=asyncio.FIRST_COMPLETED)
        finally:
            self.session = None
            if not task.done():
                task.cancel()
                await asyncio.wait({task}, timeout=_GOODBYE_SECONDS)
        return self._end_of(task, way, life)

    def _end_of(self, task: "asyncio.Task[None]", way: "Way", life: "Life") -> ProblemError | None:
        from backend.toolbox.troubles import problem_of  # noqa: PLC0415  # loaded with the doors

        error = task.exception() if task.done() and not task.cancelled() else None
        if life.ready and life.dropped.done():
            return None
        if life.timed_out and not (life.attempt.refused or life.attempt.lost):
            said = "it answers, but not in MCP" if self._puzzled else ""
            return ProblemError(said or f"no answer within {way.seconds:g} seconds")
        return problem_of(error, life.attempt, self.definition)

    async def _live(self, way: "Way", life: "Life", doors: "Doors") -> None:
        """Enter, list, tend; raises whatever ends it."""
        from backend.toolbox.child import LastWords  # noqa: PLC0415  # loaded with the doors
        from backend.toolbox.session import open_session  # noqa: PLC0415  # as above

        where = self.definition.where
        words = LastWords(
            self.definition.id, where.env.values() if isinstance(where, Command) else ()
        )
        transport = doors.open(self.definition, way, words, self)
        try:
            async with open_session(self.definition, way, transport, self) as session:
                life.entered.set_result(None)
                listing = await session.listing()
                life.ready, life.attempt.challenge = True, ""
                self._way, self.session, self.identity = way, session, session.identity
                self._list(listing)
                self._become("ready")
                self._settle()
                await self._tend(session)
        except Exception as error:
            if words.last and not life.ready:
                raise ProblemError(f"it ended: {words.last}") from error
            raise

    async def _tend(self, session: "Session") -> None:
        """List again when something changed, looks wrong, or may be out of date."""
        while self.session is session:
            try:
                async with asyncio.timeout(self._freshness()):
                    await self._poked.wait()
            except TimeoutError:
                pass
            await pause(_COALESCE_SECONDS)
            if self.session is not session:
                return
            if self._suspected:  # streams may end as often as they like
                await pause(self._listed_at + _SUSPECT_SECONDS - self._clock.monotonic())
            self._poked.clear()
            self._suspected = False
            try:
                listing = await session.listing()
            except Exception:
                self._lose()
                await session.last_answers(_LAST_ANSWERS_SECONDS)
                raise
            self._list(listing)
            self._settle()

    def _freshness(self) -> float:
        ttl = self.listing.ttl or RELIST_SECONDS
        return min(max(ttl, _SOONEST_RELIST), _LATEST_RELIST)

    def _list(self, listing: Listing) -> None:
        self._listed_at = self._clock.monotonic()
        if listing != self.listing:
            self.listing = listing
            self._on_change(self)

    def _become(self, name: StateName, reason: str = "") -> None:
        # Still failed, perhaps for another reason: since the first.
        since = self.state.since if self.state.name == name else self._clock.now()
        if self.state.name != name:
            _log.info("tool_server", server=self.definition.id, state=name, reason=reason)
        if (self.state.name, self.state.reason) != (name, reason):
            self.state = ServerState(name, since, reason)
            self._on_change(self)

    def _settle(self) -> None:
        for waiting in self._settled:
            if not waiting.done():
                waiting.set_result(None)


def _looked_at(task: "asyncio.Task[None]") -> None:
    """How it ended matters only to whoever still waits for it: a supervisor that closes does not."""
    if not task.cancelled():
        task.exception()

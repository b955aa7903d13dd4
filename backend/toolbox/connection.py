"""One server: connected in the background, listed again when it changes, found again when it was
gone.

A supervisor owns a chain of lives (`life.py`), one session each.
"""

import asyncio
from collections.abc import Awaitable, Callable
from datetime import UTC, tzinfo
from typing import TYPE_CHECKING

import structlog

from backend.kit.backoff import Backoff
from backend.kit.clock import Clock
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

_STEADY_SECONDS = 10.0
"""One that does not last longer is tried again after longer and longer pauses."""

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
        self.lost_at = 0.0
        """On the monotonic clock."""
        self._opened_at = 0.0
        self._doors = doors
        self._clock = clock
        self._on_change = on_change
        self._traffic = traffic
        self._way: Way | None = None
        self._supervisor: asyncio.Task[None] | None = None
        self._settled: set[asyncio.Future[None]] = set()
        self._nudged = asyncio.Event()
        self._life: Life | None = None

    @property
    def session(self) -> "Session | None":
        return self._life.session if self._life is not None else None

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
        if self._supervisor is None:  # nobody has switched it on again meanwhile
            self._become("off")
            self._settle()

    def nudge(self) -> None:
        """Somebody wants it now: the next try is not waited for."""
        if self._life is not None:
            self._life.notice()
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
        if self._life is not None and self._life.session is session:
            self._life.broken()

    def changed(self) -> None:
        """It may offer something else by now: it is asked for its list."""
        if self._life is not None:
            self._life.changed()

    def suspect(self) -> None:
        """Perhaps it is gone: it is asked for its list, though not too often."""
        if self._life is not None:
            self._life.suspect()

    # --- what a life tells ----------------------------------------------------------------------

    def track(self) -> Track | None:
        return self._traffic.track_for(self.definition) if self._traffic is not None else None

    def opened(self, way: "Way", identity: ServerIdentity, listing: Listing) -> None:
        self._way, self.identity = way, identity
        self._opened_at = self._clock.monotonic()
        self._list(listing)
        self._become("ready")
        self._settle()

    def listed(self, listing: Listing) -> None:
        self._list(listing)
        self._settle()

    def lost(self) -> None:
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
                self.lost_at = self._clock.monotonic()
                if self.lost_at - self._opened_at >= _STEADY_SECONDS:
                    backoff.reset()
            if problem is None:  # a session that the server forgot: nothing is wrong
                self._become("connecting")
            else:
                self._become("needs_sign_in" if problem.needs_sign_in else "failed", problem.reason)
                self._settle()
            is_lasting = problem is not None and problem.is_lasting
            if await lookout.rest(60 if is_lasting else backoff.next(), self._nudged):
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
        life: Life | None = None
        for way in ways:
            if life is not None and not follows(
                way, timed_out=life.timed_out, status=life.attempt.status
            ):
                continue
            self._life = life = Life(self, self._clock)
            ended = await life.last(way, doors)
            if life.ready:
                return True, ended
            problem = ended or problem
            if problem.needs_sign_in:
                self.challenge = life.attempt.challenge
                break
        self._way = None
        return False, problem

    def _list(self, listing: Listing) -> None:
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

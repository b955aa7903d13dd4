"""Running turns: started here, followed by anybody who may, ended in every case."""

import asyncio
from collections.abc import AsyncGenerator, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from datetime import timedelta
from typing import Literal
from zoneinfo import ZoneInfo

import structlog
from pydantic import ValidationError

from backend.catalog.service import Catalog
from backend.chat import events
from backend.chat.costs import late_usage
from backend.chat.history import build_window, time_context
from backend.chat.journal import Journal, JournalWriter
from backend.chat.live import announce_conversation, announce_messages
from backend.chat.records import ConversationSummary, Turn
from backend.chat.store import ConversationStore
from backend.chat.transcript import Transcript
from backend.chat.turn import TurnLimits, TurnLoop
from backend.chat.turn_begin import BegunTurn, TurnOrder
from backend.chat.turn_store import EndedTurn, TurnStore
from backend.db.database import StorageError
from backend.kit.background import Background
from backend.kit.clock import Clock, to_millis
from backend.kit.errors import AppError
from backend.kit.hub import Hub
from backend.kit.schedule import pause
from backend.kit.sse import HEARTBEAT_SECONDS, PING, data_of
from backend.messages import ModelParameters, ModelRequest
from backend.providers.base import ProviderError
from backend.toolbox.service import Toolbox

type Ending = Literal["stopped", "interrupted"]

_STORE_RETRY_SECONDS = 2.0
_OTHER_PROCESS_SECONDS = 0.25
_LAST_WORDS_SECONDS = 3.0

_log = structlog.get_logger()


class JournalGoneError(AppError):
    """The events of an old turn were pruned; the conversation holds the result."""

    code = "journal_gone"
    status = 410


@dataclass(slots=True)
class _Running:
    turn: Turn
    owner_id: str
    journal: Journal
    transcript: Transcript
    ending: Ending | None = None
    entered: bool = False
    task: "asyncio.Task[None] | None" = None
    loop: TurnLoop | None = None
    ended: asyncio.Event = field(default_factory=asyncio.Event)

    def emit(self, event: events.TurnEvent) -> None:
        # The journal first: what cannot be written there must not reach the message either.
        self.journal.append(event)
        self.transcript.apply(event)


class TurnRunner:
    def __init__(  # noqa: PLR0913  # wired in one place, container.py
        self,
        *,
        store: TurnStore,
        conversations: ConversationStore,
        catalog: Catalog,
        toolbox: Toolbox,
        demo_toolbox: Toolbox,
        limits: TurnLimits,
        journal_days: int,
        hub: Hub,
        background: Background,
        clock: Clock,
    ) -> None:
        self._store = store
        self._conversations = conversations
        self._catalog = catalog
        self._toolbox = toolbox
        self._demo_toolbox = demo_toolbox
        self._limits = limits
        self._journal_days = journal_days
        self._hub = hub
        self._background = background
        self._clock = clock
        self._running: dict[str, _Running] = {}
        self._beginning: set[str] = set()
        self.writer = JournalWriter(conversations.save_journal)

    @property
    def running_count(self) -> int:
        return len(self._running)

    @property
    def follower_count(self) -> int:
        return sum(running.journal.follower_count for running in self._running.values())

    async def begin(self, order: TurnOrder, zone: ZoneInfo, parameters: ModelParameters) -> Turn:
        """Store the question and start the answer; returns once the question is durable.

        Raises what TurnStore.begin raises.
        """
        self._beginning.add(order.turn_id)
        try:
            begun = await self._store.begin(order)
        finally:
            self._beginning.discard(order.turn_id)
        if begun.repeated:
            return begun.turn
        turn = begun.turn
        running = _Running(
            turn,
            order.owner_id,
            Journal(turn.id, on_append=self.writer.mark),
            Transcript(begun.before),
        )
        self._running[turn.id] = running
        running.emit(
            events.TurnStarted(
                turn_id=turn.id,
                conversation_id=turn.conversation_id,
                message_id=turn.message_id,
                parent_id=turn.parent_id,
                kind=turn.kind,
                model=turn.model,
                created_at=turn.created_at.isoformat(),
            )
        )
        announce_conversation(self._hub, order.owner_id, begun.conversation)
        running.task = self._background.start(
            self._run(running, begun, zone, parameters), name=f"turn {turn.id}"
        )
        await pause(0)  # the question leaves first; the response to the screen is made meanwhile
        return turn

    async def stop(self, owner_id: str, turn_id: str) -> Turn:
        """Close the upstream socket and cancel the tools; returns when the end is stored."""
        running = self._running.get(turn_id)
        if running and running.owner_id == owner_id:
            self._end_early(running, "stopped")
            await running.ended.wait()
        return await self._conversations.turn(owner_id, turn_id)

    async def stop_in(self, owner_id: str, conversation_id: str) -> None:
        """Stop what runs in a conversation, before it is deleted."""
        for running in list(self._running.values()):
            if (running.owner_id, running.turn.conversation_id) == (owner_id, conversation_id):
                await self.stop(owner_id, running.turn.id)

    async def follow(self, owner_id: str, turn_id: str, after: int) -> AsyncGenerator[bytes]:
        """The turn's frames above `after`, then live to its end. Raises before the first frame:
        NotFoundError, JournalGoneError."""
        running = self._running.get(turn_id)
        if running and running.owner_id == owner_id:
            return running.journal.follow(after)
        turn = await self._conversations.turn(owner_id, turn_id)
        frames = await self._conversations.frames(turn_id, after)
        is_over = turn.status != "running" and not frames
        if is_over and not await self._conversations.frames(turn_id, 0):
            raise JournalGoneError("The events of this turn are no longer kept.")
        return self._follow_stored(turn, owner_id, after, frames)

    async def _follow_stored(
        self, turn: Turn, owner_id: str, after: int, frames: bytes
    ) -> AsyncGenerator[bytes]:
        """An ended turn, or one that another process runs: the journal on disk is polled."""
        silent = 0.0
        while True:
            if frames:
                after += frames.count(b"\n\n")
                silent = 0.0
                yield frames
            if turn.status != "running":
                return
            if silent >= HEARTBEAT_SECONDS:
                silent = 0.0
                yield PING
            await pause(_OTHER_PROCESS_SECONDS)
            silent += _OTHER_PROCESS_SECONDS
            turn = await self._conversations.turn(owner_id, turn.id)
            frames = await self._conversations.frames(turn.id, after)

    async def drain(self, seconds: float) -> None:
        """Let running turns end by themselves for a while, then end them as interrupted.

        One whose end cannot be stored is given up after a moment: the next start closes it.
        """
        await self._all_ended(seconds)
        for running in list(self._running.values()):
            self._end_early(running, "interrupted")
        await self._all_ended(_LAST_WORDS_SECONDS)

    async def _all_ended(self, seconds: float) -> None:
        with suppress(TimeoutError):
            async with asyncio.timeout(seconds):
                while self._running:
                    await next(iter(self._running.values())).ended.wait()

    async def recover(self) -> None:
        """Close the turns of a process that died: their text comes from the journal."""
        for owner_id, turn in await self._store.running():
            if turn.id in self._running or turn.id in self._beginning:
                continue
            try:
                await self._recover_one(owner_id, turn)
            except Exception:  # noqa: BLE001  # one bad row must not keep the others from recovery
                _log.exception("turn_not_recovered", turn=turn.id)

    async def _recover_one(self, owner_id: str, turn: Turn) -> None:
        frames = await self._conversations.frames(turn.id, 0)
        stored = [raw + b"\n\n" for raw in frames.split(b"\n\n")[:-1]]
        transcript = Transcript(await self._store.message_before(turn.message_id))
        for raw in stored:
            try:
                transcript.apply(events.TURN_EVENT.validate_json(data_of(raw)))
            except ValidationError:  # of a newer release
                _log.warning("event_unknown", turn=turn.id)
        journal = Journal(turn.id, on_append=lambda _: None, stored=stored)
        await self._finish(_Running(turn, owner_id, journal, transcript), "interrupted", None)
        _log.info("turn_recovered", turn=turn.id)

    async def prune(self) -> None:
        oldest = self._clock.now() - timedelta(days=self._journal_days)
        await self._store.prune_journals(to_millis(oldest))

    def tick(self) -> None:
        for running in self._running.values():
            running.journal.tick()

    def _end_early(self, running: _Running, ending: Ending) -> None:
        if running.ending is None and running.task is not None:
            running.ending = ending
            if running.entered:  # a task cancelled before its first step would never end the turn
                running.task.cancel()

    async def _run(
        self, running: _Running, begun: BegunTurn, zone: ZoneInfo, parameters: ModelParameters
    ) -> None:
        status: events.EndStatus = "failed"
        reason: str | None = None
        running.entered = True
        try:
            if running.ending:
                status = running.ending
            else:
                loop = running.loop = self._prepare(running, begun, zone, parameters)
                reason = await loop.run(_steps_before(begun))
                status = "completed"
        except asyncio.CancelledError:
            status = running.ending or "interrupted"
        except AppError as error:
            retryable = isinstance(error, ProviderError) and error.retryable
            running.emit(
                events.ErrorOccurred(error.code, error.detail, retryable, error.retry_after)
            )
        except Exception:  # noqa: BLE001  # a turn ends in every case, and says so
            running.emit(
                events.ErrorOccurred("internal", "Something went wrong inside Parlor.", False)
            )
            _log.exception("turn_failed", turn=running.turn.id)
        finally:
            running.ending = running.ending or "interrupted"  # from here on nothing cancels it
            await self._finish(running, status, reason)

    def _prepare(
        self, running: _Running, begun: BegunTurn, zone: ZoneInfo, parameters: ModelParameters
    ) -> TurnLoop:
        turn = running.turn
        provider, local_model = self._catalog.resolve(turn.model)
        known = self._catalog.find(turn.model)
        window = build_window(
            begun.path,
            system_prompt=begun.system_prompt,
            context=time_context(self._clock.now(), zone),
            continued=turn.kind == "continue",
            context_length=known.context_length if known else None,
        )
        if window.dropped:
            running.emit(
                events.Notice(
                    "history_trimmed",
                    f"The oldest {window.dropped} messages did not fit this model and were left out.",
                )
            )
        toolbox = self._demo_toolbox if provider.id == "demo" else self._toolbox
        offers_tools = known is None or known.supports_tools
        request = ModelRequest(
            model=local_model,
            messages=window.messages,
            tools=toolbox.specs if offers_tools else (),
            parameters=parameters,
            session_id=turn.conversation_id,
        )
        return TurnLoop(
            provider, request, toolbox, limits=self._limits, emit=running.emit, clock=self._clock
        )

    async def _finish(
        self, running: _Running, status: events.EndStatus, reason: str | None
    ) -> None:
        """Write the end; try until it is written. Then tell the followers."""
        turn, loop = running.turn, running.loop
        usage = loop.usage if loop else running.transcript.usage
        ending: list[events.TurnEvent] = [
            events.MessageSaved(turn.message_id),
            events.TurnFinished(status, usage.cost if usage else None, reason),
        ]
        for event in ending:
            running.transcript.apply(event)
        ended = EndedTurn(
            turn=turn,
            owner_id=running.owner_id,
            transcript=running.transcript,
            status=status,
            usage=usage,
            reasoning=tuple(loop.reasoning) if loop else (),
            generation_ids=tuple(loop.generation_ids) if loop else (),
        )
        conversation = None
        try:
            conversation = await self._store_until_stored(running, ended, ending)
        except Exception:  # noqa: BLE001  # nobody may wait for ever; the next start closes it
            _log.exception("turn_end_failed", turn=turn.id)
        self._running.pop(turn.id, None)
        running.journal.publish()
        running.ended.set()
        if conversation:
            announce_conversation(self._hub, running.owner_id, conversation)
        if status == "stopped" and loop and loop.unreported_id:
            cost = self._add_cost(turn, running.owner_id, loop.unreported_id)
            self._background.start(cost, name=f"cost of {turn.id}")

    async def _store_until_stored(
        self, running: _Running, ended: EndedTurn, ending: Sequence[events.TurnEvent]
    ) -> ConversationSummary | None:
        told = False
        while True:
            rows = running.journal.seal(ending)
            try:
                return await self._store.end(ended, rows)
            except StorageError as error:
                running.journal.unseal()
                if not told:
                    told = True
                    _log.exception("turn_not_stored", turn=ended.turn.id)
                    running.emit(events.Notice(error.code, f"{error.detail} Trying again."))
            await pause(_STORE_RETRY_SECONDS)

    async def _add_cost(self, turn: Turn, owner_id: str, generation_id: str) -> None:
        provider, _ = self._catalog.resolve(turn.model)
        usage = await late_usage(provider, generation_id)
        if usage and await self._store.add_usage(turn, usage):
            announce_messages(self._hub, owner_id, turn.conversation_id)


def _steps_before(begun: BegunTurn) -> int:
    """A continued message goes on counting its steps."""
    steps = [part.step for part in begun.before if part.type == "tool"]
    return max(steps) + 1 if steps else 0

"""Running turns: started here, followed by anybody who may, ended in every case."""

import asyncio
from collections.abc import AsyncGenerator
from contextlib import suppress
from datetime import timedelta
from zoneinfo import ZoneInfo

import structlog

from backend.chat import events
from backend.chat.allowance import Permit
from backend.chat.closing import TurnCloser
from backend.chat.following import follow_stored
from backend.chat.journal import Journal, JournalWriter
from backend.chat.live import QuestionAsked, announce_conversation
from backend.chat.preparing import TurnPreparer
from backend.chat.questions import Questions
from backend.chat.records import Turn
from backend.chat.running import Ending, RunningTurn
from backend.chat.store import ConversationStore
from backend.chat.transcript import Transcript
from backend.chat.turn_order import BegunTurn, TurnOrder
from backend.chat.turn_store import TurnStore
from backend.kit.background import Background
from backend.kit.claims import Claims
from backend.kit.clock import Clock, to_millis
from backend.kit.errors import AppError, ConflictError
from backend.kit.hub import Hub
from backend.kit.schedule import pause
from backend.messages import ModelParameters
from backend.providers.base import ProviderError

_LAST_WORDS_SECONDS = 3.0

_log = structlog.get_logger()


class TurnEndedError(ConflictError):
    code = "turn_ended"


class TurnRunner:
    def __init__(  # noqa: PLR0913  # wired in one place, parts.py
        self,
        *,
        store: TurnStore,
        conversations: ConversationStore,
        closer: TurnCloser,
        preparer: TurnPreparer,
        journal_days: int,
        claims: Claims,
        hub: Hub,
        background: Background,
        clock: Clock,
    ) -> None:
        self._store = store
        self._conversations = conversations
        self._closer = closer
        self._preparer = preparer
        self._journal_days = journal_days
        self._claims = claims
        self._hub = hub
        self._background = background
        self._clock = clock
        self._running: dict[str, RunningTurn] = {}
        self._beginning: dict[str, asyncio.Event] = {}
        self.writer = JournalWriter(conversations.save_journal)

    @property
    def running_count(self) -> int:
        return len(self._running)

    @property
    def follower_count(self) -> int:
        return sum(running.journal.follower_count for running in self._running.values())

    def running_costs(self) -> dict[str, float]:
        """Person -> what their running turns have cost so far, as far as it is known."""
        costs: dict[str, float] = {}
        for running in self._running.values():
            if running.loop and running.loop.usage and running.loop.usage.cost:
                so_far = costs.get(running.owner_id, 0.0)
                costs[running.owner_id] = so_far + running.loop.usage.cost
        return costs

    async def begin(
        self, order: TurnOrder, zone: ZoneInfo, parameters: ModelParameters, permit: Permit
    ) -> Turn:
        """Store the question and start the answer; returns once the question is durable.

        Raises what TurnStore.begin raises.
        """
        begun = await self._store_question(order)
        turn = begun.turn
        if begun.repeated:
            return turn
        running = RunningTurn(
            turn,
            order.owner_id,
            order.text,
            Journal(turn.id, on_append=self.writer.mark),
            Transcript(begun.before),
            permit,
            order.client,
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

    async def _store_question(self, order: TurnOrder) -> BegunTurn:
        """Other processes know that somebody is at work on the turn before they can see it."""
        self._beginning[order.turn_id] = asyncio.Event()
        begun = None
        try:
            self._claims.take(order.turn_id)
            begun = await self._store.begin(order)
            return begun
        finally:
            if begun is None or begun.repeated:
                self._claims.give_up(order.turn_id)
            self._beginning.pop(order.turn_id).set()

    async def stop(self, owner_id: str, turn_id: str) -> Turn:
        """Close the upstream socket and cancel the tools; returns when the end is stored."""
        if running := await self._find(owner_id, turn_id):
            self._end_early(running, "stopped")
            await running.ended.wait()
        return await self._conversations.turn(owner_id, turn_id)

    async def stop_all(self, owner_id: str, conversation_id: str | None = None) -> None:
        """Stop what runs for somebody, or what they have running in one conversation."""
        theirs = [
            one
            for one in self._running.values()
            if one.owner_id == owner_id and conversation_id in (None, one.turn.conversation_id)
        ]
        for running in theirs:
            self._end_early(running, "stopped")
        for running in theirs:
            await running.ended.wait()

    async def follow(self, owner_id: str, turn_id: str, after: int) -> AsyncGenerator[bytes]:
        """The turn's frames above `after`, then live to its end. Raises before the first frame:
        NotFoundError, JournalGoneError."""
        if running := await self._find(owner_id, turn_id):
            return running.journal.follow(after)
        return await follow_stored(self._conversations, owner_id, turn_id, after)

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

    async def recover(self) -> int:
        """Close the turns of processes that died: their text comes from the journal.

        Returns how many other processes are still at work on, who may yet die.
        """
        theirs = 0
        for owner_id, turn in await self._store.running():
            if turn.id in self._running or turn.id in self._beginning:
                continue
            if not self._claims.take(turn.id):
                theirs += 1
                continue
            try:
                await self._closer.close_dead(owner_id, turn)
            except Exception:  # noqa: BLE001  # one bad row must not keep the others from recovery
                _log.exception("turn_not_recovered", turn=turn.id)
            finally:
                self._claims.give_up(turn.id)
        return theirs

    async def prune(self) -> None:
        oldest = self._clock.now() - timedelta(days=self._journal_days)
        await self._store.prune_journals(to_millis(oldest))

    def tick(self) -> None:
        for running in self._running.values():
            running.journal.tick()

    def open_questions(self, owner_id: str) -> list[QuestionAsked]:
        return [
            QuestionAsked(
                conversation_id=one.turn.conversation_id, turn_id=one.turn.id, question=question
            )
            for one in self._running.values()
            if one.owner_id == owner_id and one.questions
            for question in one.questions.open
        ]

    async def questions(self, owner_id: str, turn_id: str) -> Questions:
        """What a running turn asks. Raises NotFoundError, TurnEndedError."""
        running = await self._find(owner_id, turn_id)
        if running and running.questions:
            return running.questions
        await self._conversations.turn(owner_id, turn_id)
        raise TurnEndedError("This turn has ended; nothing waits for an answer any more.")

    async def _find(self, owner_id: str, turn_id: str) -> RunningTurn | None:
        """What runs here of this person. The database may show a turn a moment before it does."""
        if begun := self._beginning.get(turn_id):
            await begun.wait()
        running = self._running.get(turn_id)
        return running if running and running.owner_id == owner_id else None

    def _end_early(self, running: RunningTurn, ending: Ending) -> None:
        if running.ending is None and running.task is not None:
            running.ending = ending
            if running.entered:  # a task cancelled before its first step would never end the turn
                running.task.cancel()

    async def _run(
        self, running: RunningTurn, begun: BegunTurn, zone: ZoneInfo, parameters: ModelParameters
    ) -> None:
        status: events.EndStatus = "failed"
        reason: str | None = None
        running.entered = True
        try:
            if running.ending:
                status = running.ending
            else:
                loop = await self._preparer.prepare(running, begun, zone, parameters)
                running.loop = loop
                reason = await loop.run(begun.first_step)
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
            if running.questions:
                running.questions.end()
            try:
                await self._closer.close(running, status, reason)
            finally:
                self._running.pop(running.turn.id, None)
                self._claims.give_up(running.turn.id)
                running.ended.set()
                if running.permit.when_over:
                    told = running.permit.when_over()
                    self._background.start(told, name=f"allowance after {running.turn.id}")

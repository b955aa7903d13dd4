"""The end of a turn: written in every case, then told to those who follow."""

from collections.abc import Sequence

import structlog
from pydantic import ValidationError

from backend.catalog.service import Catalog
from backend.chat import events
from backend.chat.costs import late_usage
from backend.chat.journal import Journal
from backend.chat.live import announce_conversation, announce_messages
from backend.chat.records import ConversationSummary, Turn, text_of
from backend.chat.running import RunningTurn
from backend.chat.store import ConversationStore
from backend.chat.tally import Tally
from backend.chat.transcript import Transcript
from backend.chat.turn_store import EndedTurn, TurnStore
from backend.db.database import StorageError
from backend.kit.background import Background
from backend.kit.hub import Hub
from backend.kit.schedule import pause
from backend.kit.sse import data_of

_STORE_RETRY_SECONDS = 2.0

_log = structlog.get_logger()


class TurnCloser:
    def __init__(
        self,
        *,
        store: TurnStore,
        conversations: ConversationStore,
        catalog: Catalog,
        tally: Tally,
        hub: Hub,
        background: Background,
    ) -> None:
        self._store = store
        self._conversations = conversations
        self._catalog = catalog
        self._tally = tally
        self._hub = hub
        self._background = background

    async def close(
        self, running: RunningTurn, status: events.EndStatus, reason: str | None
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
            question=running.question,
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
        self._tally.ended(status, loop.usage if loop else None, loop.tool_outcomes if loop else {})
        running.journal.publish()
        if conversation:
            announce_conversation(self._hub, running.owner_id, conversation)
        if loop and loop.unreported_id:
            cost = self._add_cost(turn, running.owner_id, loop.unreported_id)
            self._background.start(cost, name=f"cost of {turn.id}")

    async def _store_until_stored(
        self, running: RunningTurn, ended: EndedTurn, ending: Sequence[events.TurnEvent]
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
        if usage:
            self._tally.used(usage)
        if usage and await self._store.add_usage(turn, owner_id, usage):
            announce_messages(self._hub, owner_id, turn.conversation_id)

    async def close_dead(self, owner_id: str, turn: Turn) -> None:
        """A turn whose process died: its text comes from the journal."""
        frames = await self._conversations.frames(turn.id, 0)
        stored = [raw + b"\n\n" for raw in frames.split(b"\n\n")[:-1]]
        transcript = Transcript(await self._store.parts(turn.message_id))
        question = text_of(await self._store.parts(turn.parent_id))
        for raw in stored:
            try:
                transcript.apply(events.TURN_EVENT.validate_json(data_of(raw)))
            except ValidationError:  # of a newer release
                _log.warning("event_unknown", turn=turn.id)
        journal = Journal(turn.id, on_append=lambda _: None, stored=stored)
        running = RunningTurn(turn, owner_id, question, journal, transcript)
        await self.close(running, "interrupted", None)
        _log.info("turn_recovered", turn=turn.id)

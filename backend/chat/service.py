"""What people do with conversations. Turns are run by `runner.py`."""

from collections.abc import AsyncGenerator
from dataclasses import dataclass
from zoneinfo import ZoneInfo

from backend.attachments.service import Attachments
from backend.auth.people import User
from backend.catalog.service import Catalog
from backend.chat.allowance import Allowance, Wish
from backend.chat.live import (
    QuestionAsked,
    announce_conversation,
    announce_deleted,
    announce_messages,
)
from backend.chat.records import (
    NO_METADATA,
    Conversation,
    ConversationChange,
    ConversationMetadata,
    ConversationPage,
    ConversationSummary,
    Turn,
)
from backend.chat.runner import TurnRunner
from backend.chat.store import ConversationStore
from backend.chat.turn_order import Attached, EarlierMessage, TurnOrder
from backend.chat.turn_store import TurnStore
from backend.kit.clock import Clock
from backend.kit.errors import NotFoundError
from backend.kit.hub import Hub
from backend.kit.ids import new_id
from backend.messages import Generation, ModelParameters
from backend.toolbox.context import Answer, Client, Decision


@dataclass(frozen=True, slots=True)
class TurnOptions:
    """What a screen may choose for one turn."""

    model: str | None
    zone: ZoneInfo
    parameters: ModelParameters
    client: Client = "chat"


@dataclass(frozen=True, slots=True)
class NewMessage:
    """What a person sends. Without `conversation_id` a conversation is made, and it takes
    `earlier`, `system_prompt` and `metadata` along. `edit_of`: the message becomes that one's
    sibling."""

    text: str
    conversation_id: str | None = None
    client_message_id: str | None = None
    parent_id: str | None = None
    edit_of: str | None = None
    system_prompt: str | None = None
    earlier: tuple[EarlierMessage, ...] = ()
    metadata: ConversationMetadata = NO_METADATA
    attached: Attached | None = None
    """None: an edited message keeps what it had."""


class ChatService:
    def __init__(  # noqa: PLR0913  # wired in one place, parts.py
        self,
        *,
        conversations: ConversationStore,
        turns: TurnStore,
        runner: TurnRunner,
        catalog: Catalog,
        allowance: Allowance,
        attachments: Attachments,
        hub: Hub,
        clock: Clock,
        system_prompt: str | None,
    ) -> None:
        self._conversations = conversations
        self._turns = turns
        self._runner = runner
        self._catalog = catalog
        self._allowance = allowance
        self._attachments = attachments
        self._hub = hub
        self._clock = clock
        self._system_prompt = system_prompt

    # --- turns -------------------------------------------------------------------------------

    async def send(self, user: User, message: NewMessage, options: TurnOptions) -> Turn:
        """Store a message and start the answer.

        Raises ModelUnknownError, NotAllowedError, NotFoundError, TurnRunningError,
        InvalidInputError.
        """
        self._check_model(options)
        is_new = message.conversation_id is None
        wish = Wish(
            options.model, message.conversation_id, message.metadata, message.client_message_id
        )
        permit = await self._allowance.permit(user, wish)
        order = TurnOrder(
            owner_id=user.id,
            kind="send",
            turn_id=new_id("turn", self._clock),
            message_id=new_id("msg", self._clock),
            user_message_id=new_id("msg", self._clock),
            conversation_id=message.conversation_id or new_id("conv", self._clock),
            is_new=is_new,
            system_prompt=message.system_prompt or self._system_prompt,
            earlier=message.earlier if is_new else (),
            metadata=message.metadata if is_new else NO_METADATA,
            model=options.model,
            default_model=self._allowance.default_model(user),
            text=message.text,
            attached=message.attached,
            client_message_id=message.client_message_id,
            parent_id=message.parent_id,
            edit_of=message.edit_of,
            client=options.client,
        )
        return await self._runner.begin(order, options.zone, options.parameters, permit)

    async def regenerate(
        self, user: User, conversation_id: str, message_id: str, options: TurnOptions
    ) -> Turn:
        """Answer a question again; the new answer is a sibling. Raises as `send` does."""
        return await self._again(user, conversation_id, message_id, options, proceed=False)

    async def proceed(
        self, user: User, conversation_id: str, message_id: str, options: TurnOptions
    ) -> Turn:
        """Go on with an answer that was cut short, in the same message. Raises as `send` does."""
        return await self._again(user, conversation_id, message_id, options, proceed=True)

    async def _again(
        self,
        user: User,
        conversation_id: str,
        message_id: str,
        options: TurnOptions,
        *,
        proceed: bool,
    ) -> Turn:
        self._check_model(options)
        permit = await self._allowance.permit(user, Wish(options.model, conversation_id))
        order = TurnOrder(
            owner_id=user.id,
            kind="continue" if proceed else "regenerate",
            turn_id=new_id("turn", self._clock),
            message_id=new_id("msg", self._clock),
            conversation_id=conversation_id,
            model=options.model,
            default_model=self._allowance.default_model(user),
            target_id=message_id,
            client=options.client,
        )
        return await self._runner.begin(order, options.zone, options.parameters, permit)

    async def turn(self, owner_id: str, turn_id: str) -> Turn:
        return await self._conversations.turn(owner_id, turn_id)

    async def stop(self, owner_id: str, turn_id: str) -> Turn:
        return await self._runner.stop(owner_id, turn_id)

    async def stop_all(self, owner_id: str) -> None:
        """Of somebody who has gone."""
        await self._runner.stop_all(owner_id)
        self._attachments.tidy()

    def questions(self, owner_id: str) -> list[QuestionAsked]:
        """What this person's running turns wait for."""
        return self._runner.open_questions(owner_id)

    async def decide(self, user: User, turn_id: str, approval_id: str, decision: Decision) -> None:
        """May a call run? Raises what `Questions.decide` raises, TurnEndedError."""
        (await self._runner.questions(user.id, turn_id)).decide(user, approval_id, decision)

    async def respond(self, owner_id: str, turn_id: str, input_id: str, answer: Answer) -> None:
        """What a server asked for. Raises what `Questions.respond` raises, TurnEndedError."""
        (await self._runner.questions(owner_id, turn_id)).respond(input_id, answer)

    async def follow(self, owner_id: str, turn_id: str, after: int) -> AsyncGenerator[bytes]:
        return await self._runner.follow(owner_id, turn_id, after)

    async def generation(self, owner_id: str, generation_id: str) -> Generation:
        """The provider's books on an answer of this person. Raises NotFoundError, ProviderError."""
        model = await self._turns.owns_generation(owner_id, generation_id)
        found = None
        if model:
            provider, _ = self._catalog.resolve(model)
            found = await provider.generation(generation_id)
        if found is None:
            raise NotFoundError("There is no such generation.")
        return found

    def _check_model(self, options: TurnOptions) -> None:
        if options.model is not None:
            self._catalog.check(options.model)

    # --- conversations -----------------------------------------------------------------------

    async def create(self, user: User, change: ConversationChange) -> Conversation:
        """Raises ModelUnknownError, NotAllowedError."""
        self._check_change(user, change)
        created = await self._conversations.create(
            user.id,
            new_id("conv", self._clock),
            change=change,
            system_prompt=change.system_prompt or self._system_prompt,
        )
        announce_conversation(self._hub, user.id, created)
        return created

    async def page(
        self, owner_id: str, *, limit: int, cursor: str | None, search: str | None, archived: bool
    ) -> ConversationPage:
        return await self._conversations.page(
            owner_id, limit=limit, cursor=cursor, search=search, archived=archived
        )

    async def get(self, owner_id: str, conversation_id: str) -> Conversation:
        return await self._conversations.get(owner_id, conversation_id)

    async def update(
        self, user: User, conversation_id: str, change: ConversationChange
    ) -> ConversationSummary:
        """Raises ModelUnknownError, NotAllowedError, NotFoundError."""
        self._check_change(user, change)
        summary = await self._conversations.update(user.id, conversation_id, change)
        announce_conversation(self._hub, user.id, summary)
        if change.leaf_id:
            announce_messages(self._hub, user.id, conversation_id)
        return summary

    def _check_change(self, user: User, change: ConversationChange) -> None:
        if change.model is not None:
            self._catalog.check(change.model)
            self._allowance.check_model(user, change.model)
        self._allowance.check_metadata(user, change.metadata)

    async def delete(self, owner_id: str, conversation_id: str) -> None:
        """Stop what runs in it, what begins in this very moment too, and delete it."""
        await self._runner.stop_all(owner_id, conversation_id)
        await self._conversations.delete(owner_id, conversation_id)
        await self._runner.stop_all(owner_id, conversation_id)
        self._attachments.tidy()
        announce_deleted(self._hub, owner_id, conversation_id)

    async def delete_message(self, owner_id: str, conversation_id: str, message_id: str) -> None:
        """Delete a message and all below it; an answer being written there is stopped, as above."""
        await self._conversations.check_message(owner_id, conversation_id, message_id)
        await self._runner.stop_all(owner_id, conversation_id)
        await self._conversations.delete_message(owner_id, conversation_id, message_id)
        await self._runner.stop_all(owner_id, conversation_id)
        self._attachments.tidy()
        announce_messages(self._hub, owner_id, conversation_id)

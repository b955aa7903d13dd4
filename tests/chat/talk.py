"""A person talking to Parlor at its services, and what they hear."""

import asyncio
from collections.abc import Iterable
from contextlib import aclosing
from dataclasses import dataclass, field
from typing import Any
from zoneinfo import ZoneInfo

from backend.auth.people import User
from backend.chat.events import TURN_EVENT, TextDelta, TurnEvent, TurnFinished
from backend.chat.records import PARTS, Conversation, Message, Part, Turn, text_of
from backend.chat.service import NewMessage, TurnOptions
from backend.chat.transcript import Transcript
from backend.container import Services
from backend.kit.sse import data_of
from backend.messages import ModelParameters
from backend.toolbox.context import Client

PATIENCE = 5
UTC = ZoneInfo("UTC")


@dataclass
class Heard:
    """Frames of one turn."""

    turn: Turn | None = None
    numbers: list[int] = field(default_factory=list)
    events: list[TurnEvent] = field(default_factory=list)

    @classmethod
    def of_bytes(cls, raw: bytes) -> "Heard":
        heard = cls()
        heard.take(raw)
        return heard

    def take(self, raw: bytes) -> None:
        for frame in raw.split(b"\n\n")[:-1]:
            if not frame.startswith(b":"):
                self.numbers.append(int(frame.split(b"\n")[0].removeprefix(b"id: ")))
                self.events.append(TURN_EVENT.validate_json(data_of(frame + b"\n\n")))

    @property
    def text(self) -> str:
        return "".join(event.text for event in self.of(TextDelta))

    @property
    def end(self) -> TurnFinished:
        """The last event must be the only end."""
        ends = self.of(TurnFinished)
        assert ends == [self.events[-1]]
        return ends[0]

    def of[T](self, kind: type[T]) -> list[T]:
        return [event for event in self.events if isinstance(event, kind)]

    def reduced(self, before: Iterable[Part] = ()) -> Transcript:
        transcript = Transcript(before)
        for event in self.events:
            transcript.apply(event)
        return transcript


def shown(message: Message | Transcript) -> dict[str, Any]:
    """What a screen shows of a message, to compare one with another."""
    return {
        "parts": PARTS.dump_python(message.parts),
        "status": message.status,
        "error": message.error,
        "notices": message.notices,
        "usage": message.usage,
        "model": message.model,
        "finish_reason": message.finish_reason,
    }


@dataclass
class Talk:
    services: Services
    owner: User

    @property
    def owner_id(self) -> str:
        return self.owner.id

    async def send(
        self,
        text: str,
        *,
        to: str | None = None,
        model: str | None = None,
        zone: ZoneInfo = UTC,
        client: Client = "chat",
        **more: Any,
    ) -> Turn:
        message = NewMessage(text, conversation_id=to, **more)
        return await self.services.chat.send(self.owner, message, _options(model, zone, client))

    async def say(self, text: str, **more: Any) -> Heard:
        """Send and listen to the end."""
        return await self.hear(await self.send(text, **more))

    async def regenerate(self, to: str, message_id: str, model: str | None = None) -> Heard:
        chat = self.services.chat
        return await self.hear(
            await chat.regenerate(self.owner, to, message_id, _options(model, UTC))
        )

    async def proceed(self, to: str, message_id: str) -> Heard:
        chat = self.services.chat
        return await self.hear(await chat.proceed(self.owner, to, message_id, _options(None, UTC)))

    async def hear(self, turn: Turn, after: int = 0) -> Heard:
        heard = Heard(turn)
        frames = await self.services.chat.follow(self.owner_id, turn.id, after)
        async with asyncio.timeout(PATIENCE), aclosing(frames):
            async for raw in frames:
                heard.take(raw)
        return heard

    async def hear_until(self, turn: Turn, count: int) -> Heard:
        """Listen to that many events and go away."""
        heard = Heard(turn)
        frames = await self.services.chat.follow(self.owner_id, turn.id, 0)
        async with asyncio.timeout(PATIENCE), aclosing(frames):
            async for raw in frames:
                heard.take(raw)
                if len(heard.events) >= count:
                    break
        return heard

    async def stop(self, turn: Turn) -> Turn:
        async with asyncio.timeout(PATIENCE):
            return await self.services.chat.stop(self.owner_id, turn.id)

    async def conversation(self, conversation_id: str) -> Conversation:
        return await self.services.chat.get(self.owner_id, conversation_id)

    async def answer(self, turn: Turn) -> Message:
        """The stored answer of a turn."""
        messages = (await self.conversation(turn.conversation_id)).messages
        return next(one for one in messages if one.id == turn.message_id)

    async def path(self, conversation_id: str) -> list[str]:
        """The texts of the shown branch, oldest first."""
        conversation = await self.conversation(conversation_id)
        by_id = {message.id: message for message in conversation.messages}
        texts, at = list[str](), conversation.leaf_id
        while at:
            texts.insert(0, text_of(by_id[at].parts))
            at = by_id[at].parent_id
        return texts


def _options(model: str | None, zone: ZoneInfo, client: Client = "chat") -> TurnOptions:
    return TurnOptions(model, zone, ModelParameters(), client)

"""The chat stream: begin a turn, follow it, stop it."""

import asyncio
from collections.abc import AsyncGenerator
from typing import Annotated, Any, Literal
from zoneinfo import ZoneInfo

from fastapi import APIRouter, Query
from pydantic import AfterValidator, AliasChoices, BaseModel, ConfigDict, Field

from backend.api.deps import ChatCaller, Id, ReadCaller, ServicesDep
from backend.api.errors import declared
from backend.api.event_stream import EventStream
from backend.api.json_body import JsonRoute
from backend.api.openapi import stream_of
from backend.auth.open_streams import OpenStream
from backend.auth.people import Caller
from backend.chat import events
from backend.chat.records import NO_METADATA, ConversationMetadata, ModelId, ResourcePart, Turn
from backend.chat.service import NewMessage, TurnOptions
from backend.chat.turn_order import EarlierMessage
from backend.container import Services
from backend.kit.errors import InvalidInputError
from backend.kit.schedule import pause
from backend.kit.sse import frame
from backend.messages import Generation, ModelParameters
from backend.toolbox.context import Client
from backend.toolbox.offers import LONGEST_TEXT

_read_zones: dict[str, ZoneInfo] = {}
"""At most the few hundred there are."""

router = APIRouter(prefix="/api/chat", tags=["chat"], route_class=JsonRoute)

LONGEST_MESSAGE = 1_000_000
"""Characters; beyond any model's context, small enough to store and show."""


def _some_text(text: str) -> str:
    whole = text.replace("\0", "")  # NUL ends strings elsewhere
    if not whole.strip():
        raise ValueError("must not be empty")
    return whole


type ZoneName = Annotated[str, Field(min_length=1, max_length=64)]
type Text = Annotated[str, Field(max_length=LONGEST_MESSAGE), AfterValidator(_some_text)]
type MessageId = Annotated[str, Field(min_length=1, max_length=100)]


class TextContent(BaseModel):
    model_config = ConfigDict(extra="ignore")
    type: Literal["text"]
    text: Text


class IncomingMessage(BaseModel):
    """A message as the OpenAI schema has it; `client_message_id` makes sending it repeatable."""

    model_config = ConfigDict(extra="ignore")
    role: Literal["system", "user", "assistant"]
    content: Text | Annotated[list[TextContent], Field(min_length=1, max_length=100)]
    client_message_id: Annotated[str, Field(min_length=1, max_length=64)] | None = None

    @property
    def text(self) -> str:
        if isinstance(self.content, str):
            return self.content
        return "\n".join(part.text for part in self.content)


def _no_nul(text: str) -> str:
    return text.replace("\0", "")


type AttachedText = Annotated[str, Field(max_length=LONGEST_TEXT), AfterValidator(_no_nul)]


class AttachedResource(BaseModel):
    """As `POST /api/mcp/resources/read` gave it and the person saw it; kept with their message."""

    model_config = ConfigDict(extra="forbid")
    server_id: Annotated[str, Field(max_length=100)]
    server: Annotated[str, Field(max_length=200)]
    uri: Annotated[str, Field(min_length=1, max_length=2000)]
    title: Annotated[str, Field(max_length=500)] = ""
    mime_type: Annotated[str, Field(max_length=200)] = ""
    text: AttachedText


class StreamRequest(ModelParameters):
    """The last message is the person's; earlier ones only found a new conversation.

    Fields of the OpenAI schema that have no meaning here are ignored.
    """

    messages: Annotated[list[IncomingMessage], Field(min_length=1, max_length=1000)]
    conversation_id: Annotated[
        MessageId | None,
        Field(validation_alias=AliasChoices("conversation_id", "session_id")),
    ] = None
    model: ModelId | None = None
    timezone: ZoneName = "UTC"
    parent_id: MessageId | None = None
    edit_of: MessageId | None = None
    metadata: ConversationMetadata = NO_METADATA
    """Of the new conversation; one that exists keeps its own."""
    client: Client = "chat"
    """The surface: which servers' tools are wanted there (`/api/mcp/preferences`)."""
    resources: Annotated[list[AttachedResource], Field(max_length=8)] | None = None
    """Beside the message. Without this field a message that is edited keeps what it had."""

    @property
    def parameters(self) -> ModelParameters:
        """The sampling part alone; it was validated with the whole."""
        given = self.model_fields_set & ModelParameters.model_fields.keys()
        return ModelParameters.model_construct(
            given, **{name: getattr(self, name) for name in given}
        )


class AgainRequest(BaseModel):
    """`message_id`: the answer to make anew or to go on with (or a question to answer again)."""

    model_config = ConfigDict(extra="forbid")
    conversation_id: MessageId
    message_id: MessageId
    model: ModelId | None = None
    timezone: ZoneName = "UTC"
    parameters: ModelParameters = ModelParameters()
    client: Client = "chat"


def _stream(*statuses: int) -> dict[str, Any]:
    """The documentation of a route that answers with events."""
    return {
        "response_class": EventStream,
        "status_code": 200,
        "responses": declared(401, *statuses)
        | stream_of("TurnEvent", "events as `data:`, numbered from 1 without gaps by `id:`"),
    }


@router.post("/stream", **_stream(400, 403, 404, 409, 410, 413, 429))
async def send(body: StreamRequest, caller: ChatCaller, services: ServicesDep) -> EventStream:
    """Send a message and follow the answer. Closing the connection does not stop it."""
    *earlier, last = body.messages
    if last.role != "user":
        raise InvalidInputError("The last message must be the person's (role user).")
    message = NewMessage(
        text=last.text,
        conversation_id=body.conversation_id,
        client_message_id=last.client_message_id,
        parent_id=body.parent_id,
        edit_of=body.edit_of,
        system_prompt=next((one.text for one in earlier if one.role == "system"), None),
        earlier=tuple(
            EarlierMessage(one.role, one.text) for one in earlier if one.role != "system"
        ),
        metadata=body.metadata,
        attached=_attached(body.resources),
    )
    options = TurnOptions(body.model, await _zone(body.timezone), body.parameters, body.client)
    with services.streams.open(caller) as place:
        turn = await services.chat.send(caller.user, message, options)
        return await _follow(services, caller, turn, place)


@router.post("/regenerate", **_stream(400, 403, 404, 409, 413, 429))
async def regenerate(body: AgainRequest, caller: ChatCaller, services: ServicesDep) -> EventStream:
    """Answer a question again; the new answer becomes a sibling of the old one."""
    options = TurnOptions(body.model, await _zone(body.timezone), body.parameters, body.client)
    with services.streams.open(caller) as place:
        turn = await services.chat.regenerate(
            caller.user, body.conversation_id, body.message_id, options
        )
        return await _follow(services, caller, turn, place)


@router.post("/continue", **_stream(400, 403, 404, 409, 413, 429))
async def proceed(body: AgainRequest, caller: ChatCaller, services: ServicesDep) -> EventStream:
    """Go on with an answer that was cut short; the text grows in the same message."""
    options = TurnOptions(body.model, await _zone(body.timezone), body.parameters, body.client)
    with services.streams.open(caller) as place:
        turn = await services.chat.proceed(
            caller.user, body.conversation_id, body.message_id, options
        )
        return await _follow(services, caller, turn, place)


@router.get("/turns/{turn_id}", responses=declared(401, 404))
async def get_turn(turn_id: Id, caller: ReadCaller, services: ServicesDep) -> Turn:
    return await services.chat.turn(caller.owner_id, turn_id)


@router.post("/turns/{turn_id}/stop", responses=declared(401, 403, 404))
async def stop(turn_id: Id, caller: ChatCaller, services: ServicesDep) -> Turn:
    """Close the upstream connection and cancel tools. Harmless when the turn has ended."""
    return await services.chat.stop(caller.owner_id, turn_id)


@router.get("/turns/{turn_id}/events", operation_id="follow_turn_get", **_stream(404, 410, 429))
@router.post("/turns/{turn_id}/events", operation_id="follow_turn", **_stream(403, 404, 410, 429))
async def follow(
    turn_id: Id,
    caller: ReadCaller,
    services: ServicesDep,
    after: Annotated[int, Query(ge=0, le=2**53)] = 0,
) -> EventStream:
    """Every event above `after`, then live until the turn ends."""
    with services.streams.open(caller) as place:
        frames = await services.chat.follow(caller.owner_id, turn_id, after)
        return EventStream(frames, place)


@router.get("/generation/{generation_id}", responses=declared(401, 404, 502, 503))
async def generation(generation_id: Id, caller: ReadCaller, services: ServicesDep) -> Generation:
    """Usage and cost of one of the caller's answers, from the provider's books."""
    return await services.chat.generation(caller.owner_id, generation_id)


@router.get("/test-stream", operation_id="test_stream", **_stream())
async def stream_test_pieces(_: ReadCaller) -> EventStream:
    """Three pieces of text 200 ms apart: does the way to this browser stream?"""
    return EventStream(_three_pieces())


async def _three_pieces() -> AsyncGenerator[bytes]:
    for number, text in enumerate(("one ", "two ", "three"), start=1):
        event = events.TextDelta(text)
        yield frame(number, event, event.type)
        await pause(0.2)
    end = events.TurnFinished("completed", None, "stop")
    yield frame(4, end, end.type)


def _attached(given: list[AttachedResource] | None) -> tuple[ResourcePart, ...] | None:
    return None if given is None else tuple(ResourcePart(**one.model_dump()) for one in given)


async def _zone(name: str) -> ZoneInfo:
    """Raises InvalidInputError. The first use of a zone reads its file, so in a thread."""
    if zone := _read_zones.get(name):
        return zone
    try:
        zone = _read_zones[name] = await asyncio.to_thread(ZoneInfo, name)
    except (KeyError, ValueError, OSError) as error:
        raise InvalidInputError(
            "timezone: is not the name of a time zone, like Europe/Berlin"
        ) from error
    return zone


async def _follow(services: Services, caller: Caller, turn: Turn, place: OpenStream) -> EventStream:
    frames = await services.chat.follow(caller.owner_id, turn.id, 0)
    names = {"X-Turn-Id": turn.id, "X-Conversation-Id": turn.conversation_id}
    return EventStream(frames, place, names)

"""One stream per screen: what changed."""

from collections.abc import AsyncGenerator
from contextlib import aclosing
from typing import Any

from fastapi import APIRouter

from backend.api.deps import LiveCaller, ServicesDep
from backend.api.errors import declared
from backend.api.event_stream import EventStream
from backend.api.openapi import stream_of
from backend.auth.devices import topic_of
from backend.auth.people import Caller
from backend.chat.live import Hello
from backend.container import Services
from backend.kit.sse import frame
from backend.kit.version import VERSION

router = APIRouter(tags=["live"])


_STREAM: dict[str, Any] = {
    "response_class": EventStream,
    "status_code": 200,
    "responses": declared(401, 403, 429) | stream_of("LiveEvent", "news as `data:`"),
}


# Some tunnels hold back the answer to a GET until it ends; pages use POST.
@router.get("/api/events", operation_id="live_get", **_STREAM)
@router.post("/api/events", **_STREAM)
async def live(caller: LiveCaller, services: ServicesDep) -> EventStream:
    """News of the caller's conversations from now on; a paired display hears only what concerns
    itself. After a reconnect, fetch the state anew."""
    topic = caller.owner_id if isinstance(caller, Caller) else topic_of(caller.credential_id)
    return EventStream(_news(services, topic), services.streams.open(caller))


async def _news(services: Services, topic: str) -> AsyncGenerator[bytes]:
    hello = Hello(version=VERSION)
    yield frame(0, hello.model_dump(mode="json"), hello.type)
    async with aclosing(services.hub.follow(topic)) as frames:
        async for raw in frames:
            yield raw

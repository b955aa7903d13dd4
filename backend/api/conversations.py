"""Conversations of the caller, and the older session routes for deleting them."""

from typing import Annotated

from fastapi import APIRouter, Query

from backend.api.deps import ChatCaller, Id, ReadCaller, ServicesDep
from backend.api.errors import declared
from backend.api.json_body import JsonRoute
from backend.chat.records import (
    Conversation,
    ConversationChange,
    ConversationPage,
    ConversationSummary,
)

router = APIRouter(tags=["conversations"], route_class=JsonRoute)


@router.get("/api/conversations", responses=declared(401))
async def list_conversations(
    caller: ReadCaller,
    services: ServicesDep,
    limit: Annotated[int, Query(ge=1, le=200)] = 50,
    cursor: Annotated[str | None, Query(max_length=100)] = None,
    q: Annotated[str | None, Query(max_length=200)] = None,
    archived: bool = False,
) -> ConversationPage:
    """Pinned first, then newest activity. `q` searches titles and messages."""
    search = q.replace("\0", " ").strip() if q else None
    return await services.chat.page(
        caller.owner_id, limit=limit, cursor=cursor, search=search or None, archived=archived
    )


@router.post("/api/conversations", status_code=201, responses=declared(400, 401, 403, 404, 413))
async def create_conversation(
    body: ConversationChange, caller: ChatCaller, services: ServicesDep
) -> Conversation:
    return await services.chat.create(caller.user, body)


@router.get("/api/conversations/{conversation_id}", responses=declared(401, 404))
async def get_conversation(
    conversation_id: Id, caller: ReadCaller, services: ServicesDep
) -> Conversation:
    """With every message of its tree, oldest first; the shown branch ends at `leaf_id`."""
    return await services.chat.get(caller.owner_id, conversation_id)


@router.patch("/api/conversations/{conversation_id}", responses=declared(400, 401, 403, 404, 413))
async def change_conversation(
    conversation_id: Id, body: ConversationChange, caller: ChatCaller, services: ServicesDep
) -> ConversationSummary:
    return await services.chat.update(caller.user, conversation_id, body)


@router.delete(
    "/api/conversations/{conversation_id}", status_code=204, responses=declared(401, 403, 404)
)
@router.delete(
    "/api/chat/session/{conversation_id}",
    status_code=204,
    responses=declared(401, 403, 404),
    operation_id="delete_session",
)
async def delete_conversation(
    conversation_id: Id, caller: ChatCaller, services: ServicesDep
) -> None:
    """Stops what runs in it, then deletes it with all its messages."""
    await services.chat.delete(caller.owner_id, conversation_id)


@router.delete(
    "/api/chat/session/{conversation_id}/messages/{message_id}",
    status_code=204,
    responses=declared(401, 403, 404),
)
async def delete_message(
    conversation_id: Id, message_id: Id, caller: ChatCaller, services: ServicesDep
) -> None:
    """Delete a message and everything below it."""
    await services.chat.delete_message(caller.owner_id, conversation_id, message_id)

"""What Parlor remembers about the caller: to read, to add to, to delete."""

from typing import Annotated

from fastapi import APIRouter
from pydantic import BaseModel, ConfigDict, Field

from backend.api.deps import ChatCaller, Id, ReadCaller, ServicesDep
from backend.api.errors import declared
from backend.api.json_body import JsonRoute
from backend.memory.records import LONGEST, Memory

router = APIRouter(prefix="/api/memories", tags=["memories"], route_class=JsonRoute)


class MemoryList(BaseModel):
    items: list[Memory]


class NewMemory(BaseModel):
    model_config = ConfigDict(extra="forbid")
    text: Annotated[str, Field(min_length=1, max_length=LONGEST)]


@router.get("", responses=declared(401, 403))
async def list_memories(caller: ReadCaller, services: ServicesDep) -> MemoryList:
    """Newest first."""
    return MemoryList(items=(await services.memories.of(caller.owner_id))[::-1])


@router.post("", status_code=201, responses=declared(400, 401, 403, 409, 413))
async def add_memory(body: NewMemory, caller: ChatCaller, services: ServicesDep) -> Memory:
    """As one line; a text that is known already is not kept twice."""
    return await services.memories.add(caller.owner_id, body.text)


@router.delete("", status_code=204, responses=declared(401, 403))
async def forget_all(caller: ChatCaller, services: ServicesDep) -> None:
    await services.memories.forget_all(caller.owner_id)


@router.delete("/{memory_id}", status_code=204, responses=declared(401, 403, 404))
async def forget_memory(memory_id: Id, caller: ChatCaller, services: ServicesDep) -> None:
    await services.memories.forget(caller.owner_id, memory_id)

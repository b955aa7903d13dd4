"""The models on offer."""

from typing import Annotated

from fastapi import APIRouter, Query
from pydantic import BaseModel

from backend.api.deps import ReadCaller, ServicesDep
from backend.api.errors import declared
from backend.messages import ModelInfo

router = APIRouter(tags=["models"])


class ModelList(BaseModel):
    """`stale`: at least one provider has not answered for a while."""

    data: list[ModelInfo]
    default_model: str
    stale: bool


@router.get("/api/models", responses=declared(401))
async def list_models(
    caller: ReadCaller,
    services: ServicesDep,
    search: Annotated[str, Query(max_length=200)] = "",
    tools_only: bool = False,
) -> ModelList:
    """Those that the caller may use, from memory; the lists are refreshed in the background."""
    allowance = services.allowance
    return ModelList(
        data=allowance.models(caller.user, search=search, tools_only=tools_only),
        default_model=allowance.default_model(caller.user),
        stale=services.catalog.is_stale,
    )

"""How this Parlor is, for its owner's eyes."""

from fastapi import APIRouter

from backend.api.deps import AdminCaller, ServicesDep
from backend.api.errors import declared
from backend.condition.overview import Overview, overview

router = APIRouter(tags=["household"])


@router.get("/api/system", responses=declared(401, 403))
async def system(_: AdminCaller, services: ServicesDep) -> Overview:
    """What `/health/ready` judges, in words; backups, room and numbers. Times are in UTC."""
    return await overview(services)

"""Is it alive, and is it whole?"""

from fastapi import APIRouter, Response
from pydantic import BaseModel, ConfigDict

from backend.api.deps import ReadCaller, ServicesDep
from backend.api.errors import declared
from backend.condition.readiness import readiness
from backend.kit.version import VERSION

router = APIRouter(tags=["health"])

_CONFIG = ConfigDict(json_schema_serialization_defaults_required=True)


class Health(BaseModel):
    model_config = _CONFIG
    status: str = "ok"
    version: str = VERSION
    active_model: str
    demo: bool


class Check(BaseModel):
    ok: bool
    detail: str


class Readiness(BaseModel):
    status: str
    checks: dict[str, Check]


@router.get("/health")
async def health(services: ServicesDep) -> Health:
    """Alive. Asks nothing of the database or a provider."""
    return Health(active_model=services.catalog.default_model, demo=services.catalog.is_demo)


@router.get("/health/ready", responses=declared(401) | {503: {"model": Readiness}})
async def ready(_: ReadCaller, services: ServicesDep, response: Response) -> Readiness:
    """Database, providers, tool servers (`tools/...`), disk, certificate, backups. 503 when nobody
    could be answered, which neither a tool server nor a backup decides."""
    found = await readiness(services)
    checks = {name: Check(ok=not problem, detail=problem) for name, problem in found.all.items()}
    response.status_code = 200 if found.can_answer else 503
    return Readiness(status="ok" if found.can_answer else "failing", checks=checks)

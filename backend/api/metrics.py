"""Numbers for Prometheus: `Authorization: Bearer` with an API key that may read."""

from fastapi import APIRouter
from fastapi.responses import PlainTextResponse

from backend.api.deps import ReadCaller, ServicesDep
from backend.api.errors import declared
from backend.condition import numbers

router = APIRouter(tags=["health"])

_TYPE = "text/plain; version=0.0.4; charset=utf-8"


@router.get("/metrics", response_class=PlainTextResponse, responses=declared(401))
async def metrics(_: ReadCaller, services: ServicesDep) -> PlainTextResponse:
    """Totals of the household since this process started, in Prometheus' text format."""
    return PlainTextResponse(await numbers.metrics(services), media_type=_TYPE)

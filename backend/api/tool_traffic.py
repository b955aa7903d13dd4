"""What Parlor and a tool server say to each other, for the owner who looks for a fault."""

from datetime import datetime
from typing import Literal

from fastapi import APIRouter, Request
from pydantic import BaseModel, ConfigDict

from backend.api.deps import AdminCaller, Id, ServicesDep
from backend.api.errors import declared
from backend.api.tool_routes import EitherSlash, by_whom
from backend.auth.people import Caller
from backend.container import Services

router = APIRouter(prefix="/api/mcp/servers", tags=["tools"], route_class=EitherSlash)


class TrafficEntry(BaseModel):
    """`id` and `method` as JSON-RPC has them; an answer has those of its request, and how long it
    took. `failure`: what is no message, or that one did not arrive."""

    number: int
    at: datetime
    direction: Literal["sent", "received"]
    kind: Literal["request", "answer", "notification", "failure"]
    method: str | None
    id: str | None
    text: str
    is_cut: bool
    duration_ms: int | None


class Traffic(BaseModel):
    """Oldest first, the latest 200. Nothing is kept while nobody records."""

    recording_until: datetime | None
    entries: list[TrafficEntry]


class TrafficSwitch(BaseModel):
    """For ten minutes from now; off, what was recorded is gone."""

    model_config = ConfigDict(extra="forbid")
    recording: bool


@router.get("/{server_id}/traffic", responses=declared(401, 403, 404))
async def get_traffic(server_id: Id, caller: AdminCaller, services: ServicesDep) -> Traffic:
    """Of the connection that everybody shares, and of the caller's own account there."""
    return _traffic(services, server_id, caller)


@router.put("/{server_id}/traffic", responses=declared(400, 401, 403, 404, 413))
async def record_traffic(
    server_id: Id,
    body: TrafficSwitch,
    caller: AdminCaller,
    services: ServicesDep,
    request: Request,
) -> Traffic:
    """Secrets are left out; what people say to the server is not, so the log tells of it."""
    await services.tool_servers.record(
        server_id, owner_id=caller.owner_id, by=by_whom(caller, request), on=body.recording
    )
    return _traffic(services, server_id, caller)


def _traffic(services: Services, server_id: str, caller: Caller) -> Traffic:
    services.tool_servers.server(server_id)
    tape = services.tool_servers.traffic.tape(server_id)
    if tape is None:
        return Traffic(recording_until=None, entries=[])
    return Traffic(
        recording_until=tape.until,
        entries=[
            TrafficEntry(
                number=one.number,
                at=one.at,
                direction=one.direction,
                kind=one.kind,
                method=one.method,
                id=one.id,
                text=one.text,
                is_cut=one.is_cut,
                duration_ms=one.duration_ms,
            )
            for one in tape.entries(caller.owner_id)
        ],
    )

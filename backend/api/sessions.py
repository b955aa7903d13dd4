"""Where a person is signed in."""

from datetime import datetime
from typing import Literal

from fastapi import APIRouter, Request
from pydantic import BaseModel

from backend.api.deps import AccountCaller, Id, ServicesDep, origin_of
from backend.api.errors import declared
from backend.api.json_body import JsonRoute

router = APIRouter(prefix="/api/auth/sessions", tags=["accounts"], route_class=JsonRoute)


class SessionEntry(BaseModel):
    """`kind`: a browser's session, or a program's tokens. `current`: the one that asks."""

    id: str
    kind: Literal["session", "token"]
    user_agent: str
    address: str
    created_at: datetime
    last_seen_at: datetime
    expires_at: datetime
    current: bool


class SessionList(BaseModel):
    items: list[SessionEntry]


@router.get("", responses=declared(401, 403))
async def list_sessions(caller: AccountCaller, services: ServicesDep) -> SessionList:
    sessions = await services.accounts.sessions.listed(caller)
    return SessionList(
        items=[
            SessionEntry(
                id=one.id,
                kind=one.kind,
                user_agent=one.user_agent,
                address=one.address,
                created_at=one.created_at,
                last_seen_at=one.last_seen_at,
                expires_at=one.expires_at,
                current=one.id == caller.credential_id,
            )
            for one in sessions
        ]
    )


@router.delete("", status_code=204, responses=declared(401, 403))
async def end_other_sessions(
    caller: AccountCaller, request: Request, services: ServicesDep
) -> None:
    """All but the one that asks."""
    await services.accounts.sessions.end_others(caller, origin=origin_of(request))


@router.delete("/{session_id}", status_code=204, responses=declared(401, 403, 404))
async def end_session(
    session_id: Id, caller: AccountCaller, request: Request, services: ServicesDep
) -> None:
    await services.accounts.sessions.end(caller, session_id, origin=origin_of(request))

"""What happened to accounts, devices and keys."""

from datetime import datetime
from typing import Annotated, Self

from fastapi import APIRouter, Query
from pydantic import BaseModel

from backend.api.deps import AdminCaller, ServicesDep
from backend.api.errors import declared
from backend.auth.audit_store import RecordedEvent

router = APIRouter(tags=["household"])


class AuditItem(BaseModel):
    """`kind` is a word for programs; a page that does not know it shows it as it is."""

    number: int
    at: datetime
    kind: str
    actor: str
    subject: str
    detail: str
    address: str

    @classmethod
    def of(cls, recorded: RecordedEvent) -> Self:
        event = recorded.event
        return cls(
            number=recorded.number,
            at=recorded.at,
            kind=event.kind,
            actor=event.actor,
            subject=event.subject,
            detail=event.detail,
            address=event.address,
        )


class AuditPage(BaseModel):
    items: list[AuditItem]
    next_cursor: str | None


@router.get("/api/audit", responses=declared(401, 403))
async def list_audit_events(
    _: AdminCaller,
    services: ServicesDep,
    limit: Annotated[int, Query(ge=1, le=200)] = 50,
    cursor: Annotated[str | None, Query(max_length=100)] = None,
) -> AuditPage:
    """Newest first. Kept for 400 days."""
    found, next_cursor = await services.audit.page(cursor=cursor, limit=limit)
    return AuditPage(items=[AuditItem.of(one) for one in found], next_cursor=next_cursor)

"""API keys for a person's programs."""

from datetime import datetime
from typing import Annotated, Self

from fastapi import APIRouter, Request
from pydantic import BaseModel, ConfigDict, Field, StringConstraints

from backend.api.deps import AccountCaller, ConsentCaller, Id, ServicesDep, origin_of
from backend.api.errors import declared
from backend.api.json_body import JsonRoute
from backend.auth.key_store import ApiKey
from backend.auth.people import Scope

router = APIRouter(prefix="/api/auth/keys", tags=["accounts"], route_class=JsonRoute)


class KeyRequest(BaseModel):
    model_config = ConfigDict(extra="forbid")
    name: Annotated[str, StringConstraints(strip_whitespace=True, min_length=1, max_length=100)]
    scopes: Annotated[list[Scope], Field(min_length=1, max_length=4)]
    expires_in_days: Annotated[int, Field(ge=1, le=3650)] | None = None


class Key(BaseModel):
    """`hint`: the end of its secret, to tell keys apart."""

    id: str
    name: str
    scopes: list[Scope]
    hint: str
    created_at: datetime
    expires_at: datetime | None
    last_used_at: datetime | None

    @classmethod
    def of(cls, key: ApiKey) -> Self:
        return cls(
            id=key.id,
            name=key.name,
            scopes=list(key.scopes),
            hint=key.hint,
            created_at=key.created_at,
            expires_at=key.expires_at,
            last_used_at=key.last_used_at,
        )


class KeyList(BaseModel):
    items: list[Key]


class NewKey(BaseModel):
    """`secret` is shown this once."""

    key: Key
    secret: str


@router.get("", responses=declared(401, 403))
async def list_keys(caller: AccountCaller, services: ServicesDep) -> KeyList:
    return KeyList(items=[Key.of(key) for key in await services.accounts.keys.listed(caller)])


@router.post("", status_code=201, responses=declared(400, 401, 403, 409, 413))
async def make_key(
    body: KeyRequest, caller: ConsentCaller, request: Request, services: ServicesDep
) -> NewKey:
    key, secret = await services.accounts.keys.make(
        caller, body.name, body.scopes, days=body.expires_in_days, origin=origin_of(request)
    )
    return NewKey(key=Key.of(key), secret=secret)


@router.delete("/{key_id}", status_code=204, responses=declared(401, 403, 404))
async def remove_key(
    key_id: Id, caller: AccountCaller, request: Request, services: ServicesDep
) -> None:
    await services.accounts.keys.remove(caller, key_id, origin=origin_of(request))

"""Programs of others that a person lets in at `/mcp`: what one asks for, yes or no, and which have it."""

from datetime import datetime
from typing import Annotated, Self

from fastapi import APIRouter, Request
from pydantic import BaseModel, ConfigDict, Field

from backend.api.deps import AccountCaller, ConsentCaller, Id, ServicesDep, issuer_of, origin_of
from backend.api.errors import declared
from backend.api.json_body import JsonRoute
from backend.auth.app_grant import Grant
from backend.auth.app_issuer import Issuer, NoIssuerError
from backend.auth.apps import Seen
from backend.auth.people import Scope

router = APIRouter(prefix="/api/auth/apps", tags=["accounts"], route_class=JsonRoute)


class AppLook(BaseModel):
    """`query`: of the page that the program sent the browser to, as it stands there."""

    model_config = ConfigDict(extra="forbid")
    query: Annotated[str, Field(min_length=1, max_length=8000)]


class AppClaims(BaseModel):
    """`name`, `uri`: the program's own words, plain text. `redirect_host`: where the answer goes;
    with `on_device` that is a program on the device that shows the page. `known`: this person has
    let this very program in before, and it still is. `vouched_by`: the host that stands for what
    the program says of itself; null: nobody does."""

    name: str
    uri: str | None
    redirect_host: str
    on_device: bool
    known: bool
    vouched_by: str | None


class AppSeen(BaseModel):
    """`request`: to decide with, once, within ten minutes, in this same session."""

    request: str
    client: AppClaims
    scopes: list[Scope]

    @classmethod
    def of(cls, seen: Seen) -> Self:
        client = seen.client
        return cls(
            request=seen.request,
            client=AppClaims(
                name=client.name,
                uri=client.uri,
                redirect_host=seen.redirect_host,
                on_device=seen.on_device,
                known=seen.known,
                vouched_by=client.vouched_by,
            ),
            scopes=list(seen.scopes),
        )


class AppDecision(BaseModel):
    model_config = ConfigDict(extra="forbid")
    request: Annotated[str, Field(min_length=1, max_length=100)]
    allow: bool


class AppDecided(BaseModel):
    """`redirect`: where the browser goes now, with the answer. It is an address that the program
    named before, https or on this device."""

    redirect: str


class ConnectedApp(BaseModel):
    id: str
    name: str
    uri: str | None
    scopes: list[Scope]
    created_at: datetime
    last_used_at: datetime | None

    @classmethod
    def of(cls, grant: Grant) -> Self:
        return cls(
            id=grant.id,
            name=grant.name,
            uri=grant.uri,
            scopes=list(grant.scopes),
            created_at=grant.created_at,
            last_used_at=grant.last_used_at,
        )


class ConnectedApps(BaseModel):
    items: list[ConnectedApp]


@router.post("/look", responses=declared(400, 401, 403, 404, 413, 429))
async def look_at_app(
    body: AppLook, caller: ConsentCaller, request: Request, services: ServicesDep
) -> AppSeen:
    """What a program asks for, before anything is given. `oauth_request_invalid`: to be read here,
    the browser goes nowhere."""
    issuer = issuer_or_refuse(request)
    return AppSeen.of(await services.programs.apps.look(caller, body.query, issuer))


@router.post("/decide", responses=declared(400, 401, 403, 409, 413))
async def decide_about_app(
    body: AppDecision, caller: ConsentCaller, request: Request, services: ServicesDep
) -> AppDecided:
    redirect = await services.programs.apps.decide(
        caller, body.request, allow=body.allow, origin=origin_of(request)
    )
    return AppDecided(redirect=redirect)


@router.get("", responses=declared(401, 403))
async def list_apps(caller: AccountCaller, services: ServicesDep) -> ConnectedApps:
    found = await services.programs.apps.listed(caller)
    return ConnectedApps(items=[ConnectedApp.of(grant) for grant in found])


@router.delete("/{app_id}", status_code=204, responses=declared(401, 403, 404))
async def remove_app(
    app_id: Id, caller: AccountCaller, request: Request, services: ServicesDep
) -> None:
    """Its tokens are refused from now on."""
    await services.programs.apps.remove(caller, app_id, origin=origin_of(request))


def issuer_or_refuse(request: Request) -> Issuer:
    """Raises NoIssuerError."""
    issuer = issuer_of(request)
    if issuer is None:
        raise NoIssuerError
    return issuer

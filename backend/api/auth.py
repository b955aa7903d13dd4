"""Set-up, sign-in, sign-out, who am I."""

from typing import Annotated

from fastapi import APIRouter, Depends, Request, Response
from pydantic import BaseModel, ConfigDict, Field, StringConstraints

from backend.api.deps import (
    LOOPBACK_COOKIE,
    SECURE_COOKIE,
    AccountCaller,
    ReadCaller,
    ServicesDep,
    origin_of,
    same_origin,
)
from backend.api.errors import declared
from backend.api.json_body import JsonRoute
from backend.auth.people import User
from backend.auth.service import SESSION_LIFE, SignedIn
from backend.kit.version import VERSION

router = APIRouter(prefix="/api/auth", tags=["accounts"], route_class=JsonRoute)

type Username = Annotated[
    str,
    StringConstraints(
        strip_whitespace=True, min_length=1, max_length=64, pattern=r"^[\w][\w.@+\- ]*$"
    ),
]
type Secret = Annotated[str, Field(min_length=1, max_length=256)]
_FORBID = ConfigDict(extra="forbid")


class SetupState(BaseModel):
    required: bool


class Registration(BaseModel):
    model_config = _FORBID
    code: Annotated[str, Field(min_length=1, max_length=100)]
    username: Username
    password: Secret
    display_name: Annotated[str, StringConstraints(strip_whitespace=True, max_length=100)] = ""


class Credentials(BaseModel):
    """Any name may be tried; one that nobody can have is simply not known."""

    model_config = _FORBID
    username: Annotated[str, StringConstraints(strip_whitespace=True, max_length=256)]
    password: Secret


class SignedInUser(BaseModel):
    user: User


class Me(BaseModel):
    """`demo`: only the demo model can answer, so the page says so."""

    user: User
    default_model: str
    demo: bool
    version: str = VERSION


@router.get("/setup")
async def setup(services: ServicesDep) -> SetupState:
    return SetupState(required=await services.auth.needs_setup())


@router.post(
    "/register",
    status_code=201,
    dependencies=[Depends(same_origin)],
    responses=declared(400, 403, 409, 413),
)
async def register(
    body: Registration, request: Request, response: Response, services: ServicesDep
) -> SignedInUser:
    """Make the owner, with the code of the one-time link; only while nobody exists."""
    signed_in = await services.auth.register_owner(
        body.code,
        body.username,
        body.password,
        body.display_name,
        origin=origin_of(request),
    )
    _set_cookie(request, response, signed_in)
    return SignedInUser(user=signed_in.user)


@router.post("/login", dependencies=[Depends(same_origin)], responses=declared(400, 401, 403, 413))
async def login(
    body: Credentials, request: Request, response: Response, services: ServicesDep
) -> SignedInUser:
    signed_in = await services.auth.login(body.username, body.password, origin=origin_of(request))
    _set_cookie(request, response, signed_in)
    return SignedInUser(user=signed_in.user)


@router.post("/logout", status_code=204, responses=declared(401, 403))
async def logout(
    caller: AccountCaller, request: Request, response: Response, services: ServicesDep
) -> None:
    await services.auth.logout(caller)
    response.delete_cookie(_cookie_name(request), secure=_is_secure(request), httponly=True)


@router.get("/me", responses=declared(401))
async def me(caller: ReadCaller, services: ServicesDep) -> Me:
    catalog = services.catalog
    return Me(user=caller.user, default_model=catalog.default_model, demo=catalog.is_demo)


def _set_cookie(request: Request, response: Response, signed_in: SignedIn) -> None:
    response.set_cookie(
        _cookie_name(request),
        signed_in.token,
        max_age=round(SESSION_LIFE.total_seconds()),
        httponly=True,
        secure=_is_secure(request),
        samesite="lax",
        path="/",
    )


def _cookie_name(request: Request) -> str:
    return SECURE_COOKIE if _is_secure(request) else LOOPBACK_COOKIE


def _is_secure(request: Request) -> bool:
    return str(request.scope["scheme"]) == "https"

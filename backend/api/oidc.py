"""Sign-in by way of an identity provider. Browsers come here by link, so every answer is a redirect,
and each goes to one of two fixed places: nothing that a request says becomes an address."""

from datetime import datetime
from typing import Annotated

from fastapi import APIRouter, Depends, Request, Response
from pydantic import BaseModel
from starlette.responses import RedirectResponse

from backend.api import cookies
from backend.api.deps import AccountCaller, Id, ServicesDep, identified, origin_of
from backend.api.errors import declared
from backend.api.journey import Journey, own_address
from backend.api.json_body import JsonRoute
from backend.api.second_factor import PasswordAgain
from backend.auth.callers import NotSignedInError
from backend.auth.oidc import Answer, Begun, OidcSignIn
from backend.auth.people import Caller
from backend.container import Services
from backend.kit.errors import AppError, NotFoundError

router = APIRouter(prefix="/api/auth", tags=["accounts"], route_class=JsonRoute)

_HOME = "/"
_PROBLEM = "/login#problem="
_CALLBACK = "/api/auth/oidc/callback"
_journey = Journey(cookies.OIDC)


class ProviderPage(BaseModel):
    """`url`: of the provider, where the person is asked."""

    url: str


class IdentityBody(BaseModel):
    id: str
    issuer: str
    label: str
    created_at: datetime


class IdentityList(BaseModel):
    items: list[IdentityBody]


@router.get("/oidc/start", status_code=303, response_class=RedirectResponse, responses=declared())
async def oidc_start(request: Request, services: ServicesDep) -> RedirectResponse:
    """To the provider."""
    try:
        begun = await _begin(request, services, link=None)
    except AppError as error:
        return _problem(error)
    answer = RedirectResponse(begun.address, 303)
    _journey.begin(request, answer, begun.browser)
    return answer


@router.post("/oidc/link", responses=declared(400, 401, 403, 404, 413, 429, 502))
async def oidc_link(
    body: PasswordAgain,
    caller: AccountCaller,
    request: Request,
    response: Response,
    services: ServicesDep,
) -> ProviderPage:
    """The page to open. The account of whoever signs in there becomes another way in for the
    caller."""
    await services.auth.confirm_password(caller, body.password, origin=origin_of(request))
    begun = await _begin(request, services, link=caller)
    _journey.begin(request, response, begun.browser)
    return ProviderPage(url=begun.address)


@router.get(
    "/oidc/callback", status_code=303, response_class=RedirectResponse, responses=declared()
)
async def oidc_callback(
    request: Request, given: Annotated[Answer, Depends(_journey)], services: ServicesDep
) -> RedirectResponse:
    """Where the provider sends the browser back to."""
    try:
        oidc = _configured(services)
        signed_in = await oidc.finish(
            given, caller=await _caller(request), origin=origin_of(request)
        )
        answer = RedirectResponse(_HOME, 303)
        if signed_in is not None:
            cookies.set_session(request, answer, signed_in)
    except AppError as problem:
        answer = _problem(problem)
    _journey.end(request, answer)
    return answer


@router.get("/identities", responses=declared(401, 403))
async def identities(caller: AccountCaller, services: ServicesDep) -> IdentityList:
    """The accounts elsewhere that sign this person in here."""
    found = await services.elsewhere.identities.listed(caller)
    return IdentityList(
        items=[
            IdentityBody(id=one.id, issuer=one.issuer, label=one.label, created_at=one.created_at)
            for one in found
        ]
    )


@router.delete("/identities/{identity_id}", status_code=204, responses=declared(401, 403, 404))
async def remove_identity(
    identity_id: Id, caller: AccountCaller, request: Request, services: ServicesDep
) -> None:
    await services.elsewhere.identities.unlink(caller, identity_id, origin=origin_of(request))


async def _begin(request: Request, services: Services, *, link: Caller | None) -> Begun:
    """Raises NotFoundError, OidcFailedError, TooManyAttemptsError."""
    address = own_address(request, services) + _CALLBACK
    return await _configured(services).begin(address, link=link, origin=origin_of(request))


def _configured(services: Services) -> OidcSignIn:
    """Raises NotFoundError."""
    oidc = services.elsewhere.oidc
    if oidc is None:
        raise NotFoundError("No identity provider is set up here.")
    return oidc


async def _caller(request: Request) -> Caller | None:
    try:
        caller = await identified(request)
    except NotSignedInError:
        return None
    return caller if isinstance(caller, Caller) and caller.kind == "session" else None


def _problem(error: AppError) -> RedirectResponse:
    """The code is ours, one of a few."""
    return RedirectResponse(_PROBLEM + error.code, 303)

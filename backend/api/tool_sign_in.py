"""Signing in at tool servers. The browser comes back by link, so that answer is a redirect, to one
fixed place: nothing that a request says becomes an address."""

from typing import Annotated, Any

from fastapi import APIRouter, Depends, Request, Response
from pydantic import BaseModel
from starlette.responses import RedirectResponse

from backend.api import cookies
from backend.api.deps import AccountCaller, Id, ServicesDep, identified
from backend.api.errors import declared
from backend.api.journey import Journey, own_address
from backend.api.tool_routes import EitherSlash
from backend.auth.callers import NotSignedInError
from backend.auth.oidc import Answer
from backend.auth.people import Caller
from backend.container import Services
from backend.kit.errors import AppError, NotFoundError
from backend.toolbox.oauth_accounts import Accounts
from backend.toolbox.oauth_sign_in import (
    CALLBACK_PATH,
    DOCUMENT_PATH,
    Home,
    ToolSignInExpiredError,
)

router = APIRouter(tags=["tools"], route_class=EitherSlash)

_TARGET = "/settings/tools#sign-in="
_DONE = "done"
_journey = Journey(cookies.TOOLS)


class SignInPage(BaseModel):
    url: str
    """Https, or on this machine: where the person is asked."""


class SignedOut(BaseModel):
    revoked: bool | None
    """Whether the server's issuer declared the tokens void; null where it offers no such thing."""


@router.post("/api/mcp/servers/{server_id}/sign-in", responses=declared(401, 403, 404, 409, 502))
async def sign_in_at_tool_server(
    server_id: Id,
    caller: AccountCaller,
    request: Request,
    response: Response,
    services: ServicesDep,
) -> SignInPage:
    """The page to open. What this person then allows is theirs alone."""
    server = services.tool_servers.server(server_id)
    wish = _accounts(services).wish(server, caller.user.id)
    begun = await services.tool_sign_in.begin(wish, _home(request, services))
    _journey.begin(request, response, begun.browser)
    return SignInPage(url=begun.address)


@router.get(CALLBACK_PATH, status_code=303, response_class=RedirectResponse, responses=declared())
async def tool_sign_in_callback(
    request: Request, given: Annotated[Answer, Depends(_journey)], services: ServicesDep
) -> RedirectResponse:
    """Where the authorisation server sends the browser back to."""
    try:
        user_id = await _person(request)
        server_id = await services.tool_sign_in.finish(given, user_id)
        await _accounts(services).signed_in(server_id, user_id)
        answer = RedirectResponse(_TARGET + _DONE, 303)
    except AppError as problem:
        answer = RedirectResponse(_TARGET + problem.code, 303)  # ours, one of a few
    _journey.end(request, answer)
    return answer


@router.delete("/api/mcp/servers/{server_id}/sign-in", responses=declared(401, 403, 404))
async def sign_out_of_tool_server(
    server_id: Id, caller: AccountCaller, services: ServicesDep
) -> SignedOut:
    """The tokens are deleted here and, where the issuer offers that, declared void there."""
    services.tool_servers.server(server_id)
    return SignedOut(revoked=await _accounts(services).sign_out(server_id, caller.user.id))


@router.get(DOCUMENT_PATH, responses=declared())
async def client_document(request: Request, services: ServicesDep) -> dict[str, Any]:
    """Who this Parlor is, for authorisation servers that look it up (its address is its name)."""
    return _home(request, services).document()


def _home(request: Request, services: Services) -> Home:
    is_public = services.settings.edge.public_url is not None
    return Home(own_address(request, services), public=is_public)


def _accounts(services: Services) -> Accounts:
    """Raises NotFoundError."""
    accounts = services.tool_servers.accounts
    if accounts is None:
        raise NotFoundError("Nobody signs in at tool servers here.")
    return accounts


async def _person(request: Request) -> str:
    """Whoever is signed in with this browser. Raises ToolSignInExpiredError."""
    try:
        caller = await identified(request)
    except NotSignedInError:
        raise ToolSignInExpiredError from None
    if not isinstance(caller, Caller) or caller.kind != "session":
        raise ToolSignInExpiredError
    return caller.user.id

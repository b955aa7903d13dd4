"""Who is calling, and with what services."""

from typing import Annotated, cast, override
from urllib.parse import urlsplit

from fastapi import Depends, Path, Request, Response

from backend.api import cookies
from backend.api.edge import LOOPBACK_NAMES, is_from_our_pages
from backend.auth import access
from backend.auth.access import Access
from backend.auth.app_issuer import Issuer
from backend.auth.callers import NotSignedInError, Shown
from backend.auth.ceremony import Site
from backend.auth.people import AnyCaller, Caller, DeviceCaller, Origin
from backend.container import Services
from backend.kit.addresses import parsed, plain_host
from backend.kit.errors import AppError

SAFE_METHODS = frozenset({"GET", "HEAD", "OPTIONS"})


class CrossSiteError(AppError):
    code = "cross_site"
    status = 403


async def services(request: Request) -> Services:
    """Async though it waits for nothing: FastAPI runs plain functions in a thread."""
    return _services(request)


def _services(request: Request) -> Services:
    return cast(Services, request.state.services)


type ServicesDep = Annotated[Services, Depends(services)]


async def same_origin(request: Request) -> None:
    """Refuse a request that another site's page caused (CSRF). Programs send neither header."""
    _check_origin(request)


def _check_origin(request: Request) -> None:
    if request.method in SAFE_METHODS:
        return
    if not is_from_our_pages(request.scope):
        raise CrossSiteError("Requests from other sites are refused.")


def origin_of(request: Request) -> Origin:
    client = request.scope.get("client")
    return Origin(client[0] if client else "", request.headers.get("user-agent", ""))


def site_of(request: Request) -> Site:
    """What the browser shows in its address bar, for passkeys. Never `request.url`: a crafted
    Host header makes it differ from what is served."""
    host = request.headers.get("host", "").lower()
    name = plain_host(host if host.endswith("]") else host.rpartition(":")[0] or host)
    return Site("" if parsed(name) else name, f"{request.scope['scheme']}://{host}")


def issuer_of(request: Request) -> Issuer | None:
    """Who gives tokens for `/mcp` out: the address that the world knows. Without one only programs
    of this machine can be let in; any other name would be a Host header's word."""
    public = _services(request).settings.edge.public_url
    url = site_of(request).origin if public is None else str(public).rstrip("/")
    parts = urlsplit(url)
    is_near = plain_host(parts.hostname or "") in LOOPBACK_NAMES
    return Issuer(url) if is_near or (public and parts.scheme == "https") else None


def set_wall_cookie(request: Request, response: Response, token: str) -> None:
    cookies.set_wall(request, response, token)


async def identified(request: Request) -> AnyCaller:
    """Whoever the request is from, whatever they may do. Raises NotSignedInError."""
    given = request.headers.getlist("authorization")
    if len(given) > 1:  # which one counts would depend on who reads them
        raise NotSignedInError
    session = request.cookies.get(cookies.named(request, cookies.SESSION))
    wall = request.cookies.get(cookies.named(request, cookies.WALL))
    shown = Shown(session, wall, given[0] if given else None)
    found = await _services(request).auth.identify(shown, origin_of(request))
    if found.prolonged:
        name = cookies.WALL if isinstance(found.caller, DeviceCaller) else cookies.SESSION
        if value := request.cookies.get(cookies.named(request, name)):
            cookies.renew(request, name, value)
    return found.caller


class AnyCallerFor:
    """Whoever calls, when they may; a route's own statement of who that is."""

    def __init__(self, access: Access) -> None:
        self.access = access

    async def __call__(self, request: Request) -> AnyCaller:
        _check_origin(request)
        caller = await identified(request)
        self.access.check(caller)
        return caller


class CallerFor(AnyCallerFor):
    """A person, or a program of theirs."""

    @override
    async def __call__(self, request: Request) -> Caller:
        caller = await super().__call__(request)
        if not isinstance(caller, Caller):  # the access lets displays in, the route does not
            raise access.ForbiddenError("A paired display may not do that.")
        return caller


class ProgramFor(CallerFor):
    """A program of a person. It shows itself in a header: a cookie is not looked at."""

    @override
    async def __call__(self, request: Request) -> Caller:
        _check_origin(request)
        issuer = issuer_of(request)
        given = request.headers.getlist("authorization")
        shown = Shown(
            authorization=given[0] if len(given) == 1 else "",
            resource=issuer.resource if issuer else None,
        )
        try:
            found = await _services(request).auth.identify(shown, origin_of(request))
            self.access.check(found.caller)
        except NotSignedInError as error:
            error.challenge = _challenge(issuer, "invalid_token" if given else None)
            raise
        except access.ScopeMissingError as error:
            error.challenge = _challenge(issuer, "insufficient_scope")
            raise
        if not isinstance(found.caller, Caller):
            raise access.ForbiddenError("A paired display may not do that.")
        return found.caller


def _challenge(issuer: Issuer | None, error: str | None) -> str:
    """RFC 6750, 3, and where to read who gives tokens (RFC 9728, 5.1)."""
    parts = [f'error="{error}"'] if error else []
    if issuer is not None:
        parts.append(f'resource_metadata="{issuer.resource_metadata}"')
        parts.append(f'scope="{" ".join(sorted(access.PROGRAM.scopes))}"')
    return "Bearer " + ", ".join(parts) if parts else "Bearer"


class DeviceFor(AnyCallerFor):
    """A paired display."""

    @override
    async def __call__(self, request: Request) -> DeviceCaller:
        caller = await super().__call__(request)
        if not isinstance(caller, DeviceCaller):
            raise access.ForbiddenError("Only a paired display may do that.")
        return caller


type ReadCaller = Annotated[Caller, Depends(CallerFor(access.READ))]
type ChatCaller = Annotated[Caller, Depends(CallerFor(access.CHAT))]
type LiveCaller = Annotated[AnyCaller, Depends(AnyCallerFor(access.LIVE))]
type AccountCaller = Annotated[Caller, Depends(CallerFor(access.ACCOUNT))]
type HouseholdCaller = Annotated[Caller, Depends(CallerFor(access.HOUSEHOLD))]
type AdminCaller = Annotated[Caller, Depends(CallerFor(access.ADMIN))]
type ConsentCaller = Annotated[Caller, Depends(CallerFor(access.CONSENT))]
type WallCaller = Annotated[DeviceCaller, Depends(DeviceFor(access.WALL))]
type ProgramCaller = Annotated[Caller, Depends(ProgramFor(access.PROGRAM))]
"""Of `/mcp`. `caller.has(scope)` tells what it may do there."""
type Id = Annotated[str, Path(min_length=1, max_length=100, pattern=r"^[A-Za-z0-9_.:-]+$")]

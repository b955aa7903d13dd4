"""Who is calling, and with what services."""

import re
from typing import Annotated, cast

from fastapi import Depends, Path, Request

from backend.auth import access
from backend.auth.access import Access
from backend.auth.people import Caller, Origin
from backend.container import Services
from backend.kit.errors import AppError

SAFE_METHODS = frozenset({"GET", "HEAD", "OPTIONS"})
SECURE_COOKIE = "__Host-parlor"
LOOPBACK_COOKIE = "parlor"
"""Plain http is spoken on loopback only; a `__Host-` cookie would need https."""


class CrossSiteError(AppError):
    code = "cross_site"
    status = 403


async def services(request: Request) -> Services:
    """Async though it waits for nothing: FastAPI runs plain functions in a thread."""
    return _services(request)


def _services(request: Request) -> Services:
    return cast(Services, request.state.services)


type ServicesDep = Annotated[Services, Depends(services)]


def session_token(request: Request) -> str | None:
    name = SECURE_COOKIE if request.scope["scheme"] == "https" else LOOPBACK_COOKIE
    return request.cookies.get(name)


async def same_origin(request: Request) -> None:
    """Refuse a request that another site's page caused (CSRF). Programs send neither header."""
    _check_origin(request)


def _check_origin(request: Request) -> None:
    if request.method in SAFE_METHODS:
        return
    site = request.headers.get("sec-fetch-site")
    origin = request.headers.get("origin")
    host = request.headers.get("host", "")
    if site is not None:
        allowed = site in ("same-origin", "none")
    else:
        allowed = origin is None or re.sub(r"^https?://", "", origin) == host
    if not allowed:
        raise CrossSiteError("Requests from other sites are refused.")


def origin_of(request: Request) -> Origin:
    client = request.scope.get("client")
    return Origin(client[0] if client else "", request.headers.get("user-agent", ""))


class CallerFor:
    """Whoever calls, when they may; a route's own statement of who that is."""

    def __init__(self, access: Access) -> None:
        self.access = access

    async def __call__(self, request: Request) -> Caller:
        _check_origin(request)
        caller = await _services(request).auth.caller(session_token(request))
        self.access.check(caller)
        return caller


type ReadCaller = Annotated[Caller, Depends(CallerFor(access.READ))]
type ChatCaller = Annotated[Caller, Depends(CallerFor(access.CHAT))]
type AccountCaller = Annotated[Caller, Depends(CallerFor(access.ACCOUNT))]
type HouseholdCaller = Annotated[Caller, Depends(CallerFor(access.HOUSEHOLD))]
type AdminCaller = Annotated[Caller, Depends(CallerFor(access.ADMIN))]
type Id = Annotated[str, Path(min_length=1, max_length=100, pattern=r"^[A-Za-z0-9_.:-]+$")]

"""Sign-in by way of Cloudflare Access."""

from fastapi import APIRouter, Depends, Request, Response

from backend.api import cookies
from backend.api.auth import SignedInUser
from backend.api.deps import ServicesDep, origin_of, same_origin
from backend.api.edge import FROM_PROXY
from backend.api.errors import declared
from backend.auth.cloudflare_access import AccessInvalidError

router = APIRouter(prefix="/api/auth", tags=["accounts"])

_ASSERTION = "cf-access-jwt-assertion"


@router.post("/access", dependencies=[Depends(same_origin)], responses=declared(401, 403))
async def access_sign_in(
    request: Request, response: Response, services: ServicesDep
) -> SignedInUser:
    """A session for the person whom Access has asked already."""
    access = services.elsewhere.access
    if access is None:
        raise AccessInvalidError
    given = request.headers.getlist(_ASSERTION)
    signed_in = await access.sign_in(
        given[0] if len(given) == 1 else None,
        is_from_proxy=request.scope.get(FROM_PROXY) is True,
        origin=origin_of(request),
    )
    cookies.set_session(request, response, signed_in)
    return SignedInUser(user=signed_in.user)

"""A browser that is sent to another site to sign in there, and comes back by link: the cookie that
it carries, the answer that it brings, the address that it comes back to."""

from typing import Annotated

from fastapi import Query, Request, Response

from backend.api import cookies
from backend.auth.oidc import Answer
from backend.container import Services

type _Word = Annotated[str | None, Query(max_length=2000, pattern=r"^[\x20-\x7E]*$")]


class Journey:
    """`cookie`: its name, which shows at the end that it is the same browser. As a dependency of
    the route that the browser comes back to, the answer."""

    def __init__(self, cookie: str) -> None:
        self._cookie = cookie

    def begin(self, request: Request, response: Response, browser: str) -> None:
        cookies.set_journey(request, response, self._cookie, browser)

    async def __call__(
        self,
        request: Request,
        *,
        state: _Word = None,
        code: _Word = None,
        error: _Word = None,
        iss: _Word = None,
    ) -> Answer:
        carried = request.cookies.get(cookies.named(request, self._cookie))
        return Answer(state, code, error, iss, carried)

    def end(self, request: Request, response: Response) -> None:
        cookies.delete(request, response, self._cookie)


def own_address(request: Request, services: Services) -> str:
    """The one that others know; without it, the name that the browser used, which is one of ours or
    the request would not have come this far."""
    public = services.settings.edge.public_url
    if public is not None:
        return str(public).rstrip("/")
    return f"{request.scope['scheme']}://{request.headers['host']}"

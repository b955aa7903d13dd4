"""The cookies of Parlor. Over https their names keep neighbours on other ports and names out."""

from fastapi import Request, Response

from backend.auth.callers import SESSION_LIFE
from backend.auth.oidc import QUESTION_LIFE
from backend.auth.sessions import SignedIn
from backend.auth.tokens import KNOWN_LIFE

SESSION = "parlor"
WALL = "parlor-wall"
KNOWN = "parlor-known"
OIDC = "parlor-oidc"
TOOLS = "parlor-tools"
_WALL_SECONDS = 400 * 24 * 3600
"""As long as browsers allow; it is set anew every day."""


def is_secure(request: Request) -> bool:
    return str(request.scope["scheme"]) == "https"


def named(request: Request, name: str) -> str:
    """Plain http is spoken on loopback only; a `__Host-` cookie would need https."""
    return f"__Host-{name}" if is_secure(request) else name


def set_session(request: Request, response: Response, signed_in: SignedIn) -> None:
    """Sign this browser in, and remember that it is one of the person's."""
    _set(request, response, SESSION, signed_in.token)
    _set(request, response, KNOWN, signed_in.known)


def clear_session(request: Request, response: Response) -> None:
    """The browser's mark stays: its owner will want to sign in again."""
    delete(request, response, SESSION)
    request.state.cookies = []  # it may have been renewed a moment ago


def set_wall(request: Request, response: Response, token: str) -> None:
    _set(request, response, WALL, token)


def set_journey(request: Request, response: Response, name: str, browser: str) -> None:
    """`name`: `OIDC` or `TOOLS`."""
    _set(request, response, name, browser)


def delete(request: Request, response: Response, name: str) -> None:
    response.delete_cookie(
        named(request, name), secure=is_secure(request), httponly=True, samesite="lax"
    )


def renew(request: Request, name: str, value: str) -> None:
    """Let a cookie that was just sent in last longer. The answer may be a stream that somebody
    else makes, so the header is added on its way out (`security.py`)."""
    response = Response()
    _set(request, response, name, value)
    request.state.cookies = [pair for pair in response.raw_headers if pair[0] == b"set-cookie"]


def _set(request: Request, response: Response, name: str, value: str) -> None:
    response.set_cookie(
        named(request, name),
        value,
        max_age=_SECONDS[name],
        httponly=True,
        secure=is_secure(request),
        samesite="lax",
        path="/",
    )


_SECONDS = {
    SESSION: round(SESSION_LIFE.total_seconds()),
    KNOWN: round(KNOWN_LIFE.total_seconds()),
    WALL: _WALL_SECONDS,
    OIDC: round(QUESTION_LIFE.total_seconds()),
    TOOLS: round(QUESTION_LIFE.total_seconds()),
}

"""What every answer carries, and how large a request may be. Pure ASGI: streams pass untouched."""

import asyncio

from fastapi import HTTPException
from starlette.requests import ClientDisconnect
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from backend.api.edge import Gate
from backend.api.errors import error_response
from backend.api.failures import failed

LARGEST_BODY = 4_000_000
BODY_SECONDS = 60.0
_TOO_LARGE = f"A request may hold {LARGEST_BODY} bytes."
_TOO_SLOW = f"A request has to arrive within {BODY_SECONDS:.0f} seconds."
_HANG_UP = {"Connection": "close"}

PAGE_POLICY = (
    b"default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' blob: data:;"
    b" font-src 'self'; connect-src 'self'; manifest-src 'self'; worker-src 'self';"
    b" media-src 'self' blob:; base-uri 'none'; form-action 'self'; frame-ancestors 'none';"
    b" object-src 'none'; require-trusted-types-for 'script';"
    b" trusted-types svelte-trusted-html"
)
WORKER_POLICY = (
    b"default-src 'none'; script-src 'self'; connect-src 'self'; base-uri 'none';"
    b" frame-ancestors 'none'; require-trusted-types-for 'script'; trusted-types 'none'"
)
"""A worker has a policy of its own, from its own answer: without one it could reach any host."""
DATA_POLICY = b"default-src 'none'; frame-ancestors 'none'; sandbox"
"""For what is no page and no script."""

_ALWAYS = [
    (b"x-content-type-options", b"nosniff"),
    (b"referrer-policy", b"no-referrer"),
    (b"cross-origin-opener-policy", b"same-origin"),
    (b"cross-origin-resource-policy", b"same-origin"),
    (b"permissions-policy", b"camera=(), geolocation=(), microphone=(self), payment=()"),
]
_HTTPS_ONLY = (b"strict-transport-security", b"max-age=31536000")
_DATA = [(b"content-security-policy", DATA_POLICY), (b"cache-control", b"no-store")]


class SecurityHeaders:
    """Outermost, so that the answer to an unexpected failure has them as well, and so has the
    door's refusal: `gate` decides here who goes on, because every further layer costs.

    A stream that fails midway is left unfinished: the server closes the connection.
    """

    def __init__(self, inner: ASGIApp, gate: Gate) -> None:
        self._inner = inner
        self._gate = gate

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self._inner(scope, receive, send)
            return
        refusal = self._gate.admit(scope)
        extra = [*_ALWAYS, _HTTPS_ONLY] if scope["scheme"] == "https" else _ALWAYS

        begun = False

        async def send_with_headers(message: Message) -> None:
            nonlocal begun
            if message["type"] == "http.response.start":
                begun = True
                headers = list(message["headers"])
                present = {name for name, _ in headers}
                message["headers"] = [
                    *headers,
                    *scope.get("state", {}).get("cookies", ()),
                    *extra,
                    *(pair for pair in _DATA if pair[0] not in present),
                ]
            await send(message)

        try:
            await (refusal or self._inner)(scope, receive, send_with_headers)
        except ClientDisconnect:
            pass  # gone, or refused further down, before the request was whole: nobody to answer
        except Exception as error:  # noqa: BLE001  # the top of a request: nobody above can say more
            response = failed(scope, error)
            if not begun:
                await response(scope, receive, send_with_headers)


class BodyLimit:
    """Counts while reading, so that nothing large is ever held, and nothing is waited for without
    an end. Answers 413 and 408."""

    def __init__(self, inner: ASGIApp, seconds: float = BODY_SECONDS) -> None:
        self._inner = inner
        self._seconds = seconds

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http" or scope["method"] in ("GET", "HEAD"):
            await self._inner(scope, receive, send)
            return
        announced = dict(scope["headers"]).get(b"content-length", b"0")
        if not announced.isdigit() or int(announced[:20]) > LARGEST_BODY:
            await error_response(413, "too_large", _TOO_LARGE)(scope, receive, send)
            return
        read = 0
        is_whole = False
        until = asyncio.get_running_loop().time() + self._seconds

        async def receive_counted() -> Message:
            nonlocal read, is_whole
            if is_whole:  # what follows is the end of the connection: whenever that may be
                return await receive()
            try:
                async with asyncio.timeout_at(until):
                    message = await receive()
            except TimeoutError:
                raise HTTPException(408, _TOO_SLOW, _HANG_UP) from None
            is_whole = not message.get("more_body", False)
            read += len(message.get("body", b""))
            if read > LARGEST_BODY:
                # Without an announced length it may never end: hang up.
                raise HTTPException(413, _TOO_LARGE, _HANG_UP)
            return message

        await self._inner(scope, receive_counted, send)

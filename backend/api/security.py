"""What every answer carries, and how large a request may be. Pure ASGI: streams pass untouched."""

from fastapi import HTTPException
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from backend.api.errors import error_response
from backend.api.failures import failed

LARGEST_BODY = 4_000_000
_TOO_LARGE = f"A request may hold {LARGEST_BODY} bytes."

PAGE_POLICY = (
    b"default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' blob: data:;"
    b" font-src 'self'; connect-src 'self'; manifest-src 'self'; worker-src 'self';"
    b" media-src 'self' blob:; base-uri 'none'; form-action 'self'; frame-ancestors 'none';"
    b" object-src 'none'; require-trusted-types-for 'script';"
    b" trusted-types svelte-trusted-html"
)
_DATA_POLICY = b"default-src 'none'; frame-ancestors 'none'; sandbox"

_ALWAYS = [
    (b"x-content-type-options", b"nosniff"),
    (b"referrer-policy", b"no-referrer"),
    (b"cross-origin-opener-policy", b"same-origin"),
    (b"cross-origin-resource-policy", b"same-origin"),
    (b"permissions-policy", b"camera=(), geolocation=(), microphone=(self), payment=()"),
]
_HTTPS_ONLY = (b"strict-transport-security", b"max-age=31536000")
_DATA = [(b"content-security-policy", _DATA_POLICY), (b"cache-control", b"no-store")]


class SecurityHeaders:
    """Outermost, so that the answer to an unexpected failure has them as well.

    A stream that fails midway is left unfinished: the server closes the connection.
    """

    def __init__(self, inner: ASGIApp) -> None:
        self._inner = inner

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self._inner(scope, receive, send)
            return
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
                    *extra,
                    *(pair for pair in _DATA if pair[0] not in present),
                ]
            await send(message)

        try:
            await self._inner(scope, receive, send_with_headers)
        except Exception as error:  # noqa: BLE001  # the top of a request: nobody above can say more
            response = failed(scope, error)
            if not begun:
                await response(scope, receive, send_with_headers)


class BodyLimit:
    """Counts while reading, so that nothing large is ever held. Answers 413."""

    def __init__(self, inner: ASGIApp) -> None:
        self._inner = inner

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http" or scope["method"] in ("GET", "HEAD"):
            await self._inner(scope, receive, send)
            return
        announced = dict(scope["headers"]).get(b"content-length", b"0")
        if not announced.isdigit() or int(announced[:20]) > LARGEST_BODY:
            await error_response(413, "too_large", _TOO_LARGE)(scope, receive, send)
            return
        read = 0

        async def receive_counted() -> Message:
            nonlocal read
            message = await receive()
            if message["type"] == "http.request":
                read += len(message.get("body", b""))
                if read > LARGEST_BODY:
                    # Without an announced length it may never end: hang up.
                    raise HTTPException(413, _TOO_LARGE, {"Connection": "close"})
            return message

        await self._inner(scope, receive_counted, send)

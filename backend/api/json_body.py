"""Request bodies, read strictly: what two parsers could take for different things is refused."""

import json
from collections.abc import AsyncGenerator, Callable, Coroutine
from contextlib import aclosing
from typing import Any, ClassVar, override

from fastapi import HTTPException, Request, Response

from backend.api.deps import identified
from backend.api.late_route import LateRoute
from backend.auth.callers import NotSignedInError

LARGEST_OF_STRANGERS = 64_000
"""FastAPI reads and parses a body before it asks who is calling: what is longer than any sign-in
is taken only from somebody, or everybody could fill the memory and keep the processor busy."""


class JsonRoute(LateRoute):
    """A route whose JSON body has to be plain: UTF-8, no key twice, no NaN, not absurdly deep."""

    largest: ClassVar[int | None] = None
    """Bytes of a body, counted while it is read; None: as many as the server takes."""

    @override
    def get_route_handler(self) -> Callable[[Request], Coroutine[Any, Any, Response]]:
        handle = super().get_route_handler()

        async def handle_strictly(request: Request) -> Response:
            return await handle(_JsonRequest(request, self.largest))

        return handle_strictly


class _JsonRequest(Request):
    def __init__(self, request: Request, largest: int | None) -> None:
        super().__init__(request.scope, request.receive)
        self._largest = largest

    @override
    async def stream(self) -> AsyncGenerator[bytes]:
        read, is_somebodys = 0, False
        async with aclosing(super().stream()) as pieces:
            async for piece in pieces:
                read += len(piece)
                if self._largest is not None and read > self._largest:
                    raise HTTPException(413, f"A request may hold {self._largest} bytes.")
                if read > LARGEST_OF_STRANGERS and not is_somebodys:
                    await self._check_somebody()
                    is_somebodys = True
                yield piece

    async def _check_somebody(self) -> None:
        try:
            await identified(self)
        except NotSignedInError as error:  # FastAPI lets through no other kind from here
            raise HTTPException(error.status, error.detail) from error

    @override
    async def json(self) -> Any:
        try:
            return _parsed((await self.body()).decode())
        except RecursionError as error:
            raise HTTPException(400, "The JSON is nested too deeply.") from error
        except ValueError as error:
            raise HTTPException(400, f"The body is not plain JSON: {error}.") from error


def _parsed(text: str) -> Any:
    value = json.loads(text, object_pairs_hook=_object, parse_constant=_no_number)
    if "\\ud" in text or "\\uD" in text:
        # Half a character, as a cut text may end with, can be neither stored nor sent.
        whole = json.dumps(value, ensure_ascii=False).encode("utf-8", "replace")
        value = json.loads(whole)
    return value


def _object(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    found = dict(pairs)
    if len(found) < len(pairs):
        raise ValueError("a key occurs twice")
    return found


def _no_number(name: str) -> float:
    raise ValueError(f"{name} is not a number")

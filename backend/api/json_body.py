"""Request bodies, read strictly: what two parsers could take for different things is refused."""

import json
from collections.abc import Callable, Coroutine
from typing import Any, override

from fastapi import HTTPException, Request, Response

from backend.api.late_route import LateRoute


class JsonRoute(LateRoute):
    """A route whose JSON body has to be plain: UTF-8, no key twice, no NaN, not absurdly deep."""

    @override
    def get_route_handler(self) -> Callable[[Request], Coroutine[Any, Any, Response]]:
        handle = super().get_route_handler()

        async def handle_strictly(request: Request) -> Response:
            return await handle(_JsonRequest(request.scope, request.receive))

        return handle_strictly


class _JsonRequest(Request):
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

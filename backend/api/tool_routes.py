"""What the routes about tools have in common."""

from typing import Annotated, Any, override

from fastapi import Depends, Request
from pydantic import BeforeValidator, Field
from starlette.routing import Match
from starlette.types import Scope

from backend.api.deps import ChatCaller, ReadCaller, origin_of
from backend.api.json_body import JsonRoute
from backend.auth.members import By
from backend.auth.people import Caller
from backend.toolbox.context import Client, Who

type ToolName = Annotated[str, Field(min_length=1, max_length=300)]
type ServerId = Annotated[str, Field(max_length=100)]


class EitherSlash(JsonRoute):
    @override
    def matches(self, scope: Scope) -> tuple[Match, Scope]:
        path = scope["path"]
        if path.endswith("/"):
            scope = {**scope, "path": path[:-1]}
        return super().matches(scope)


def _surface(name: Any) -> Any:
    return "chat" if name == "svelte" else name


type ClientId = Annotated[Client, BeforeValidator(_surface)]


def who_is(caller: Caller, client: Client = "chat") -> Who:
    return Who(caller.owner_id, client, caller.user.limits.tools)


async def _who_looks(caller: ReadCaller, client: ClientId = "chat") -> Who:
    return who_is(caller, client)


async def _who_asks(caller: ChatCaller) -> Who:
    return who_is(caller)


type WhoLooks = Annotated[Who, Depends(_who_looks)]
"""On the surface that the query names: what there is, is what they want there."""
type WhoAsks = Annotated[Who, Depends(_who_asks)]


def by_whom(caller: Caller, request: Request) -> By:
    """For the log."""
    return By(caller.user.username, origin_of(request).address)

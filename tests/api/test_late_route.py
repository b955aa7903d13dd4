"""A route that is examined where its router is included is no other route."""

from typing import Annotated

import httpx2
import pytest
from fastapi import APIRouter, Depends, FastAPI
from fastapi.openapi.utils import get_openapi
from fastapi.routing import APIRoute
from pydantic import BaseModel

from backend.api.late_route import LateRoute


class Wish(BaseModel):
    text: str


def _number() -> int:
    return 7


async def create(wish: Wish, number: Annotated[int, Depends(_number)], more: int = 0) -> Wish:
    """Comes back."""
    return Wish(text=wish.text * (number + more))


async def look(name: str) -> dict[str, str]:
    return {"name": name}


def router_of(kind: type[APIRoute]) -> APIRouter:
    made = APIRouter(prefix="/wishes", tags=["wishes"], route_class=kind)
    made.post("", status_code=201, responses={409: {"model": Wish}})(create)
    made.get("/{name}", deprecated=True, name="one")(look)
    made.api_route("/{name}/all", methods=["delete"], response_model=None)(look)
    return made


def app_of(kind: type[APIRoute]) -> FastAPI:
    app = FastAPI()
    app.include_router(router_of(kind), prefix="/api")
    return app


def test_it_is_described_as_a_usual_one_is() -> None:
    late, usual = (
        get_openapi(title="x", version="1", routes=app_of(kind).routes)
        for kind in (LateRoute, APIRoute)
    )
    assert late == usual


@pytest.mark.parametrize(
    ("method", "path", "body"),
    [
        ("POST", "/api/wishes?more=1", {"text": "a"}),
        ("POST", "/api/wishes?more=x", {"text": 1}),
        ("GET", "/api/wishes/ben", None),
        ("DELETE", "/api/wishes/ben/all", None),
        ("PATCH", "/api/wishes/ben", None),
        ("GET", "/api/nothing", None),
    ],
)
async def test_it_answers_as_a_usual_one_does(method: str, path: str, body: object) -> None:
    answers = []
    for kind in (LateRoute, APIRoute):
        transport = httpx2.ASGITransport(app_of(kind))
        async with httpx2.AsyncClient(transport=transport, base_url="http://test") as client:
            answer = await client.request(method, path, json=body)
        answers.append((answer.status_code, answer.content, answer.headers.get("allow")))
    assert answers[0] == answers[1]


async def test_it_is_examined_once_where_it_is_included() -> None:
    app = FastAPI()
    router = router_of(LateRoute)
    app.include_router(router)
    transport = httpx2.ASGITransport(app)
    async with httpx2.AsyncClient(transport=transport, base_url="http://test") as client:
        assert (await client.get("/wishes/ben")).json() == {"name": "ben"}
    assert not any("dependant" in vars(route) for route in router.routes)


def test_whoever_asks_for_more_is_told() -> None:
    for late, usual in zip(router_of(LateRoute).routes, router_of(APIRoute).routes, strict=True):
        assert isinstance(late, APIRoute)
        assert isinstance(usual, APIRoute)
        assert late.dependant.call is usual.dependant.call
        assert (late.unique_id, late.path_format) == (usual.unique_id, usual.path_format)
        with pytest.raises(AttributeError):
            late.nothing  # type: ignore[attr-defined]  # noqa: B018

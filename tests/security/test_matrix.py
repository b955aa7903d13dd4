"""A1, A2: every route x everybody who may stand at the door x every way to say who one is.

What a route asks stands in `table.py`, by hand, and is compared with what the route itself says.
"""

from collections.abc import Iterator

import pytest
from fastapi import FastAPI
from fastapi.dependencies.models import Dependant
from fastapi.routing import APIRoute, iter_route_contexts

from backend.api.deps import AdminCaller, AnyCallerFor
from backend.app import create_app
from backend.auth import access
from backend.settings import Settings
from tests.security.cast import CANARY, ROLES, Shown
from tests.security.door import BODIES, Answer, Door
from tests.security.table import ACCESS, ASKS_INSIDE, PAGES, PRIVATE, PUBLIC, RULES, Rule

TOO_LATE = {
    (422, "POST /api/chat/continue"),
    (409, "POST /api/chat/turns/{turn_id}/approvals/{approval_id}"),
    (409, "POST /api/chat/turns/{turn_id}/inputs/{input_id}"),
}
"""Her answer is complete, and her turn has ended."""


def route_access(dependant: Dependant) -> Iterator[str]:
    """The accesses that the dependencies of a route ask for."""
    if isinstance(dependant.call, AnyCallerFor):
        yield dependant.call.access.name
    for inner in dependant.dependencies:
        yield from route_access(inner)


def stated(app: FastAPI) -> dict[str, str]:
    """What the routes of the application themselves say."""
    found = {}
    for context in iter_route_contexts(app.routes):
        route = context.original_route
        assert isinstance(route, APIRoute), f"{context.path} is no HTTP route: extend the matrix"
        asked = sorted(set(route_access(route.dependant))) or [PUBLIC]
        for method in context.methods or ():
            found[f"{method} {context.path}"] = "+".join(asked)
    return found


def test_a1_every_route_asks_what_the_table_says() -> None:
    assert stated(create_app(Settings.defaults())) == ACCESS


def test_a1_every_access_means_what_the_table_says() -> None:
    real = {
        one.name: (one.roles, one.scopes, one.devices, one.kinds)
        for one in vars(access).values()
        if isinstance(one, access.Access)
    }
    assert real == {
        name: (rule.roles, rule.scopes, rule.devices, rule.kinds) for name, rule in RULES.items()
    }


def is_unseen(rule: Rule, shown: Shown) -> bool:
    """A cookie where only programs come; what an app was given for another place."""
    for_programs = "app" in rule.kinds
    return (for_programs and "cookie" in shown.headers) or (
        not for_programs and shown.kind == "app"
    )


def refusal(access_name: str, shown: Shown) -> tuple[int, str] | None:
    """Status and code that are due; None: come in."""
    if access_name == PUBLIC:
        return None
    if not shown.who:
        return 401, "not_signed_in"
    rule = RULES[access_name]
    if is_unseen(rule, shown):
        return 401, "not_signed_in"
    if shown.who == "display":
        return None if rule.devices else (403, "forbidden")
    if ROLES[shown.who] not in rule.roles or shown.kind not in rule.kinds:
        return 403, "forbidden"
    if shown.scopes is not None and not shown.scopes & rule.scopes:
        return 403, "scope_missing"
    return None


def concerns_anna(route: str) -> bool:
    """Whether it is about something that is hers alone."""
    named = f"{route} {BODIES.get(route, '')}"
    return any(f"{{{name}}}" in named for name in PRIVATE)


def is_right(route: str, shown: Shown, answer: Answer, changed: list[str]) -> bool:
    due = refusal(ASKS_INSIDE.get(route, ACCESS[route]), shown)
    private = concerns_anna(route)
    if due is None and private and shown.who != "anna":
        due = 404, "not_found"
    if due:
        silent = not (private and CANARY in answer.body)
        return (answer.status, answer.code) == due and not changed and silent
    if private:
        return answer.status < 300 or (answer.status, route) in TOO_LATE
    refused = answer.status in (403, 404) or answer.code in ("not_signed_in", "scope_missing")
    return answer.status < 500 and not refused


@pytest.mark.parametrize("route", sorted(ACCESS))
async def test_a1_a2_a_route_lets_in_whom_it_should(route: str, door: Door) -> None:
    wrong = []
    for shown in door.cast.shown:
        answer = await door.ask(route, shown)
        changed = door.changed()
        if not is_right(route, shown, answer, changed):
            wrong.append((shown.name, answer.status, answer.code, changed))
    assert wrong == []


PICTURE = "GET /api/uploads/{file_id}/content"
PLAIN = {"GET /metrics": ("text/plain; version=0.0.4",), PICTURE: ("image/gif",)}
"""What Prometheus insists on, and a picture; with nosniff they are nothing else."""
KEPT = {PICTURE: "private, max-age=31536000, immutable"}
"""In the cache of the browser that asked, for as long as it shows the same cookie."""


@pytest.mark.parametrize("route", sorted(ACCESS.keys() - PAGES))
async def test_x6_no_answer_of_a_route_is_a_page_or_kept(route: str, door: Door) -> None:
    """Opened by itself in a browser it can do nothing; with nosniff it stays what it says it is."""
    for shown in door.cast.shown[:12]:  # a stranger, and people in several ways
        headers = (await door.ask(route, shown)).headers
        door.changed()
        kind = headers.get("content-type", "application/json")
        assert kind.startswith(("application/json", "text/event-stream", *PLAIN.get(route, ())))
        assert headers["x-content-type-options"] == "nosniff"
        rules = set(headers["content-security-policy"].split("; "))
        assert rules >= {"default-src 'none'", "frame-ancestors 'none'", "sandbox"}
        kept = KEPT.get(route)
        assert headers["cache-control"].startswith("no-store") or (
            headers["cache-control"] == kept and headers["vary"] == "cookie, authorization"
        )
        assert headers["referrer-policy"] == "no-referrer"
        assert headers["cross-origin-resource-policy"] == "same-origin"
        assert not [name for name in headers if name.startswith("access-control-")]


def test_a1_a_route_without_an_entry_is_found() -> None:
    """The comparison itself: a new route, and one whose access has changed."""
    app = create_app(Settings.defaults())

    @app.get("/api/new")
    async def new(_: AdminCaller) -> None: ...

    @app.get("/api/open")
    async def forgotten() -> None: ...

    assert set(stated(app).items()) - set(ACCESS.items()) == {
        ("GET /api/new", "admin"),
        ("GET /api/open", PUBLIC),
    }

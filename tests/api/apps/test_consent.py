"""O2, O4, O5: what a person sees of a program that wants to be let in, and what their yes is worth."""

from datetime import timedelta
from urllib.parse import parse_qsl, urlsplit

import httpx2
import pytest

from backend.auth.people import User
from backend.container import Services
from tests.api.apps.program import REDIRECT, Program
from tests.api.asking import refused
from tests.api.conftest import Newcomer, sign_in
from tests.conftest import ORIGIN, PASSWORD, USERNAME

INVALID = "oauth_request_invalid"


async def test_the_person_sees_who_asks_for_what_and_where_the_answer_goes(
    program: Program,
) -> None:
    await program.registers(
        client_name="Note\u202ebook\n\x00 <b>of</b>  Parlor",
        client_uri="https://notebook.example/",
        redirect_uris=["https://notebook.example:8443/back"],
        scope="tools admin",
    )
    seen = await program.looks(
        redirect_uri="https://notebook.example:8443/back", scope="tools admin"
    )
    assert seen.status_code == 200, seen.text
    assert seen.json()["client"] == {
        "name": "Notebook <b>of</b> Parlor",
        "uri": "https://notebook.example/",
        "redirect_host": "notebook.example:8443",
        "on_device": False,
        "known": False,
        "vouched_by": None,
    }
    assert seen.json()["scopes"] == ["tools"]


async def test_a_program_on_the_device_is_said_to_be_there(program: Program) -> None:
    client = (await program.looks()).json()["client"]
    assert (client["redirect_host"], client["on_device"]) == ("127.0.0.1:7777", True)


async def test_o4_a_program_that_was_let_in_has_to_ask_again(program: Program) -> None:
    await program.tokens()
    seen = (await program.looks()).json()
    assert seen["client"]["known"]
    assert seen["request"]
    assert len((await program.person.get("/api/auth/apps")).json()["items"]) == 1


async def test_o2_the_answer_names_who_gives_it_and_what_was_asked(program: Program) -> None:
    back = await program.answered(state="s%&= t")
    assert back.keys() == {"code", "state", "iss"}
    assert (back["state"], back["iss"]) == ("s%&= t", ORIGIN)


async def test_a_no_is_told_to_the_program_and_gives_it_nothing(program: Program) -> None:
    seen = (await program.looks()).json()
    redirect = (await program.decides(seen["request"], allow=False)).json()["redirect"]
    back = dict(parse_qsl(urlsplit(redirect).query))
    assert redirect.startswith(f"{REDIRECT}?")
    assert back == {"error": "access_denied", "state": "a state", "iss": ORIGIN}
    assert (await program.person.get("/api/auth/apps")).json() == {"items": []}


async def test_a_redirect_keeps_the_query_it_was_registered_with(program: Program) -> None:
    uri = "https://notebook.example/back?tenant=7"
    await program.registers(redirect_uris=[uri])
    seen = (await program.looks(redirect_uri=uri)).json()
    redirect = (await program.decides(seen["request"])).json()["redirect"]
    assert redirect.startswith(uri + "&")
    assert dict(parse_qsl(urlsplit(redirect).query))["tenant"] == "7"


@pytest.mark.parametrize(
    "changes",
    [
        {"client_id": None},
        {"client_id": "client_unknown"},
        {"client_id": "https://127.0.0.1/me"},
        {"redirect_uri": "https://evil.example/back"},
        {"code_challenge_method": "plain"},
        {"resource": "https://elsewhere.example/mcp"},
    ],
)
async def test_o2_o5_a_request_that_is_wrong_is_told_to_the_person_and_goes_nowhere(
    changes: dict[str, str | None], program: Program
) -> None:
    """All that can be wrong: tests/auth/test_app_requests.py."""
    answer = await program.looks(**changes)
    refused(answer, 400, INVALID)
    assert "location" not in answer.headers


async def test_a_program_on_the_device_may_listen_on_any_port(program: Program) -> None:
    """RFC 8252, 7.3. The code is bound to the port it was asked for with."""
    uri = "http://127.0.0.1:50123/back"
    code = (await program.answered(redirect_uri=uri))["code"]
    assert (await program.exchanges(code)).json()["error"] == "invalid_grant"
    code = (await program.answered(redirect_uri=uri))["code"]
    assert (await program.exchanges(code, redirect_uri=uri)).status_code == 200


async def test_o2_a_question_is_answered_once(program: Program) -> None:
    request = (await program.looks()).json()["request"]
    assert (await program.decides(request, allow=False)).status_code == 200
    refused(await program.decides(request), 400, INVALID)


async def test_o2_a_question_is_answered_in_the_session_that_saw_it(
    program: Program, bob: httpx2.AsyncClient, newcomer: Newcomer
) -> None:
    request = (await program.looks()).json()["request"]
    same_person = await newcomer()
    await sign_in(same_person, USERNAME)
    for other in (bob, same_person):
        program.person, hers = other, program.person
        refused(await program.decides(request), 400, INVALID)
        program.person = hers
        request = (await program.looks()).json()["request"]
    assert (await program.decides(request)).status_code == 200


async def test_a_question_is_kept_for_ten_minutes(program: Program, services: Services) -> None:
    request = (await program.looks()).json()["request"]
    millis = round(timedelta(minutes=10).total_seconds() * 1000)
    statement = f"UPDATE challenges SET expires_at = expires_at - {millis}"  # noqa: S608  # a number
    await services.database.write(lambda c: c.execute(statement))
    refused(await program.decides(request), 400, INVALID)


async def test_o4_only_a_person_in_a_browser_says_yes(program: Program) -> None:
    body = {"username": USERNAME, "password": PASSWORD}
    pair = (await program.http.post("/api/auth/login", json=body)).json()
    key = await program.person.post(
        "/api/auth/keys", json={"name": "all", "scopes": ["chat", "tools", "read", "admin"]}
    )
    app = await program.tokens()
    request = (await program.looks()).json()["request"]
    for path, sent in {
        "/api/auth/apps/look": {"query": program.query()},
        "/api/auth/apps/decide": {"request": request, "allow": True},
    }.items():
        for token, status in {
            pair["access_token"]: 403,
            key.json()["secret"]: 403,
            app["access_token"]: 401,
        }.items():
            headers = {"authorization": f"Bearer {token}"}
            answer = await program.http.post(path, json=sent, headers=headers)
            assert answer.status_code == status
    assert (await program.decides(request)).status_code == 200


async def test_a_child_lets_no_programs_in(
    program: Program, services: Services, newcomer: Newcomer
) -> None:
    await services.auth.add("cleo", PASSWORD, "Cleo", role="child")
    program.person = await newcomer()
    await sign_in(program.person, "cleo")
    refused(await program.looks(), 403, "forbidden")
    refused(await program.decides("a" * 40), 403, "forbidden")
    assert (await program.person.get("/api/auth/apps")).json() == {"items": []}


async def test_nobody_looks_without_end(program: Program) -> None:
    answers = [await program.looks() for _ in range(31)]
    assert {answer.status_code for answer in answers[:-1]} == {200}
    refused(answers[-1], 429, "too_many_attempts")


async def test_what_was_let_in_is_listed_and_taken_back(
    program: Program, services: Services, bob: httpx2.AsyncClient
) -> None:
    pair = await program.tokens()
    assert await program.is_in(pair["access_token"])
    (app,) = (await program.person.get("/api/auth/apps")).json()["items"]
    assert (app["name"], app["uri"], app["scopes"]) == ("Notebook", None, ["chat", "tools"])
    assert app["last_used_at"] is not None

    refused(await bob.delete(f"/api/auth/apps/{app['id']}"), 404, "not_found")
    assert (await bob.get("/api/auth/apps")).json() == {"items": []}
    assert await program.is_in(pair["access_token"])

    assert (await program.person.delete(f"/api/auth/apps/{app['id']}")).status_code == 204
    assert not await program.is_in(pair["access_token"])
    assert (await program.refreshes(pair["refresh_token"])).status_code == 400
    refused(await program.person.delete(f"/api/auth/apps/{app['id']}"), 404, "not_found")
    found, _ = await services.audit.page(cursor=None, limit=2)
    events = [(one.event.kind, one.event.actor, one.event.subject) for one in found]
    assert events == [("app_removed", "anna", "Notebook"), ("app_allowed", "anna", "Notebook")]
    assert found[1].event.detail == "chat tools, by way of 127.0.0.1:7777"


async def test_a_program_that_registered_has_one_grant_of_a_person(program: Program) -> None:
    """It asks anew because it lost what it had."""
    first, second = await program.tokens(), await program.tokens()
    assert len((await program.person.get("/api/auth/apps")).json()["items"]) == 1
    assert not await program.is_in(first["access_token"])
    assert await program.is_in(second["access_token"])


async def test_a_program_is_let_in_by_each_person_for_themselves(
    program: Program, bob: httpx2.AsyncClient
) -> None:
    annas = await program.tokens()
    bobs = await Program(program.http, bob, program.client_id).tokens()
    assert await program.is_in(annas["access_token"])
    assert await program.is_in(bobs["access_token"])


ENDINGS = ["other sessions", "password", "programs", "disabled", "a child now", "reset", "deleted"]


@pytest.mark.parametrize("ending", ENDINGS)
async def test_a2_what_ends_all_that_a_person_signed_in_with_ends_their_apps(
    ending: str,
    program: Program,
    bob: httpx2.AsyncClient,
    services: Services,
    owner: User,
) -> None:
    annas, program.person = program.person, bob
    bobs_id = (await bob.get("/api/auth/me")).json()["user"]["id"]
    body = {"username": "bob", "password": PASSWORD}
    token = (await program.http.post("/api/auth/login", json=body)).json()["access_token"]
    pair = await program.tokens()
    waiting = (await program.answered())["code"]
    assert await program.is_in(pair["access_token"])

    person = f"/api/people/{bobs_id}"
    match ending:
        case "other sessions":
            answer = await bob.delete("/api/auth/sessions")
        case "password":
            change = {"current": PASSWORD, "new": "another good password"}
            answer = await bob.post("/api/auth/password", json=change)
        case "programs":
            headers = {"authorization": f"Bearer {token}"}
            answer = await program.http.post("/api/auth/logout", headers=headers)
        case "disabled":
            answer = await annas.patch(person, json={"disabled": True})
        case "a child now":
            answer = await annas.patch(person, json={"role": "child"})
        case "reset":
            answer = await annas.post(f"{person}/reset", json={"password": "another password"})
        case _:
            answer = await annas.delete(person)
    assert answer.status_code < 300, answer.text

    assert not await program.is_in(pair["access_token"])
    assert (await program.refreshes(pair["refresh_token"])).status_code == 400
    assert (await program.exchanges(waiting)).status_code == 400


async def test_signing_out_of_one_browser_leaves_apps_alone(program: Program) -> None:
    pair = await program.tokens()
    assert (await program.person.post("/api/auth/logout")).status_code == 204
    assert await program.is_in(pair["access_token"])


async def test_a_person_has_no_more_than_fifty_apps(program: Program, services: Services) -> None:
    me = (await program.person.get("/api/auth/me")).json()["user"]["id"]
    row = (
        "INSERT INTO app_grants (id, user_id, client_id, name, scopes, resource, code_hash,"
        " family_hash, refresh_hash, created_at, expires_at)"
        " VALUES (?1, ?2, ?1, 'x', 'chat', 'r', ?1, ?1, ?1, 0, 9000000000000)"
    )
    rows = [(f"app_{number}", me) for number in range(50)]
    await services.database.write(lambda c: c.executemany(row, rows))
    request = (await program.looks()).json()["request"]
    refused(await program.decides(request), 409, "too_many_apps")

"""Set-up, sign-in and sign-out as a browser meets them."""

from http.cookies import Morsel, SimpleCookie
from typing import Any

import httpx2
import pytest
from fastapi import FastAPI

from backend.auth.people import User
from backend.container import Services
from tests.api.asking import refused, stored
from tests.api.conftest import Newcomer, sign_in
from tests.api.test_callers import routes
from tests.conftest import ORIGIN, PASSWORD, USERNAME

ME = "/api/auth/me"
NAME_AND_PASSWORD = {"username": USERNAME, "password": PASSWORD}
CREDENTIALS = NAME_AND_PASSWORD | {"mode": "session"}


async def registration(services: Services, **more: Any) -> dict[str, Any]:
    return {"code": await services.auth.setup_code(), **NAME_AND_PASSWORD, **more}


def cookie(answer: httpx2.Response, name: str = "parlor") -> Morsel[str]:
    """The cookie of that name, with or without its prefix."""
    jar: SimpleCookie = SimpleCookie()
    for line in answer.headers.get_list("set-cookie"):
        jar.load(line)
    (morsel,) = [one for one in jar.values() if one.key.removeprefix("__Host-") == name]
    return morsel


async def test_the_first_visit_is_told_to_set_up_until_it_is_done(
    stranger: httpx2.AsyncClient, services: Services
) -> None:
    assert (await stranger.get("/api/auth/setup")).json()["required"] is True
    body = await registration(services, display_name="  Anna  ")
    made = await stranger.post("/api/auth/register", json=body)
    assert made.status_code == 201
    user = made.json()["user"]
    assert (user["username"], user["display_name"], user["role"]) == (USERNAME, "Anna", "owner")
    assert (await stranger.get("/api/auth/setup")).json() == {
        "required": False,
        "ways": {"password": True, "passkey": False, "oidc": None, "access": False},
    }
    assert (await stranger.get(ME)).json()["user"] == user


async def test_after_the_owner_there_is_no_public_way_to_an_account(
    app: FastAPI, stranger: httpx2.AsyncClient, services: Services
) -> None:
    body = await registration(services)
    await stranger.post("/api/auth/register", json=body)
    stranger.cookies.clear()
    before = await stored(services)
    for again in (body, body | {"username": "eve"}, body | {"code": "guess", "username": "eve"}):
        refused(await stranger.post("/api/auth/register", json=again), 401, "not_signed_in")
    assert await stored(services) == before


async def test_the_owner_makes_further_people_and_nobody_else_does(
    client: httpx2.AsyncClient, bob: httpx2.AsyncClient, services: Services
) -> None:
    mia = {"username": "mia", "password": PASSWORD, "role": "child", "email": "mia@example.org"}
    before = await stored(services)
    refused(await bob.post("/api/auth/register", json=mia), 403, "forbidden")
    for wrong in ({"role": "owner"}, {"email": "no address"}, {"password": "short"}):
        answer = await client.post("/api/auth/register", json=mia | wrong)
        assert answer.status_code == 422
    assert await stored(services) == before
    made = await client.post("/api/auth/register", json=mia)
    assert made.status_code == 201
    assert "set-cookie" not in made.headers
    user = made.json()["user"]
    assert (user["role"], user["email"], user["display_name"]) == (
        "child",
        "mia@example.org",
        "mia",
    )
    refused(await client.post("/api/auth/register", json=mia), 409, "name_taken")
    assert (await client.get(ME)).json()["user"]["username"] == USERNAME


async def test_a_wrong_code_is_refused(stranger: httpx2.AsyncClient, services: Services) -> None:
    body = await registration(services)
    before = await stored(services)
    wrong = body | {"code": "ABCDE-FGHJK-LMNPQ-RSTUV"}
    refused(await stranger.post("/api/auth/register", json=wrong), 403, "setup_code_wrong")
    weak = body | {"password": "1234567"}
    refused(await stranger.post("/api/auth/register", json=weak), 422, "weak_password")
    assert await stored(services) == before


@pytest.mark.parametrize("name", ["", " ", "a\nb", "<b>", "a\0", "x" * 65, "-dash", "a/b"])
async def test_a_strange_name_is_refused(
    name: str, stranger: httpx2.AsyncClient, services: Services
) -> None:
    body = await registration(services, username=name)
    refused(await stranger.post("/api/auth/register", json=body), 422, "invalid_input")


@pytest.mark.parametrize("name", ["anna maria", "Zoë", "anna@example.org", "小明", " anna "])
async def test_an_ordinary_name_is_taken_and_signs_in(
    name: str, stranger: httpx2.AsyncClient, services: Services
) -> None:
    body = await registration(services, username=name)
    assert (await stranger.post("/api/auth/register", json=body)).status_code == 201
    await sign_in(stranger, name)


@pytest.mark.parametrize(
    "wrong",
    [
        {"password": "wrong"},
        {"username": "nobody"},
        {"username": "!"},
        {"username": ""},
        {"username": "a\0b"},
    ],
)
async def test_wrong_credentials_are_refused_without_a_cookie(
    wrong: dict[str, str], stranger: httpx2.AsyncClient, owner: User
) -> None:
    answer = await stranger.post("/api/auth/login", json=CREDENTIALS | wrong)
    refused(answer, 401, "wrong_credentials")
    assert "set-cookie" not in answer.headers


async def test_on_loopback_the_cookie_is_for_this_server_and_no_script(
    stranger: httpx2.AsyncClient, owner: User
) -> None:
    morsel = cookie(await stranger.post("/api/auth/login", json=CREDENTIALS))
    assert morsel.key == "parlor"
    assert (morsel["httponly"], morsel["secure"]) == (True, "")
    assert (morsel["samesite"], morsel["path"], morsel["domain"]) == ("lax", "/", "")
    assert 29 * 86400 < int(morsel["max-age"]) <= 30 * 86400


async def test_over_tls_the_cookie_is_bound_to_the_host(newcomer: Newcomer, owner: User) -> None:
    browser = await newcomer()
    browser.base_url = httpx2.URL("https://parlor.example")
    morsel = cookie(await browser.post("/api/auth/login", json=CREDENTIALS))
    assert morsel.key == "__Host-parlor"
    assert (morsel["httponly"], morsel["secure"]) == (True, True)
    assert (morsel["samesite"], morsel["path"], morsel["domain"]) == ("lax", "/", "")
    assert (await browser.get(ME)).status_code == 200
    gone = cookie(await browser.post("/api/auth/logout"))
    assert (gone.key, gone["max-age"], gone["secure"], gone["path"]) == (
        "__Host-parlor",
        "0",
        True,
        "/",
    )
    refused(await browser.get(ME), 401, "not_signed_in")


async def test_over_tls_the_cookie_that_any_neighbour_can_set_is_ignored(
    newcomer: Newcomer, client: httpx2.AsyncClient
) -> None:
    browser = await newcomer()
    browser.base_url = httpx2.URL("https://parlor.example")
    token = client.cookies["parlor"]
    headers = {"cookie": f"parlor={token}"}
    refused(await browser.get(ME, headers=headers), 401, "not_signed_in")


async def test_signing_out_ends_the_session_at_once_and_for_every_copy(
    client: httpx2.AsyncClient, newcomer: Newcomer
) -> None:
    thief, token = await newcomer(), client.cookies["parlor"]
    headers = {"cookie": f"parlor={token}"}
    assert (await thief.get(ME, headers=headers)).status_code == 200
    answer = await client.post("/api/auth/logout")
    assert (answer.status_code, cookie(answer)["max-age"]) == (204, "0")
    refused(await thief.get(ME, headers=headers), 401, "not_signed_in")


async def test_a_session_is_new_at_every_sign_in(client: httpx2.AsyncClient) -> None:
    before = client.cookies["parlor"]
    await sign_in(client, USERNAME)
    assert client.cookies["parlor"] != before


async def test_no_answer_holds_the_password_or_its_hash(
    client: httpx2.AsyncClient, owner: User
) -> None:
    text = (await client.get(ME)).text
    assert "argon2" not in text
    assert PASSWORD not in text
    short = await client.post("/api/auth/login", json={"username": USERNAME, "password": 7})
    assert "7" not in refused(short, 422, "invalid_input")


FOREIGN: dict[str, dict[str, str]] = {
    "another site": {"sec-fetch-site": "cross-site"},
    "a sibling of the site": {"sec-fetch-site": "same-site"},
    "a browser that sends an origin only": {"origin": "https://evil.example"},
    "a sandboxed page": {"origin": "null"},
    "another port": {"origin": "http://127.0.0.1:8001"},
    "a longer name": {"origin": f"{ORIGIN}.evil.example"},
    "a name before": {"origin": ORIGIN.replace("//", "//evil.example@")},
    "both, one of them good": {"origin": ORIGIN, "sec-fetch-site": "cross-site"},
    "another protocol": {"origin": ORIGIN.replace("http", "file")},
    "an empty origin": {"origin": ""},
}


@pytest.mark.parametrize("name", FOREIGN)
async def test_a_page_of_another_site_can_change_nothing(
    name: str, app: FastAPI, client: httpx2.AsyncClient, services: Services
) -> None:
    before = await stored(services)
    unsafe = [(method, path) for method, path in routes(app) if method != "GET"]
    assert len(unsafe) >= 10
    for method, path in unsafe:
        target = path.replace("{", "").replace("}", "")
        answer = await client.request(method, target, headers=FOREIGN[name])
        refused(answer, 403, "cross_site")
    assert await stored(services) == before


async def test_a_page_of_another_site_cannot_sign_in_or_register(
    stranger: httpx2.AsyncClient, services: Services
) -> None:
    body = await registration(services)
    headers = FOREIGN["another site"]
    for path, sent in (("register", body), ("login", CREDENTIALS)):
        answer = await stranger.post(f"/api/auth/{path}", json=sent, headers=headers)
        refused(answer, 403, "cross_site")
        assert "set-cookie" not in answer.headers
    assert await services.auth.people() == []


@pytest.mark.parametrize(
    "headers",
    [
        {},
        {"sec-fetch-site": "same-origin", "origin": ORIGIN},
        {"origin": ORIGIN},
        {"sec-fetch-site": "none"},
    ],
)
async def test_the_own_page_and_programs_are_let_through(
    headers: dict[str, str], client: httpx2.AsyncClient
) -> None:
    made = await client.post("/api/conversations", json={"title": "mine"}, headers=headers)
    assert made.status_code == 201


async def test_no_other_site_may_read_answers(client: httpx2.AsyncClient) -> None:
    answer = await client.get(ME, headers={"origin": "https://evil.example"})
    assert not [name for name in answer.headers if name.startswith("access-control-")]
    assert answer.headers["cross-origin-resource-policy"] == "same-origin"

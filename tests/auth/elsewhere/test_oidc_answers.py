"""O2, O3, O5: whose answer it is, and where it leads."""

import json
from urllib.parse import parse_qs, urlencode, urlsplit

import httpx2
import pytest

from backend.auth.limiter import QUESTIONS
from tests.api.asking import refused
from tests.auth.elsewhere.conftest import Open
from tests.auth.elsewhere.house import (
    CALLBACK,
    LINK,
    START,
    House,
    begin,
    begin_link,
    problem,
    sign_in,
    went_home,
    who,
)
from tests.conftest import ORIGIN, PASSWORD
from tests.fakes.clock import StillClock
from tests.fakes.identity_provider import IdentityProvider
from tests.fakes.site import FakeSite, Reply


async def test_o2_the_answer_counts_once(
    house: House, browser: httpx2.AsyncClient, idp: IdentityProvider
) -> None:
    await house.person("bob", "bob@home.example")
    idp.claims = {"email": "bob@home.example", "email_verified": True}
    back = idp.consent(await begin(browser))
    cookie = browser.cookies["parlor-oidc"]
    went_home(await browser.get(back))
    browser.cookies.clear()
    browser.cookies.set("parlor-oidc", cookie)
    problem(await browser.get(back), "oidc_expired")
    # A code that was used already: the provider says no, and so do we.
    code = parse_qs(urlsplit(back).query)["code"][0]
    again = parse_qs(urlsplit(idp.consent(await begin(browser))).query)
    query = urlencode({"code": code, "state": again["state"][0], "iss": idp.issuer})
    problem(await browser.get(f"{CALLBACK}?{query}"), "oidc_failed")


async def test_o2_only_the_browser_that_asked_may_bring_the_answer(
    house: House, browser: httpx2.AsyncClient, idp: IdentityProvider
) -> None:
    await house.person("bob", "bob@home.example")
    idp.claims = {"email": "bob@home.example", "email_verified": True}
    victim = await house.browser()
    back = idp.consent(await begin(browser))
    problem(await victim.get(back), "oidc_expired")
    await begin(victim)  # with a question of its own it is another browser all the same
    problem(await victim.get(idp.consent(await begin(browser))), "oidc_expired")
    assert await who(victim) is None


async def test_o2_an_answer_that_comes_late_is_too_late(
    house: House, browser: httpx2.AsyncClient, idp: IdentityProvider, clock: StillClock
) -> None:
    back = idp.consent(await begin(browser))
    clock.forward(seconds=601)
    problem(await browser.get(back), "oidc_expired")


@pytest.mark.parametrize(
    "query",
    ["", "?code=x", "?state=x", "?code=x&state=y", "?code=x&state=", "?error=access_denied"],
)
async def test_o2_answers_without_a_question_are_refused(
    query: str, browser: httpx2.AsyncClient
) -> None:
    problem(await browser.get(CALLBACK + query), "oidc_expired")


async def test_a_no_is_a_no(browser: httpx2.AsyncClient, idp: IdentityProvider) -> None:
    state = parse_qs(urlsplit(await begin(browser)).query)["state"][0]
    query = {
        "error": "access_denied",
        "error_description": "<script>",
        "state": state,
        "iss": idp.issuer,
    }
    problem(await browser.get(CALLBACK, params=query), "oidc_denied")


@pytest.mark.parametrize("issuer", ["https://evil.example", "", None])
async def test_o2_an_answer_of_another_issuer_is_refused(
    issuer: str | None, house: House, browser: httpx2.AsyncClient, idp: IdentityProvider
) -> None:
    await house.person("bob", "bob@home.example")
    idp.claims = {"email": "bob@home.example", "email_verified": True}
    idp.callback_issuer = issuer
    problem(await sign_in(browser, idp), "oidc_failed")
    assert idp.times("/token") == 0  # the code is not handed to anybody
    if issuer is None:
        idp.metadata = {"authorization_response_iss_parameter_supported": False}
        clock = idp.clock
        clock.forward(hours=2)  # its description is read again
        went_home(await sign_in(browser, idp))


async def test_o2_the_code_is_worth_nothing_without_the_verifier(
    browser: httpx2.AsyncClient, idp: IdentityProvider
) -> None:
    """PKCE: each try has a verifier of its own, which the provider checks."""
    first, second = await begin(browser), await begin(browser)
    challenges = {parse_qs(urlsplit(one).query)["code_challenge"][0] for one in (first, second)}
    assert len(challenges) == 2
    code = parse_qs(urlsplit(idp.consent(first)).query)["code"][0]
    state = parse_qs(urlsplit(second).query)["state"][0]
    query = {"code": code, "state": state, "iss": idp.issuer}
    problem(await browser.get(CALLBACK, params=query), "oidc_failed")
    assert idp.times("/token") == 1


async def test_o2_what_is_kept_of_a_question_opens_nothing(
    house: House, browser: httpx2.AsyncClient
) -> None:
    state = parse_qs(urlsplit(await begin(browser)).query)["state"][0]
    cookie = browser.cookies["parlor-oidc"]
    rows = await house.services.database.read(
        lambda c: json.dumps([list(row) for row in c.execute("SELECT * FROM challenges")])
    )
    assert state not in rows
    assert cookie not in rows


async def test_questions_do_not_pile_up(
    house: House, browser: httpx2.AsyncClient, clock: StillClock
) -> None:
    for _ in range(5):
        await begin(browser)
    assert await house.stored("challenges") == 5
    clock.forward(seconds=601)
    await begin(browser)
    assert await house.stored("challenges") == 1


async def test_o2_another_sites_page_cannot_link_an_account(
    house: House, browser: httpx2.AsyncClient, idp: IdentityProvider
) -> None:
    body = {"username": "anna", "password": PASSWORD, "mode": "session"}
    await browser.post("/api/auth/login", json=body)
    given = {"password": PASSWORD}
    for site in ("cross-site", "same-site"):
        answer = await browser.post(LINK, json=given, headers={"sec-fetch-site": site})
        refused(answer, 403, "cross_site")
    refused(await (await house.browser()).post(LINK, json=given), 401, "not_signed_in")
    # Begun as one person, ended as another: nobody is linked.
    await house.person("bob")
    back = idp.consent(await begin_link(browser))
    await browser.post("/api/auth/login", json={**body, "username": "bob"})
    assert (await browser.get(back)).headers["location"] == "/login#problem=oidc_expired"
    assert await house.stored("identities") == 0


async def test_a_stolen_session_alone_cannot_link_an_account_of_the_thief(
    house: House, browser: httpx2.AsyncClient, idp: IdentityProvider
) -> None:
    """It would outlive the session, a new password and the second factor."""
    body = {"username": "anna", "password": PASSWORD, "mode": "session"}
    await browser.post("/api/auth/login", json=body)
    refused(await browser.post(LINK, json={"password": "a guess"}), 401, "wrong_credentials")
    refused(await browser.post(LINK, json={}), 422, "invalid_input")
    # Nor by asking for a plain sign-in: that makes nobody of here.
    answer = await browser.get(START, params={"link": "1"})
    problem(await browser.get(idp.consent(answer.headers["location"])), "oidc_unknown")
    assert await house.stored("identities") == 0


async def test_one_place_cannot_push_out_the_questions_of_others(
    house: House, browser: httpx2.AsyncClient
) -> None:
    for _ in range(QUESTIONS.failures):
        await begin(browser)
    problem(await browser.get(START), "too_many_attempts")
    assert await house.stored("challenges") == QUESTIONS.failures


async def test_o3_no_cookie_and_no_header_of_a_person_reaches_the_provider(
    house: House, browser: httpx2.AsyncClient, idp: IdentityProvider
) -> None:
    browser.cookies.set("kestrel", "kestrel")
    headers = {
        "X-Forwarded-For": "6.6.6.6",
        "User-Agent": "kestrel",
        "Referer": f"{ORIGIN}/kestrel",
    }
    back = idp.consent((await browser.get(START, headers=headers)).headers["location"])
    await browser.get(back, headers=headers)
    assert idp.times("/token") == 1
    assert "kestrel" not in str([asked.headers for asked in idp.asked])
    assert "6.6.6.6" not in str(idp.asked)
    assert all("cookie" not in asked.headers for asked in idp.asked)


async def test_o3_the_secret_and_the_code_do_not_follow_a_redirect(
    house: House, browser: httpx2.AsyncClient, idp: IdentityProvider
) -> None:
    async with FakeSite(lambda _: Reply()) as elsewhere:
        for status in (302, 307, 308):
            idp.token_reply = Reply(status, headers={"Location": f"{elsewhere.url}/token"})
            problem(await sign_in(browser, idp), "oidc_failed")
        assert elsewhere.connections == 0


@pytest.mark.parametrize(
    "name",
    [
        "next",
        "redirect_uri",
        "returnTo",
        "return_to",
        "url",
        "continue",
        "RelayState",
        "iss",
        "error",
        "state",
    ],
)
async def test_o5_nothing_that_a_request_says_becomes_an_address(
    name: str, browser: httpx2.AsyncClient, idp: IdentityProvider
) -> None:
    for target in (
        "https://evil.example", "//evil.example", "/\\evil.example", "\\\\evil.example", "///evil.example",
        "https:evil.example", "/%2f/evil.example", "javascript:alert(1)", "@evil.example", "/@evil.example",
        "https://127.0.0.1@evil.example", "https://\u0435vil.example", "//evil%E3%80%82example", "\t//evil.example",
        "%0d%0aLocation: https://evil.example", "data:text/html,x", ".evil.example", "/../..//evil.example",
    ):  # fmt: skip
        for headers in (
            {},
            {"X-Forwarded-Host": "evil.example", "Referer": "https://evil.example/"},
        ):
            begun = await browser.get(START, params={name: target}, headers=headers)
            there = urlsplit(begun.headers["location"])
            assert f"{there.scheme}://{there.netloc}" == idp.issuer
            asked = parse_qs(there.query)
            assert asked["redirect_uri"] == [ORIGIN + CALLBACK]
            ended = await browser.get(CALLBACK, params={name: target}, headers=headers)
            if ended.status_code == 422:  # no words that this protocol has
                assert "location" not in ended.headers
            else:
                problem(ended, "oidc_expired")
            assert "evil" not in str(ended.headers)
    for path in ("/login", "/", "/setup"):
        answer = await browser.get(path, params={name: "https://evil.example"})
        assert answer.status_code == 200
        assert "location" not in answer.headers


@pytest.mark.parametrize(
    ("base", "edge", "callback"),
    [
        ("http://127.0.0.1:8000", {}, "http://127.0.0.1:8000"),
        ("https://127.0.0.1", {}, "https://127.0.0.1"),
        ("https://kitchen.lan:8443", {"hosts": "kitchen.lan"}, "https://kitchen.lan:8443"),
        ("http://127.0.0.1:8000", {"public_url": "https://home.example/"}, "https://home.example"),
    ],
)
async def test_o2_the_address_to_come_back_to_is_one_of_ours(
    base: str, edge: dict[str, str], callback: str, opened: Open
) -> None:
    house = await opened(edge=edge)
    there = await begin(await house.browser(base))
    assert parse_qs(urlsplit(there).query)["redirect_uri"] == [callback + CALLBACK]


async def test_o9_the_browsers_mark_is_a_host_cookie_that_goes_when_it_was_used(
    opened: Open,
) -> None:
    house = await opened(edge={"hosts": "home.example"})
    browser = await house.browser("https://home.example")
    begun = await browser.get(START)
    (cookie,) = begun.headers.get_list("set-cookie")
    assert cookie.startswith("__Host-parlor-oidc=")
    for part in ("HttpOnly", "Secure", "SameSite=lax", "Path=/", "Max-Age=600"):
        assert part.lower() in cookie.lower()
    ended = await browser.get(CALLBACK)
    (cleared,) = ended.headers.get_list("set-cookie")
    assert cleared.startswith('__Host-parlor-oidc=""')
    assert "Max-Age=0" in cleared

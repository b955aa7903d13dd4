"""O6: Cloudflare Access signs somebody in when its token came through the proxy and its team signed it."""

import json
from collections.abc import AsyncGenerator
from typing import Any

import httpx2
import pytest

from backend.auth.cloudflare_access import CERTIFICATES
from backend.auth.elsewhere import AccessOptions, build_elsewhere
from backend.container import Services
from backend.kit.addresses import Openings
from backend.kit.outbound import Outbound
from backend.settings.edge import AccessSettings
from tests.api.asking import refused
from tests.auth.elsewhere.conftest import Open
from tests.auth.elsewhere.house import House, who
from tests.conftest import PASSWORD
from tests.fakes.clock import StillClock
from tests.fakes.identity_provider import SigningKey, signed_with_the_public_key, unsigned
from tests.fakes.site import Asked, FakeSite, Reply

TEAM, AUDIENCE = "https://home.cloudflareaccess.com", "audience-tag-of-parlor"
PATH, HEADER = "/api/auth/access", "Cf-Access-Jwt-Assertion"
KEY = SigningKey.rsa("team")


class Team:
    """What the team publishes."""

    def __init__(self) -> None:
        self.keys = [KEY]

    def __call__(self, asked: Asked) -> Reply:
        assert asked.path == CERTIFICATES
        body = {"keys": [key.published() for key in self.keys], "public_cert": {}}
        return Reply(body=json.dumps(body).encode())


@pytest.fixture
async def team() -> AsyncGenerator[FakeSite]:
    async with FakeSite(Team()) as site:
        yield site


@pytest.fixture
async def house(opened: Open, team: FakeSite, clock: StillClock) -> AsyncGenerator[House]:
    """Behind a proxy on loopback."""
    house = await opened(edge={"trusted_proxies": "127.0.0.1", "hosts": "home.example"})
    services = house.services
    outbound = Outbound(Openings.of([team.place]))
    elsewhere = build_elsewhere(
        services.database,
        clock,
        services.accounts,
        outbound,
        oidc=None,
        access=AccessOptions(TEAM, AUDIENCE, team.url + CERTIFICATES),
    )
    changed: dict[str, Any] = {
        name: getattr(services, name) for name in Services.__dataclass_fields__
    }
    house.services = Services(**(changed | {"elsewhere": elsewhere}))
    await house.person("bob", "bob@home.example")
    yield house
    await outbound.aclose()


@pytest.fixture
async def browser(house: House) -> httpx2.AsyncClient:
    client = await house.browser("http://home.example")
    client.headers["X-Forwarded-Proto"] = "https"
    client.headers["X-Forwarded-For"] = "203.0.113.7"
    return client


def claims(clock: StillClock, **more: Any) -> dict[str, Any]:
    now = int(clock.now().timestamp())
    given = {
        "iss": TEAM,
        "aud": [AUDIENCE],
        "email": "bob@home.example",
        "type": "app",
        "iat": now,
        "nbf": now,
        "exp": now + 300,
        "sub": "subject",
        **more,
    }
    return {name: value for name, value in given.items() if value is not None}


async def ask(browser: httpx2.AsyncClient, token: str | None) -> httpx2.Response:
    return await browser.post(PATH, headers={} if token is None else {HEADER: token})


async def test_somebody_whom_access_has_asked_is_signed_in(
    browser: httpx2.AsyncClient, house: House, clock: StillClock
) -> None:
    answer = await ask(browser, KEY.sign(claims(clock)))
    assert (answer.status_code, answer.json()["user"]["username"]) == (200, "bob")
    cookies = answer.headers.get_list("set-cookie")
    assert any(cookie.startswith("__Host-parlor=") for cookie in cookies)
    assert all("secure" in cookie.lower() and "httponly" in cookie.lower() for cookie in cookies)
    sessions = await house.services.database.read(
        lambda c: [row["address"] for row in c.execute("SELECT address FROM sessions")]
    )
    assert sessions == ["203.0.113.7"]


WRONG: dict[str, dict[str, Any]] = {
    "another application": {"aud": ["another-audience"]},
    "no application": {"aud": None},
    "another team": {"iss": "https://evil.cloudflareaccess.com"},
    "no team": {"iss": None},
    "a stranger": {"email": "eve@home.example"},
    "nobody": {"email": None},
    "an empty address": {"email": ""},
    "a list": {"email": ["bob@home.example"]},
    "no end": {"exp": None},
}


@pytest.mark.parametrize("name", WRONG)
async def test_o6_a_token_for_something_else_is_refused(
    name: str, browser: httpx2.AsyncClient, clock: StillClock
) -> None:
    answer = await ask(browser, KEY.sign(claims(clock, **WRONG[name])))
    refused(answer, 401, "access_invalid")
    assert "set-cookie" not in answer.headers


async def test_o6_an_old_token_is_refused(browser: httpx2.AsyncClient, clock: StillClock) -> None:
    token = KEY.sign(claims(clock))
    clock.forward(seconds=359)
    assert (await ask(browser, token)).status_code == 200
    clock.forward(seconds=2)
    refused(await ask(browser, token), 401, "access_invalid")


async def test_o6_a_signature_that_is_not_the_teams_is_refused(
    browser: httpx2.AsyncClient, clock: StillClock
) -> None:
    other = SigningKey.rsa("team")
    curve = SigningKey.ec("team")
    whole = KEY.sign(claims(clock))
    for token in (
        other.sign(claims(clock)),
        curve.sign(claims(clock)),
        unsigned(claims(clock)),
        signed_with_the_public_key(KEY, claims(clock)),
        whole[:-5],
        whole.rsplit(".", 1)[0] + ".",
        "",
        "x",
        "bob@home.example",
    ):
        refused(await ask(browser, token), 401, "access_invalid")


async def test_o6_headers_alone_are_worth_nothing(browser: httpx2.AsyncClient) -> None:
    spoofed = {
        "Cf-Access-Authenticated-User-Email": "bob@home.example",
        "X-Forwarded-Email": "bob@home.example",
        "X-Forwarded-User": "bob",
        "Remote-User": "bob",
    }
    refused(await browser.post(PATH, headers=spoofed), 401, "access_invalid")
    refused(await browser.get("/api/auth/me", headers=spoofed), 401, "not_signed_in")


async def test_o6_past_the_proxy_the_same_token_is_worth_nothing(
    opened: Open, house: House, clock: StillClock
) -> None:
    """From the LAN: the connection does not come from the proxy, whatever its headers say."""
    token = KEY.sign(claims(clock))
    elsewhere = house.services.elsewhere.access
    assert elsewhere is not None
    edge = house.services.settings.edge.model_copy(update={"trusted_proxies": ()})
    settings = house.services.settings.model_copy(update={"edge": edge})
    direct = House(_with(house.services, settings), house._stack)
    visitor = await direct.browser("http://home.example")
    for headers in (
        {},
        {"X-Forwarded-For": "127.0.0.1"},
        {"X-Forwarded-For": "127.0.0.1", "X-Forwarded-Proto": "https"},
    ):
        answer = await visitor.post(PATH, headers={HEADER: token, **headers})
        refused(answer, 401, "access_invalid")


def _with(services: Services, settings: Any) -> Services:
    fields = {name: getattr(services, name) for name in Services.__dataclass_fields__}
    return Services(**(fields | {"settings": settings}))


async def test_o6_two_tokens_are_none(browser: httpx2.AsyncClient, clock: StillClock) -> None:
    token = KEY.sign(claims(clock))
    answer = await browser.post(PATH, headers=[(HEADER, token), (HEADER, token)])
    refused(answer, 401, "access_invalid")


async def test_somebody_disabled_is_refused(
    browser: httpx2.AsyncClient, house: House, clock: StillClock
) -> None:
    owner = await house.browser("http://127.0.0.1:8000")
    body = {"username": "anna", "password": PASSWORD, "mode": "session"}
    assert (await owner.post("/api/auth/login", json=body)).status_code == 200
    people = (await owner.get("/api/people")).json()["items"]
    bob = next(one["id"] for one in people if one["username"] == "bob")
    assert (await owner.patch(f"/api/people/{bob}", json={"disabled": True})).status_code == 200
    answer = await ask(browser, KEY.sign(claims(clock)))
    assert answer.status_code == 401
    assert "set-cookie" not in answer.headers


async def test_another_sites_page_cannot_sign_somebody_in(
    browser: httpx2.AsyncClient, clock: StillClock
) -> None:
    headers = {HEADER: KEY.sign(claims(clock)), "sec-fetch-site": "cross-site"}
    refused(await browser.post(PATH, headers=headers), 403, "cross_site")


async def test_the_teams_new_key_is_found(
    browser: httpx2.AsyncClient, team: FakeSite, clock: StillClock
) -> None:
    assert (await ask(browser, KEY.sign(claims(clock)))).status_code == 200
    fresh = SigningKey.rsa("fresh")
    team._answer.keys.append(fresh)  # type: ignore[attr-defined]  # see `team`
    refused(await ask(browser, fresh.sign(claims(clock))), 401, "access_invalid")
    clock.forward(seconds=61)
    assert (await ask(browser, fresh.sign(claims(clock)))).status_code == 200


async def test_without_a_team_there_is_no_such_way_in(opened: Open, clock: StillClock) -> None:
    house = await opened(edge={"trusted_proxies": "127.0.0.1"})
    visitor = await house.browser()
    refused(await ask(visitor, KEY.sign(claims(clock))), 401, "access_invalid")
    assert await who(visitor) is None
    assert (await visitor.get("/api/auth/setup")).json()["ways"]["access"] is False


@pytest.mark.parametrize(
    "wrong",
    [{"team": TEAM}, {"team": "https://evil.example", "audience": "a"}, {"team": "home", "audience": "a"},
     {"team": "http://home.cloudflareaccess.com", "audience": "a"},
     {"team": "https://home.cloudflareaccess.com.evil.example", "audience": "a"}],
)  # fmt: skip
def test_a_setting_that_cannot_work_is_refused(wrong: dict[str, str]) -> None:
    with pytest.raises(ValueError, match=r"team|ACCESS"):
        AccessSettings.model_validate(wrong)

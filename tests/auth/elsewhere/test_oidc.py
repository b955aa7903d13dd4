"""Who is let in by an identity provider, and how its description is read."""

import asyncio
from pathlib import Path
from typing import Any

import httpx2
import pytest

from backend.auth.people import User
from backend.settings.edge import OidcSettings
from tests.api.asking import refused
from tests.auth.elsewhere.conftest import Open
from tests.auth.elsewhere.house import (
    CALLBACK,
    START,
    House,
    begin,
    link,
    problem,
    sign_in,
    went_home,
    who,
)
from tests.conftest import PASSWORD
from tests.fakes.identity_provider import (
    SECRET,
    IdentityProvider,
)
from tests.fakes.site import FakeSite, Reply


async def test_a_verified_mail_address_finds_its_person_and_is_linked(
    house: House, browser: httpx2.AsyncClient, idp: IdentityProvider
) -> None:
    await house.person("bob", "bob@home.example")
    went_home(await sign_in(browser, idp, email="Bob@home.example", email_verified=True))
    assert await who(browser) == "bob"
    # From now on the account there is what counts, whatever its address becomes.
    other = await house.browser()
    went_home(await sign_in(other, idp, email="new@home.example", email_verified=False))
    assert await who(other) == "bob"
    (linked,) = (await other.get("/api/auth/identities")).json()["items"]
    assert (linked["issuer"], linked["label"]) == (idp.issuer, "Bob@home.example")
    assert (await other.delete(f"/api/auth/identities/{linked['id']}")).status_code == 204
    problem(await sign_in(await house.browser(), idp), "oidc_unknown")


async def test_an_admin_key_is_no_way_to_become_its_owner(
    house: House, browser: httpx2.AsyncClient, idp: IdentityProvider
) -> None:
    """By giving them the mail address of an account elsewhere."""
    body = {"username": "anna", "password": PASSWORD, "mode": "session"}
    await browser.post("/api/auth/login", json=body)
    asked = {"name": "a program", "scopes": ["admin"]}
    secret = (await browser.post("/api/auth/keys", json=asked)).json()["secret"]
    path = f"/api/people/{(await browser.get('/api/auth/me')).json()['user']['id']}"
    mail, key = {"email": "eve@evil.example"}, {"authorization": f"Bearer {secret}"}
    for headers in (key, {}):
        refused(await browser.patch(path, json=mail, headers=headers), 403, "forbidden")
        guess = mail | {"current_password": "a guess"}
        answer = await browser.patch(path, json=guess, headers=headers)
        refused(answer, 401, "wrong_credentials")
    claims = mail | {"sub": "eve", "email_verified": True}
    problem(await sign_in(await house.browser(), idp, **claims), "oidc_unknown")
    # Everything else goes without, and the address with it.
    same = {"email": None, "display_name": "Anna A."}
    assert (await browser.patch(path, json=same, headers=key)).status_code == 200
    right = await browser.patch(path, json=mail | {"current_password": PASSWORD})
    assert (right.status_code, right.json()["email"]) == (200, "eve@evil.example")


async def test_a_long_mail_address_is_compared_to_its_end(
    house: House, browser: httpx2.AsyncClient, idp: IdentityProvider
) -> None:
    long = "bob." * 21 + "@home.example.or"
    assert len(long) == 100
    await house.person("bob", long)
    eves = {"sub": "eve", "email": f"{long}.evil.example", "email_verified": True}
    problem(await sign_in(browser, idp, **eves), "oidc_unknown")
    await house.person("cleo", f"{long}.home.example")
    cleos = {"sub": "cleo", "email": f"{long}.home.example", "email_verified": True}
    went_home(await sign_in(browser, idp, **cleos))
    assert await who(browser) == "cleo"


@pytest.mark.parametrize(
    "claims",
    [
        {},
        {"email": "bob@home.example"},
        {"email": "bob@home.example", "email_verified": False},
        {"email": "bob@home.example", "email_verified": "true"},
        {"email": "bob@home.example", "email_verified": 1},
        {"email": "eve@home.example", "email_verified": True},
        {"email": ["bob@home.example"], "email_verified": True},
        {"email": "", "email_verified": True},
        {"preferred_username": "bob", "name": "Bob"},
    ],
)
async def test_nobody_else_is_let_in(
    claims: dict[str, Any], house: House, browser: httpx2.AsyncClient, idp: IdentityProvider
) -> None:
    await house.person("bob", "bob@home.example")
    before = await house.stored("users")
    problem(await sign_in(browser, idp, **claims), "oidc_unknown")
    assert await who(browser) is None
    assert (await house.stored("users"), await house.stored("identities")) == (before, 0)


async def test_a_signed_in_person_links_an_account_and_then_signs_in_with_it(
    house: House, browser: httpx2.AsyncClient, idp: IdentityProvider
) -> None:
    await house.person("bob")
    went_home(await link(browser, idp, "bob"))
    other = await house.browser()
    went_home(await sign_in(other, idp))
    assert await who(other) == "bob"
    # It is bob's: nobody else can have it as well, and bob may link it again.
    problem(await link(await house.browser(), idp, "anna"), "oidc_taken")
    went_home(await link(await house.browser(), idp, "bob"))
    assert await house.stored("identities") == 1


async def test_a_newcomer_with_three_windows_is_one_person(
    opened: Open, idp: IdentityProvider
) -> None:
    house = await opened(new_people="adult")
    browsers = [await house.browser() for _ in range(3)]
    ways = [idp.consent(await begin(one), sub="eve", preferred_username="eve") for one in browsers]
    asked = (one.get(way) for one, way in zip(browsers, ways, strict=True))
    for answer in await asyncio.gather(*asked):
        went_home(answer)
    assert (await house.stored("users"), await house.stored("identities")) == (2, 1)


async def test_somebody_disabled_does_not_get_in_by_the_provider(
    house: House, browser: httpx2.AsyncClient, idp: IdentityProvider
) -> None:
    bob = await house.person("bob")
    went_home(await link(browser, idp, "bob"))
    owner = await house.browser()
    body = {"username": "anna", "password": PASSWORD, "mode": "session"}
    await owner.post("/api/auth/login", json=body)
    assert (await owner.patch(f"/api/people/{bob.id}", json={"disabled": True})).status_code == 200
    other = await house.browser()
    problem(await sign_in(other, idp), "not_signed_in")
    assert await who(other) is None


@pytest.mark.parametrize("role", ["adult", "child"])
async def test_newcomers_become_people_where_the_owner_wants_that(
    role: str, opened: Open, idp: IdentityProvider
) -> None:
    house = await opened(new_people=role)
    await house.person("eve")
    browser = await house.browser()
    claims = {
        "preferred_username": "eve <b>",
        "name": "Eve",
        "email": "eve@x.example",
        "email_verified": True,
    }
    went_home(await sign_in(browser, idp, **claims))
    user = (await browser.get("/api/auth/me")).json()["user"]
    assert (user["role"], user["display_name"], user["email"]) == (role, "Eve", "eve@x.example")
    assert user["username"] == "eve b"
    other = await house.browser()
    went_home(await sign_in(other, idp, sub="another", preferred_username="eve", email=None))
    assert await who(other) == "eve-2"
    last = await house.browser()
    went_home(await sign_in(last, idp, sub="third", preferred_username="@@", name=None))
    assert await who(last) == "person"


async def test_before_set_up_the_provider_makes_nobody(
    opened: Open, idp: IdentityProvider, tmp_path: Path
) -> None:
    house = await opened(new_people="adult")

    def forget(connection: Any) -> None:
        connection.execute("DELETE FROM users")

    await house.services.database.write(forget)
    house.services.auth._set_up = False
    problem(await sign_in(await house.browser(), idp), "oidc_unknown")
    assert await house.stored("users") == 0


async def test_without_a_provider_there_is_no_such_way_in(
    stranger: httpx2.AsyncClient, owner: User
) -> None:
    for path in (START, CALLBACK):
        problem(await stranger.get(path), "not_found")
    assert (await stranger.get("/api/auth/setup")).json()["ways"]["oidc"] is None


async def test_the_password_works_while_the_provider_is_down(
    opened: Open, idp: IdentityProvider
) -> None:
    async with FakeSite(lambda _: Reply(500)) as broken:
        house = await opened(issuer=broken.url)
        browser = await house.browser()
        problem(await browser.get(START), "oidc_failed")
        body = {"username": "anna", "password": PASSWORD, "mode": "session"}
        assert (await browser.post("/api/auth/login", json=body)).status_code == 200
        assert await who(browser) == "anna"


async def test_the_second_factor_of_parlor_is_not_asked_for_again(
    house: House, browser: httpx2.AsyncClient, idp: IdentityProvider
) -> None:
    """The provider decides how sure it is of somebody."""
    went_home(await link(browser, idp, "anna"))
    assert (await browser.post("/api/auth/totp", json={"password": PASSWORD})).status_code == 201
    other = await house.browser()
    went_home(await sign_in(other, idp))
    assert await who(other) == "anna"


@pytest.mark.parametrize(
    "metadata",
    [
        {"issuer": "https://evil.example"},
        {"issuer": None},
        {"authorization_endpoint": None},
        {"authorization_endpoint": "javascript:alert(1)"},
        {"token_endpoint": "file:///etc/passwd"},
        {"token_endpoint": 7},
        {"jwks_uri": "ftp://127.0.0.1/"},
        {"jwks_uri": ""},
    ],
)
async def test_a_description_that_leads_astray_is_not_followed(
    metadata: dict[str, Any], browser: httpx2.AsyncClient, idp: IdentityProvider
) -> None:
    idp.metadata = metadata
    problem(await browser.get(START), "oidc_failed")


@pytest.mark.parametrize("name", ["token_endpoint", "jwks_uri"])
async def test_s2_the_description_does_not_open_the_house(
    name: str, browser: httpx2.AsyncClient, idp: IdentityProvider
) -> None:
    async with FakeSite(lambda _: Reply(body=b"{}")) as inside:
        idp.metadata = {name: f"{inside.url}/x"}
        problem(await sign_in(browser, idp), "oidc_failed")
        assert inside.connections == 0


async def test_a_secret_in_the_form_where_the_provider_wants_that(
    house: House, browser: httpx2.AsyncClient, idp: IdentityProvider
) -> None:
    await house.person("bob", "bob@home.example")
    idp.metadata = {"token_endpoint_auth_methods_supported": ["client_secret_post"]}
    went_home(await sign_in(browser, idp, email="bob@home.example", email_verified=True))


def test_the_secret_is_not_in_what_is_printed_for_debugging() -> None:
    settings = OidcSettings.model_validate(
        {"issuer": "https://x", "client_id": "a", "client_secret": SECRET}
    )
    assert SECRET not in repr(settings)


@pytest.mark.parametrize(
    "wrong",
    [{"issuer": "https://x"}, {"issuer": "http://login.example", "client_id": "a"},
     {"issuer": "login.example", "client_id": "a"}, {"new_people": "owner"}],
)  # fmt: skip
def test_a_setting_that_cannot_work_is_refused(wrong: dict[str, str]) -> None:
    with pytest.raises(ValueError, match=r"OIDC|issuer|new_people"):
        OidcSettings.model_validate(wrong)

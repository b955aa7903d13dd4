"""The other ways to show who one is, as browsers and programs meet them."""

import json
from typing import Any

import httpx2
import pyotp
import pytest

from backend.auth.people import User
from backend.container import Services
from tests.api.asking import refused, stored
from tests.api.conftest import Newcomer, sign_in
from tests.api.test_accounts import CREDENTIALS, ME, NAME_AND_PASSWORD, cookie
from tests.conftest import PASSWORD, USERNAME
from tests.fakes.authenticator import Authenticator

KNOWN = "parlor-known"
AGAIN = {"password": PASSWORD}


def bearer(token: str) -> dict[str, str]:
    return {"authorization": f"Bearer {token}"}


async def pair_of(client: httpx2.AsyncClient, **more: Any) -> dict[str, Any]:
    answer = await client.post("/api/auth/login", json=NAME_AND_PASSWORD | more)
    assert answer.status_code == 200, answer.text
    body: dict[str, Any] = answer.json()
    return body


async def test_a_program_gets_a_pair_of_tokens_and_no_cookie(
    stranger: httpx2.AsyncClient, owner: User
) -> None:
    answer = await stranger.post("/api/auth/login", json=NAME_AND_PASSWORD)
    assert "set-cookie" not in answer.headers
    body = answer.json()
    assert set(body) == {"user", "access_token", "refresh_token", "token_type", "expires_in"}
    assert (body["token_type"], body["expires_in"]) == ("bearer", 900)
    me = (await stranger.get(ME, headers=bearer(body["access_token"]))).json()
    assert me["user"]["id"] == owner.id
    assert me["credential"]["kind"] == "token"
    for other in (body["refresh_token"], "made-up", ""):
        refused(await stranger.get(ME, headers=bearer(other)), 401, "not_signed_in")


async def test_a_refresh_answers_like_a_login_once(
    stranger: httpx2.AsyncClient, owner: User
) -> None:
    first = await pair_of(stranger)
    given = {"refresh_token": first["refresh_token"]}
    second = await stranger.post("/api/auth/refresh", json=given)
    assert set(second.json()) == set(first)
    refused(await stranger.post("/api/auth/refresh", json=given), 401, "refresh_reused")
    access = bearer(second.json()["access_token"])
    refused(await stranger.get(ME, headers=access), 401, "not_signed_in")
    for token in ("x", first["access_token"], first["refresh_token"]):
        answer = await stranger.post("/api/auth/refresh", json={"refresh_token": token})
        refused(answer, 401, "refresh_invalid")


async def test_signing_out_with_a_token_ends_the_tokens(
    stranger: httpx2.AsyncClient, owner: User
) -> None:
    pair, other = await pair_of(stranger), await pair_of(stranger)
    access = bearer(pair["access_token"])
    assert (await stranger.post("/api/auth/logout", headers=access)).status_code == 204
    for one in (pair, other):
        refused(await stranger.get(ME, headers=bearer(one["access_token"])), 401, "not_signed_in")


async def test_no_credential_counts_anywhere_but_in_its_place(
    client: httpx2.AsyncClient, newcomer: Newcomer
) -> None:
    stranger = await newcomer()
    session, pair = client.cookies["parlor"], await pair_of(await newcomer())
    token = pair["access_token"]
    for name in ("token", "access_token", "api_key", "authorization", "parlor"):
        for value in (session, token):
            refused(await stranger.get(ME, params={name: value}), 401, "not_signed_in")
    for header in ("x-api-key", "x-auth-token", "proxy-authorization", "cookie2"):
        for value in (session, token, f"Bearer {token}"):
            refused(await stranger.get(ME, headers={header: value}), 401, "not_signed_in")
    for value in (session, f"parlor={session}"):
        refused(await stranger.get(ME, headers=bearer(value)), 401, "not_signed_in")
    for name in ("parlor", "parlor-wall", "parlor-known"):
        headers = {"cookie": f"{name}={token}"}
        refused(await stranger.get(ME, headers=headers), 401, "not_signed_in")


async def test_a_bad_header_is_not_made_good_by_a_cookie(client: httpx2.AsyncClient) -> None:
    token = (await pair_of(client))["access_token"]
    for value in ("Bearer x", "Basic eDp5", "", "Bearer"):
        refused(await client.get(ME, headers={"authorization": value}), 401, "not_signed_in")
    twice = [("authorization", f"Bearer {token}"), ("authorization", "Bearer x")]
    refused(await client.get(ME, headers=twice), 401, "not_signed_in")
    assert (await client.get(ME, headers=bearer(token))).status_code == 200


async def test_o9_a_browser_is_remembered_for_half_a_year(
    stranger: httpx2.AsyncClient, owner: User
) -> None:
    answer = await stranger.post("/api/auth/login", json=CREDENTIALS)
    morsel = cookie(answer, KNOWN)
    assert int(morsel["max-age"]) == 180 * 86400
    assert (morsel["httponly"], morsel["samesite"], morsel["path"]) == (True, "lax", "/")
    out = await stranger.post("/api/auth/logout")
    assert "parlor-known" not in str(out.headers)


async def test_o9_too_many_attempts_are_refused_with_a_time(
    stranger: httpx2.AsyncClient, client: httpx2.AsyncClient, newcomer: Newcomer
) -> None:
    attacker = await newcomer()
    for _ in range(5):
        answer = await attacker.post("/api/auth/login", json=CREDENTIALS | {"password": "wrong"})
        refused(answer, 401, "wrong_credentials")
    answer = await attacker.post("/api/auth/login", json=CREDENTIALS)
    refused(answer, 429, "too_many_attempts")
    assert 890 <= int(answer.headers["retry-after"]) <= 900
    # The owner's own browser, at the same address, shows that it is known.
    assert (await client.post("/api/auth/login", json=CREDENTIALS)).status_code == 200


async def test_the_cookie_of_a_session_that_goes_on_goes_on_too(
    client: httpx2.AsyncClient, services: Services
) -> None:
    async def two_hours_pass() -> None:
        await services.database.write(
            lambda c: c.execute("UPDATE sessions SET last_seen_at = last_seen_at - 7200000")
        )
        services.auth.forget()

    token = client.cookies["parlor"]
    assert "set-cookie" not in (await client.get(ME)).headers
    for path in (ME, "/api/chat/test-stream"):
        await two_hours_pass()
        answer = await client.get(path)
        assert answer.status_code == 200
        morsel = cookie(answer)
        assert (morsel.value, int(morsel["max-age"])) == (token, 30 * 86400)
        assert (morsel["httponly"], morsel["samesite"], morsel["path"]) == (True, "lax", "/")
        assert "set-cookie" not in (await client.get(ME)).headers


async def test_an_api_key_is_shown_once_and_works_until_it_is_removed(
    client: httpx2.AsyncClient, newcomer: Newcomer
) -> None:
    program = await newcomer()
    asked = {"name": "a script", "scopes": ["read"], "expires_in_days": 30}
    made = (await client.post("/api/auth/keys", json=asked)).json()
    key, secret = made["key"], made["secret"]
    assert set(key) == {
        "id",
        "name",
        "scopes",
        "hint",
        "created_at",
        "expires_at",
        "last_used_at",
    }
    me = (await program.get(ME, headers=bearer(secret))).json()
    assert me["credential"] == {"kind": "key", "id": key["id"]}
    for method, path in (
        ("GET", "/api/auth/keys"),
        ("POST", "/api/auth/logout"),
        ("GET", "/api/auth/sessions"),
        ("POST", "/api/conversations"),
    ):
        answer = await program.request(method, path, headers=bearer(secret))
        refused(answer, 403, "scope_missing")
    listed = (await client.get("/api/auth/keys")).text
    assert secret not in listed
    assert json.loads(listed)["items"][0]["last_used_at"]
    assert (await client.delete(f"/api/auth/keys/{key['id']}")).status_code == 204
    refused(await program.get(ME, headers=bearer(secret)), 401, "not_signed_in")
    refused(await client.delete(f"/api/auth/keys/{key['id']}"), 404, "not_found")


@pytest.mark.parametrize(
    "wrong",
    [
        {"scopes": []},
        {"scopes": ["everything"]},
        {"name": " "},
        {"name": "x" * 101},
        {"expires_in_days": 0},
        {"expires_in_days": 3651},
        {"secret": "mine"},
    ],
)
async def test_an_odd_key_is_not_made(
    wrong: dict[str, Any], client: httpx2.AsyncClient, services: Services
) -> None:
    before = await stored(services)
    asked = {"name": "a script", "scopes": ["read"]} | wrong
    refused(await client.post("/api/auth/keys", json=asked), 422, "invalid_input")
    assert await stored(services) == before


async def test_a_person_sees_and_ends_their_sessions(
    client: httpx2.AsyncClient, bob: httpx2.AsyncClient, newcomer: Newcomer
) -> None:
    phone = await newcomer()
    await sign_in(phone, USERNAME)
    items = (await client.get("/api/auth/sessions")).json()["items"]
    assert [one["current"] for one in items].count(True) == 1
    assert len(items) == 2
    (other,) = [one["id"] for one in items if not one["current"]]
    refused(await bob.delete(f"/api/auth/sessions/{other}"), 404, "not_found")
    assert (await client.delete(f"/api/auth/sessions/{other}")).status_code == 204
    refused(await phone.get(ME), 401, "not_signed_in")
    await sign_in(phone, USERNAME)
    assert (await client.delete("/api/auth/sessions")).status_code == 204
    refused(await phone.get(ME), 401, "not_signed_in")
    assert (await client.get(ME)).status_code == (await bob.get(ME)).status_code == 200


async def test_a_new_password_ends_everything_else(
    client: httpx2.AsyncClient, newcomer: Newcomer
) -> None:
    phone, program = await newcomer(), await newcomer()
    await sign_in(phone, USERNAME)
    pair = await pair_of(program)
    change = {"current": PASSWORD, "new": "another horse"}
    wrong = change | {"current": "wrong"}
    refused(await client.post("/api/auth/password", json=wrong), 401, "wrong_credentials")
    weak = change | {"new": "short"}
    refused(await client.post("/api/auth/password", json=weak), 422, "weak_password")
    assert (await phone.get(ME)).status_code == 200
    assert (await client.post("/api/auth/password", json=change)).status_code == 204
    refused(await phone.get(ME), 401, "not_signed_in")
    refused(await program.get(ME, headers=bearer(pair["access_token"])), 401, "not_signed_in")
    assert (await client.get(ME)).status_code == 200
    await sign_in(phone, USERNAME, "another horse")


async def test_a_person_changes_the_name_that_is_shown(client: httpx2.AsyncClient) -> None:
    answer = await client.patch(ME, json={"display_name": "  Anna Maria "})
    assert answer.json()["user"]["display_name"] == "Anna Maria"
    assert (await client.get(ME)).json()["user"]["display_name"] == "Anna Maria"
    assert (await client.patch(ME, json={})).status_code == 200
    for wrong in ({"display_name": " "}, {"role": "owner"}, {"display_name": "x" * 101}):
        refused(await client.patch(ME, json=wrong), 422, "invalid_input")


async def test_the_second_factor_from_the_first_code_to_the_last(
    client: httpx2.AsyncClient, newcomer: Newcomer
) -> None:
    refused(
        await client.post("/api/auth/totp", json={"password": "wrong"}), 401, "wrong_credentials"
    )
    begun = await client.post("/api/auth/totp", json=AGAIN)
    assert begun.status_code == 201
    assert set(begun.json()) == {"secret", "uri", "qr"}
    code = pyotp.TOTP(begun.json()["secret"]).now()
    refused(await client.post("/api/auth/totp/confirm", json={"code": "12"}), 401, "wrong_code")
    codes = (await client.post("/api/auth/totp/confirm", json={"code": code})).json()
    me = (await client.get(ME)).json()
    assert me["second_factor"] == {"totp": True, "passkeys": 0, "recovery_codes_left": 10}

    phone = await newcomer()
    answer = await phone.post("/api/auth/login", json=CREDENTIALS)
    refused(answer, 401, "second_factor_required")
    assert "set-cookie" not in answer.headers
    given = CREDENTIALS | {"code": codes["recovery_codes"][0]}
    assert (await phone.post("/api/auth/login", json=given)).status_code == 200
    refused(await phone.post("/api/auth/login", json=given), 401, "wrong_code")

    renewed = (await client.post("/api/auth/recovery-codes", json=AGAIN)).json()
    assert len(set(renewed["recovery_codes"]) | set(codes["recovery_codes"])) == 20
    gone = await client.request("DELETE", "/api/auth/totp", json=AGAIN)
    assert gone.status_code == 204
    await sign_in(phone, USERNAME)


async def test_a_passkey_from_making_it_to_removing_it(
    client: httpx2.AsyncClient, newcomer: Newcomer
) -> None:
    for browser in (client, phone := await newcomer()):
        browser.base_url = httpx2.URL("https://parlor.example:8443")
    await sign_in(client, USERNAME)
    authenticator = Authenticator("https://parlor.example:8443")
    wrong = await client.post("/api/auth/passkeys/options", json={"password": "wrong"})
    refused(wrong, 401, "wrong_credentials")
    asked = (await client.post("/api/auth/passkeys/options", json=AGAIN)).json()
    made = {
        "token": asked["token"],
        "name": "phone",
        "credential": authenticator.create(asked["options"]),
    }
    added = await client.post("/api/auth/passkeys", json=made)
    assert added.status_code == 201, added.text
    assert set(added.json()) == {"id", "name", "created_at", "last_used_at"}
    refused(await client.post("/api/auth/passkeys", json=made), 422, "passkey_refused")
    assert (await phone.get("/api/auth/setup")).json()["ways"]["passkey"] is True

    async def try_it(**more: Any) -> httpx2.Response:
        asked = (await phone.post("/api/auth/passkey/options", json={})).json()
        given = {"token": asked["token"], "credential": authenticator.get(asked["options"])}
        return await phone.post("/api/auth/passkey", json=given | more)

    session = await try_it(mode="session")
    assert session.status_code == 200, session.text
    assert cookie(session).key == "__Host-parlor"
    assert (await phone.get(ME)).json()["user"]["username"] == USERNAME
    tokens = (await try_it()).json()
    assert (await phone.get(ME, headers=bearer(tokens["access_token"]))).status_code == 200
    (listed,) = (await client.get("/api/auth/passkeys")).json()["items"]
    assert (await client.delete(f"/api/auth/passkeys/{listed['id']}")).status_code == 204
    refused(await try_it(), 401, "passkey_invalid")


async def test_a_passkey_needs_a_host_name(client: httpx2.AsyncClient) -> None:
    answer = await client.post("/api/auth/passkeys/options", json=AGAIN)
    refused(answer, 409, "passkeys_unusable")
    refused(await client.post("/api/auth/passkey/options", json={}), 409, "passkeys_unusable")


@pytest.mark.parametrize("path", ["login", "refresh", "passkey", "passkey/options"])
async def test_a_page_of_another_site_cannot_sign_anybody_in(
    path: str, stranger: httpx2.AsyncClient, owner: User
) -> None:
    body = {
        "login": CREDENTIALS,
        "refresh": {"refresh_token": "x"},
        "passkey": {"token": "x", "credential": {}},
        "passkey/options": {},
    }[path]
    headers = {"sec-fetch-site": "cross-site"}
    answer = await stranger.post(f"/api/auth/{path}", json=body, headers=headers)
    refused(answer, 403, "cross_site")

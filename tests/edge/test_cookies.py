"""O4, O9: what a browser keeps, and that each thing is good for its own purpose alone."""

from http.cookies import SimpleCookie

import httpx2
import pytest
from fastapi import FastAPI

from backend.auth.people import User
from backend.container import Services
from tests.api.asking import refused
from tests.api.serving import with_services
from tests.conftest import PASSWORD, USERNAME

LOGIN = {"username": USERNAME, "password": PASSWORD, "mode": "session"}


def at(base: str, app: FastAPI, services: Services) -> httpx2.AsyncClient:
    transport = httpx2.ASGITransport(with_services(app, services))
    return httpx2.AsyncClient(transport=transport, base_url=base, timeout=5)


async def test_o9_cookies_over_https_are_bound_to_this_very_host(
    app: FastAPI, services: Services, owner: User
) -> None:
    async with at("https://127.0.0.1", app, services) as browser:
        answer = await browser.post("/api/auth/login", json=LOGIN)
        given = answer.headers.get_list("set-cookie")
        assert given
        for one in given:
            ((name, cookie),) = SimpleCookie(one).items()
            assert name.startswith("__Host-")
            assert cookie["secure"] is True
            assert cookie["httponly"] is True
            assert cookie["samesite"].lower() == "lax"
            assert (cookie["path"], cookie["domain"]) == ("/", "")
            assert int(cookie["max-age"]) > 0
        assert (await browser.get("/api/auth/me")).status_code == 200
        cleared = (await browser.post("/api/auth/logout")).headers.get_list("set-cookie")
        assert any(one.startswith('__Host-parlor=""') and "Secure" in one for one in cleared)
        refused(await browser.get("/api/auth/me"), 401, "not_signed_in")


async def test_o9_over_plain_http_on_loopback_they_have_a_name_of_their_own(
    app: FastAPI, services: Services, owner: User
) -> None:
    async with at("http://127.0.0.1:8000", app, services) as browser:
        answer = await browser.post("/api/auth/login", json=LOGIN)
        for one in answer.headers.get_list("set-cookie"):
            assert not one.startswith("__Host-")
            assert "httponly" in one.lower()
            assert "samesite=lax" in one.lower()
            assert "domain" not in one.lower()
        token = browser.cookies["parlor"]
    # What was given on one of the two is nothing on the other.
    async with at("https://127.0.0.1", app, services) as secure:
        secure.cookies.set("parlor", token)
        refused(await secure.get("/api/auth/me"), 401, "not_signed_in")
    async with at("http://127.0.0.1:8000", app, services) as plain:
        plain.cookies.set("__Host-parlor", token)
        refused(await plain.get("/api/auth/me"), 401, "not_signed_in")
        # Nobody but a trusted proxy can say that it came by https.
        headers = {"X-Forwarded-Proto": "https"}
        answer = await plain.post("/api/auth/login", json=LOGIN, headers=headers)
        assert "__Host-" not in str(answer.headers)
        assert "strict-transport-security" not in answer.headers


@pytest.mark.parametrize("wrong", ["refresh", "known", "access in a cookie", "session as bearer"])
async def test_o4_each_credential_is_good_for_its_own_purpose_alone(
    wrong: str, app: FastAPI, services: Services, owner: User
) -> None:
    async with at("http://127.0.0.1:8000", app, services) as client:
        tokens = (await client.post("/api/auth/login", json={**LOGIN, "mode": "token"})).json()
        await client.post("/api/auth/login", json=LOGIN)
        cookies = dict(client.cookies)
        client.cookies.clear()
        match wrong:
            case "refresh":
                given = {"Authorization": f"Bearer {tokens['refresh_token']}"}
            case "known":
                given = {"Authorization": f"Bearer {cookies['parlor-known']}"}
                refused(
                    await client.post(
                        "/api/auth/refresh", json={"refresh_token": cookies["parlor-known"]}
                    ),
                    401,
                    "refresh_invalid",
                )
            case "access in a cookie":
                given = {"Cookie": f"parlor={tokens['access_token']}"}
            case _:
                given = {"Authorization": f"Bearer {cookies['parlor']}"}
        refused(await client.get("/api/auth/me", headers=given), 401, "not_signed_in")
        refused(
            await client.post("/api/auth/refresh", json={"refresh_token": tokens["access_token"]}),
            401,
            "refresh_invalid",
        )


async def test_o8_what_signs_somebody_in_is_not_readable_on_disk(
    app: FastAPI, services: Services, owner: User
) -> None:
    """Neither in the database nor in its log: hashes and sealed columns only."""
    async with at("http://127.0.0.1:8000", app, services) as client:
        tokens = (await client.post("/api/auth/login", json={**LOGIN, "mode": "token"})).json()
        await client.post("/api/auth/login", json=LOGIN)
        totp = (await client.post("/api/auth/totp", json={"password": PASSWORD})).json()
        key = await client.post("/api/auth/keys", json={"name": "a program", "scopes": ["chat"]})
        pairing = (await client.post("/api/devices/pairings", json={})).json()
        secrets = [
            PASSWORD,
            client.cookies["parlor"],
            client.cookies["parlor-known"],
            tokens["access_token"],
            tokens["refresh_token"],
            totp["secret"],
            key.json()["secret"],
            pairing["secret"],
        ]
    assert all(len(secret) > 10 for secret in secrets)
    folder = services.settings.server.state_dir
    held = b"".join(path.read_bytes() for path in sorted(folder.glob("parlor.db*")))
    assert held.startswith(b"SQLite format 3")
    assert [secret for secret in secrets if secret.encode() in held] == []
    assert {path.stat().st_mode & 0o077 for path in folder.glob("keys.json*")} == {0}

"""A program of somebody else's, played by hand: it does what a test wants, right or wrong."""

import base64
import hashlib
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import parse_qsl, urlencode, urlsplit

import httpx2

from tests.conftest import ORIGIN

RESOURCE = f"{ORIGIN}/mcp"
REDIRECT = "http://127.0.0.1:7777/back"
VERIFIER = "v" * 64


def challenge_of(verifier: str) -> str:
    digest = hashlib.sha256(verifier.encode()).digest()
    return base64.urlsafe_b64encode(digest).rstrip(b"=").decode()


@dataclass
class Program:
    http: httpx2.AsyncClient
    """Not signed in."""
    person: httpx2.AsyncClient
    """The browser of whoever is asked."""
    client_id: str = ""
    asked: dict[str, str] = field(default_factory=dict)

    async def registers(self, **metadata: Any) -> "Program":
        answer = await self.http.post(
            "/oauth/register",
            json={"client_name": "Notebook", "redirect_uris": [REDIRECT], **metadata},
        )
        assert answer.status_code == 201, answer.text
        self.client_id = answer.json()["client_id"]
        return self

    def query(self, **changes: str | None) -> str:
        """What stands behind `/authorize`; None leaves something out."""
        asked = {
            "response_type": "code",
            "client_id": self.client_id,
            "redirect_uri": REDIRECT,
            "state": "a state",
            "code_challenge": challenge_of(VERIFIER),
            "code_challenge_method": "S256",
            "resource": RESOURCE,
            **changes,
        }
        return "?" + urlencode({name: value for name, value in asked.items() if value is not None})

    async def looks(self, **changes: str | None) -> httpx2.Response:
        return await self.person.post("/api/auth/apps/look", json={"query": self.query(**changes)})

    async def decides(self, request: str, *, allow: bool = True) -> httpx2.Response:
        body = {"request": request, "allow": allow}
        return await self.person.post("/api/auth/apps/decide", json=body)

    async def answered(self, **changes: str | None) -> dict[str, str]:
        """What the browser brings back after a yes."""
        seen = await self.looks(**changes)
        assert seen.status_code == 200, seen.text
        decided = await self.decides(seen.json()["request"])
        assert decided.status_code == 200, decided.text
        redirect = decided.json()["redirect"]
        assert redirect.startswith((changes.get("redirect_uri") or REDIRECT) + "?")
        return dict(parse_qsl(urlsplit(redirect).query))

    async def asks(self, form: dict[str, str | None]) -> httpx2.Response:
        sent = {name: value for name, value in form.items() if value is not None}
        return await self.http.post("/oauth/token", data=sent)

    async def gives_back(self, token: str, client_id: str = "") -> httpx2.Response:
        form = {"token": token, "client_id": client_id or self.client_id}
        return await self.http.post("/oauth/revoke", data=form)

    async def exchanges(self, code: str, **changes: str | None) -> httpx2.Response:
        form: dict[str, str | None] = {
            "grant_type": "authorization_code",
            "code": code,
            "client_id": self.client_id,
            "redirect_uri": REDIRECT,
            "code_verifier": VERIFIER,
            "resource": RESOURCE,
        }
        return await self.asks({**form, **changes})

    async def refreshes(self, token: str, **changes: str | None) -> httpx2.Response:
        form: dict[str, str | None] = {
            "grant_type": "refresh_token",
            "refresh_token": token,
            "client_id": self.client_id,
            "resource": RESOURCE,
        }
        return await self.asks({**form, **changes})

    async def tokens(self, **changes: str | None) -> dict[str, Any]:
        """Let in, from the question to the pair."""
        answer = await self.exchanges((await self.answered(**changes))["code"])
        assert answer.status_code == 200, answer.text
        found: dict[str, Any] = answer.json()
        return found

    async def calls(self, access_token: str) -> httpx2.Response:
        """Knocks at `/mcp`. 401: it is not let in."""
        headers = {"authorization": f"Bearer {access_token}", "accept": "application/json"}
        return await self.http.delete("/mcp", headers=headers)

    async def is_in(self, access_token: str) -> bool:
        return (await self.calls(access_token)).status_code != 401

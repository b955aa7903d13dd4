"""An OAuth authorisation server on loopback, and a tool server of the SDK that believes its tokens.
Both misbehave on request."""

import asyncio
import base64
import hashlib
import json
import secrets
import socket
import time
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Any, Self
from urllib.parse import parse_qs, unquote, urlsplit

from mcp.server import MCPServer
from mcp.server.auth.provider import AccessToken
from mcp.server.auth.settings import AuthSettings
from pydantic import AnyHttpUrl
from starlette.types import ASGIApp, Receive, Scope, Send

from tests.fakes.mcp_server import Running, running
from tests.fakes.site import Asked, FakeSite, Reply


@dataclass
class Issued:
    client: str
    resource: str
    scopes: list[str]
    expires_at: float
    person: str = "anna"


@dataclass
class Consent:
    query: dict[str, str]
    person: str


@dataclass
class AuthorisationServer:
    """`metadata` changes what it says of itself; `token_reply` replaces its next token answers.
    `hold`: refreshes wait for it."""

    metadata: dict[str, Any] = field(default_factory=dict)
    token_reply: Reply | None = None
    callback_issuer: str | None = "own"
    audience: str | None = None
    """What its tokens are for, whatever was asked."""
    seconds: float = 3600
    rotates: bool = True
    secret: str = ""
    """Given to those who introduce themselves."""
    hold: asyncio.Event | None = None

    async def __aenter__(self) -> Self:
        self.clients: dict[str, dict[str, Any]] = {}
        self.consents: dict[str, Consent] = {}
        self.access: dict[str, Issued] = {}
        self.refresh: dict[str, Issued] = {}
        self.refreshes = 0
        self.revoked: list[str] = []
        self._site = FakeSite(self._answer)
        await self._site.__aenter__()
        return self

    async def __aexit__(self, *error: object) -> None:
        await self._site.__aexit__(*error)

    @property
    def issuer(self) -> str:
        return self._site.url

    @property
    def asked(self) -> list[Asked]:
        return self._site.asked

    def expire(self) -> None:
        """All access tokens are old at once."""
        for issued in self.access.values():
            issued.expires_at = 0

    def consent(self, address: str, person: str = "anna") -> dict[str, str]:
        """The person says yes at `address`; returns the query of where they are sent back to."""
        parts = urlsplit(address)
        assert f"{parts.scheme}://{parts.netloc}{parts.path}" == f"{self.issuer}/authorize"
        query = {name: values[0] for name, values in parse_qs(parts.query).items()}
        known = self.clients.get(query["client_id"])
        assert known is None or query["redirect_uri"] in known["redirect_uris"]
        assert query["response_type"] == "code"
        assert query["code_challenge_method"] == "S256"
        assert query["resource"]
        code = secrets.token_urlsafe(16)
        self.consents[code] = Consent(query, person)
        back = {"code": code, "state": query["state"]}
        if self.callback_issuer is not None:
            back["iss"] = self.issuer if self.callback_issuer == "own" else self.callback_issuer
        return back

    async def _answer(self, asked: Asked) -> Reply:
        form = {name: values[0] for name, values in parse_qs(asked.body.decode()).items()}
        match asked.path:
            case "/.well-known/oauth-authorization-server":
                return _json(self._description())
            case "/register":
                return self._register(json.loads(asked.body))
            case "/token":
                return await self._token(asked, form)
            case "/revoke":
                self.revoked.append(form["token"])
                self.access.clear()
                return Reply(200)
        return Reply(404)

    def _description(self) -> dict[str, Any]:
        return {
            "issuer": self.issuer,
            "authorization_endpoint": f"{self.issuer}/authorize",
            "token_endpoint": f"{self.issuer}/token",
            "registration_endpoint": f"{self.issuer}/register",
            "revocation_endpoint": f"{self.issuer}/revoke",
            "code_challenge_methods_supported": ["S256"],
            "token_endpoint_auth_methods_supported": (
                ["client_secret_basic"] if self.secret else ["none"]
            ),
            "authorization_response_iss_parameter_supported": True,
            **self.metadata,
        }

    def _register(self, wanted: dict[str, Any]) -> Reply:
        client_id = f"client-{len(self.clients) + 1}"
        self.clients[client_id] = wanted
        given = {**wanted, "client_id": client_id}
        if self.secret:
            given["client_secret"] = self.secret
        return _json(given, 201)

    async def _token(self, asked: Asked, form: dict[str, str]) -> Reply:
        if form["grant_type"] == "refresh_token":
            self.refreshes += 1
            if self.hold is not None:
                await self.hold.wait()
        if self.token_reply is not None:
            return self.token_reply
        client = self._client(asked, form)
        if client is None:
            return _json({"error": "invalid_client"}, 401)
        if form["grant_type"] == "refresh_token":
            old = self.refresh.get(form["refresh_token"])
            if old is None or old.client != client or old.resource != form["resource"]:
                return _json({"error": "invalid_grant"}, 400)
            if self.rotates:
                del self.refresh[form["refresh_token"]]
            return self._issue(client, form["resource"], old.scopes, old.person)
        return self._redeem(client, form)

    def _redeem(self, client: str, form: dict[str, str]) -> Reply:
        consent = self.consents.pop(form.get("code", ""), None)
        if consent is None or form["resource"] != consent.query["resource"]:
            return _json({"error": "invalid_grant"}, 400)
        digest = hashlib.sha256(form["code_verifier"].encode()).digest()
        challenge = base64.urlsafe_b64encode(digest).rstrip(b"=").decode()
        expected = (consent.query["code_challenge"], consent.query["redirect_uri"])
        if (challenge, form["redirect_uri"]) != expected or client != consent.query["client_id"]:
            return _json({"error": "invalid_grant"}, 400)
        scopes = consent.query.get("scope", "").split()
        return self._issue(client, form["resource"], scopes, consent.person)

    def _issue(self, client: str, resource: str, scopes: list[str], person: str) -> Reply:
        access, refresh = secrets.token_urlsafe(16), secrets.token_urlsafe(16)
        until = time.time() + self.seconds
        issued = Issued(client, resource, scopes, until, person)
        self.access[access] = Issued(client, self.audience or resource, scopes, until, person)
        given: dict[str, Any] = {
            "access_token": access,
            "token_type": "bearer",
            "expires_in": self.seconds,
            "scope": " ".join(scopes),
        }
        if self.rotates or not self.refresh:
            self.refresh[refresh] = issued
            given["refresh_token"] = refresh
        return _json(given)

    def _client(self, asked: Asked, form: dict[str, str]) -> str | None:
        if not self.secret:
            return form.get("client_id")
        kind, _, given = asked.headers.get("authorization", "").partition(" ")
        if kind != "Basic":
            return None
        name, _, word = base64.b64decode(given).decode().partition(":")
        return unquote(name) if unquote(word) == self.secret else None

    async def verify_token(self, token: str) -> AccessToken | None:
        """As the SDK's servers ask."""
        issued = self.access.get(token)
        if issued is None or issued.expires_at < time.time():
            return None
        return AccessToken(
            token=token,
            client_id=issued.client,
            scopes=issued.scopes,
            expires_at=int(issued.expires_at),
            resource=issued.resource,
            subject=issued.person,
        )


class Guarded:
    """A tool server that wants tokens of `authority`. `paint` needs the scope "colours"."""

    def __init__(self, authority: AuthorisationServer, port: int) -> None:
        self.authority = authority
        self.url = f"http://127.0.0.1:{port}/mcp"
        self.running: Running
        server: MCPServer[Any] = MCPServer(
            "guarded",
            log_level="CRITICAL",
            token_verifier=authority,
            auth=AuthSettings(
                issuer_url=AnyHttpUrl(authority.issuer),
                resource_server_url=AnyHttpUrl(self.url),
                required_scopes=["tools"],
                validate_token_resource=True,
            ),
        )

        @server.tool()
        def echo(text: str) -> str:
            """Gives it back."""
            return text

        @server.tool()
        def paint() -> str:
            """Needs a right of its own."""
            return "painted"

        self._app = server.streamable_http_app()

    async def app(self, scope: Scope, receive: Receive, send: Send) -> None:
        headers = dict(scope.get("headers", ()))
        token = headers.get(b"authorization", b"").decode().removeprefix("Bearer ")
        issued = self.authority.access.get(token)
        if headers.get(b"mcp-name") == b"paint" and issued and "colours" not in issued.scopes:
            refusal = b'Bearer error="insufficient_scope", scope="tools colours"'
            await send(
                {
                    "type": "http.response.start",
                    "status": 403,
                    "headers": [(b"www-authenticate", refusal)],
                }
            )
            await send({"type": "http.response.body", "body": b"{}"})
            return
        await self._app(scope, receive, send)


@asynccontextmanager
async def guarded(authority: AuthorisationServer) -> AsyncGenerator[Guarded]:
    with socket.create_server(("127.0.0.1", 0)) as probe:
        port: int = probe.getsockname()[1]
    made = Guarded(authority, port)
    app: ASGIApp = made.app
    async with running(app, port=port) as made.running:
        yield made


def _json(value: Any, status: int = 200) -> Reply:
    return Reply(status, json.dumps(value).encode(), {"Content-Type": "application/json"})

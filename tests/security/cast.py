"""Everybody who may stand at the door, with all that they can show, good or bad."""

import asyncio
import base64
import hashlib
import json
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, urlencode, urlsplit

import httpx2

from backend.attachments.records import Owner
from backend.auth.tokens import Subject, TokenRules, Tokens
from backend.container import Services
from backend.db.database import Connection
from backend.kit.clock import SystemClock
from backend.kit.keyring import Keyring
from backend.messages import Generation
from backend.providers.base import GenerationStarted
from tests.api.serving import with_services
from tests.attachments.samples import Sample
from tests.conftest import ORIGIN, PASSWORD
from tests.fakes.clock import NOON, StillClock
from tests.fakes.scripted import ScriptedProvider, text

CANARY = "kestrelword"
GENERATION = "gen-annas"
ROLES = {"olga": "owner", "anna": "adult", "bob": "adult", "cleo": "child"}
KEY_NAMES = ("chat", "tools", "read", "admin")
APP_SCOPES = ("chat", "tools")


@dataclass(frozen=True)
class Shown:
    """One way to come: what is sent, and who that is if it counts."""

    name: str
    headers: dict[str, str] = field(default_factory=dict)
    query: str = ""
    who: str = ""
    """A person's name, "display", or nobody."""
    scopes: frozenset[str] | None = None
    """Of a key or an app."""
    kind: str = ""
    """What it is, if it counts: session, token, key or app."""


@dataclass(frozen=True)
class Cast:
    ids: dict[str, str]
    """Anna's, by the name of the path's parameter; the display's as well."""
    shown: list[Shown]


def cookie(name: str, value: str) -> dict[str, str]:
    return {"cookie": f"{name}={value}"}


def bearer(value: str) -> dict[str, str]:
    return {"authorization": f"Bearer {value}"}


class Home:
    """Makes people, things and credentials, by way of the routes themselves."""

    def __init__(self, app: Any, services: Services, provider: ScriptedProvider) -> None:
        self._app = with_services(app, services)
        self._services = services
        self._provider = provider
        self._state = services.settings.server.state_dir

    @asynccontextmanager
    async def _client(self, headers: dict[str, str]) -> AsyncGenerator[httpx2.AsyncClient]:
        transport = httpx2.ASGITransport(self._app)
        async with httpx2.AsyncClient(
            transport=transport, base_url=ORIGIN, headers=headers
        ) as client:
            yield client

    async def asks(
        self, headers: dict[str, str], method: str, path: str, body: Any = None
    ) -> httpx2.Response:
        async with self._client(headers) as client:
            answer = await client.request(method, path, json=body)
            assert answer.status_code < 400, f"{method} {path}: {answer.text}"
            return answer

    async def session(self, name: str) -> str:
        body = {"username": name, "password": PASSWORD, "mode": "session"}
        return (await self.asks({}, "POST", "/api/auth/login", body)).cookies["parlor"]

    async def tokens(self, name: str) -> dict[str, str]:
        body = {"username": name, "password": PASSWORD}
        found: dict[str, str] = (await self.asks({}, "POST", "/api/auth/login", body)).json()
        return found

    async def key(self, session: str, *scopes: str) -> tuple[str, str]:
        """Its id and its secret."""
        body = {"name": CANARY, "scopes": scopes}
        made = await self.asks(cookie("parlor", session), "POST", "/api/auth/keys", body)
        return made.json()["key"]["id"], made.json()["secret"]

    async def app(self, session: str, *scopes: str) -> dict[str, str]:
        """What a program gets that was let in: its tokens, and the id to take them back with."""
        uri, verifier, hers = "https://app.example/back", "v" * 43, cookie("parlor", session)
        digest = hashlib.sha256(verifier.encode()).digest()
        made = {"client_name": CANARY, "redirect_uris": [uri]}
        client = (await self.asks({}, "POST", "/oauth/register", made)).json()
        query = {
            "response_type": "code",
            "client_id": client["client_id"],
            "redirect_uri": uri,
            "scope": " ".join(scopes),
            "code_challenge": base64.urlsafe_b64encode(digest).rstrip(b"=").decode(),
            "code_challenge_method": "S256",
            "resource": f"{ORIGIN}/mcp",
        }
        look = {"query": urlencode(query)}
        seen = (await self.asks(hers, "POST", "/api/auth/apps/look", look)).json()
        yes = {"request": seen["request"], "allow": True}
        decided = (await self.asks(hers, "POST", "/api/auth/apps/decide", yes)).json()
        code = parse_qs(urlsplit(decided["redirect"]).query)["code"][0]
        async with self._client({}) as http:
            form = query | {"code": code, "code_verifier": verifier}
            form["grant_type"] = "authorization_code"
            pair = (await http.post("/oauth/token", data=form)).json()
        (newest, *_) = (await self.asks(hers, "GET", "/api/auth/apps")).json()["items"]
        return {"id": newest["id"], **pair}

    async def picture(self, owner_id: str, conversation_id: str, message_id: str) -> str:
        """Its id. Somebody else has the same, so that its bytes stay when hers goes."""
        attachments = self._services.attachments
        sample = Sample("image/gif", b"GIF89a" + CANARY.encode())
        olga = cookie("parlor", await self.session("olga"))
        theirs = (await self.asks(olga, "POST", "/api/conversations", {})).json()["id"]
        olgas_id = (await self.asks(olga, "GET", "/api/auth/me")).json()["user"]["id"]
        await attachments.keep(Owner(olgas_id, theirs, "none"), [sample])
        ((media, _),) = await attachments.keep(
            Owner(owner_id, conversation_id, message_id), [sample]
        )
        assert media
        return media.file_id

    async def display(self, session: str) -> tuple[str, str]:
        """Its id and its token."""
        pairing = (await self.asks({}, "POST", "/api/devices/pairings", {})).json()
        approval = {"code": pairing["code"], "name": "Kitchen"}
        path = "/api/devices/pairings/approve"
        await self.asks(cookie("parlor", session), "POST", path, approval)
        claim = {"secret": pairing["secret"], "token": True}
        found = (await self.asks({}, "POST", "/api/devices/pairings/claim", claim)).json()
        return found["device"]["id"], found["token"]

    async def write(self, statement: str, *values: Any) -> None:
        def change(connection: Connection) -> None:
            connection.execute(statement, values)

        await self._services.database.write(change)

    async def signed(self, use: Any, subject: Subject, **rules: Any) -> str:
        """A token of this Parlor, but by other rules."""
        clock = StillClock(rules.pop("at", SystemClock().now()))
        folder: Path = rules.pop("keys", self._state)
        tokens = Tokens(Keyring(folder, clock), TokenRules(**rules), clock)
        return await asyncio.to_thread(tokens.sign, use, subject)

    async def people(self) -> None:
        auth = self._services.auth
        for name, role in (ROLES | {"dan": "adult", "eve": "adult"}).items():
            first = role == "owner"
            await auth.add(name, PASSWORD, f"{name} {CANARY}", role=role, first=first)  # type: ignore[arg-type]  # literal roles

    async def belongings(self, session: str) -> dict[str, str]:
        """What Anna has, one of each kind."""
        self._provider.says([GenerationStarted(GENERATION), *text(f"{CANARY} indeed")])
        self._provider.books[GENERATION] = Generation(id=GENERATION, model=CANARY)
        self._provider.always = text("hello")
        hers = cookie("parlor", session)
        body = {"messages": [{"role": "user", "content": f"{CANARY} question"}]}
        said = await self.asks(hers, "POST", "/api/chat/stream", body)
        conversation = said.headers["x-conversation-id"]
        tree = (await self.asks(hers, "GET", f"/api/conversations/{conversation}")).json()
        me = (await self.asks(hers, "GET", "/api/auth/me")).json()["user"]["id"]
        await self.write(
            "INSERT INTO passkeys (id, user_id, credential_id, rp_id, public_key, sign_count, name,"
            " created_at) VALUES ('passkey_annas', ?, x'01', 'localhost', x'02', 0, ?, 0)",
            *(me, CANARY),
        )
        await self.write(
            "INSERT INTO identities (issuer, subject, user_id, label, created_at)"
            " VALUES ('https://id.example', 'annas', ?, ?, 0)",
            *(me, CANARY),
        )
        (identity,) = (await self.asks(hers, "GET", "/api/auth/identities")).json()["items"]
        memory = await self.asks(hers, "POST", "/api/memories", {"text": f"{CANARY} is hers"})
        file_id = await self.picture(me, conversation, tree["messages"][1]["id"])
        spare = await self.session("anna")
        listed = (await self.asks(cookie("parlor", spare), "GET", "/api/auth/sessions")).json()[
            "items"
        ]
        return {
            "conversation_id": conversation,
            "message_id": tree["messages"][1]["id"],
            "turn_id": said.headers["x-turn-id"],
            "generation_id": GENERATION,
            "memory_id": memory.json()["id"],
            "file_id": file_id,
            "session_id": next(one["id"] for one in listed if one["current"]),
            "key_id": (await self.key(session, "read"))[0],
            "app_id": (await self.app(session, "tools"))["id"],
            "passkey_id": "passkey_annas",
            "identity_id": identity["id"],
            "person_id": me,
            "approval_id": "ask_annas",
            "input_id": "ask_annas",
            "client": "voice",
        }


async def gather(home: Home, elsewhere: Path) -> Cast:
    await home.people()
    sessions = {name: await home.session(name) for name in ROLES}
    ids = await home.belongings(sessions["anna"])
    good = await _good(home, sessions)
    ids["device_id"], display = await home.display(sessions["olga"])
    good += [
        Shown("display: bearer", bearer(display), who="display"),
        Shown("display: cookie", cookie("parlor-wall", display), who="display"),
    ]
    bad = await _ended(home, sessions["anna"], ids["person_id"])
    bad += await _not_ours(home, ids["person_id"], elsewhere)
    bad += _in_the_wrong_place(good)
    return Cast(ids, [Shown("anonymous"), *good, *bad])


async def _good(home: Home, sessions: dict[str, str]) -> list[Shown]:
    found = []
    for name, session in sessions.items():
        pair = await home.tokens(name)
        found += [
            Shown(f"{name}: cookie", cookie("parlor", session), who=name, kind="session"),
            Shown(f"{name}: JWT", bearer(pair["access_token"]), who=name, kind="token"),
        ]
        for scope in KEY_NAMES:
            if name == "cleo" or (scope == "admin" and name != "olga"):
                continue  # children make no keys, and nobody but the owner an admin one
            _, secret = await home.key(session, scope)
            scopes = frozenset({scope})
            shown = bearer(secret)
            found.append(Shown(f"{name}: key {scope}", shown, who=name, scopes=scopes, kind="key"))
        for scope in APP_SCOPES if name != "cleo" else ():  # a child lets no programs in
            app = bearer((await home.app(session, scope))["access_token"])
            scopes = frozenset({scope})
            found.append(Shown(f"{name}: app {scope}", app, who=name, scopes=scopes, kind="app"))
    return found


async def _ended(home: Home, annas: str, anna_id: str) -> list[Shown]:
    """What counted once."""
    old, revoked, out = [await home.session("anna") for _ in range(3)]
    await home.write(
        "UPDATE sessions SET expires_at = 1 WHERE id = ?", await _session_id(home, old)
    )
    revoked_id = await _session_id(home, revoked)
    await home.asks(cookie("parlor", annas), "DELETE", f"/api/auth/sessions/{revoked_id}")
    await home.asks(cookie("parlor", out), "POST", "/api/auth/logout")
    old_key, gone_key = [await home.key(annas, "chat", "read") for _ in range(2)]
    await home.write("UPDATE api_keys SET expires_at = 1 WHERE id = ?", old_key[0])
    await home.asks(cookie("parlor", annas), "DELETE", f"/api/auth/keys/{gone_key[0]}")
    old_app, gone_app, elsewhere = [await home.app(annas, "chat") for _ in range(3)]
    for statement, app in {
        "UPDATE app_tokens SET expires_at = 1 WHERE grant_id = ?": old_app,
        "UPDATE app_grants SET resource = 'https://elsewhere.example/mcp' WHERE id = ?": elsewhere,
    }.items():
        await home.write(statement, app["id"])
    await home.asks(cookie("parlor", annas), "DELETE", f"/api/auth/apps/{gone_app['id']}")
    gone_display, display = await home.display(annas)
    await home.asks(cookie("parlor", annas), "DELETE", f"/api/devices/{gone_display}")
    found = [
        Shown("expired session", cookie("parlor", old)),
        Shown("revoked session", cookie("parlor", revoked)),
        Shown("signed out session", cookie("parlor", out)),
        Shown("expired key", bearer(old_key[1])),
        Shown("revoked key", bearer(gone_key[1])),
        Shown("expired app", bearer(old_app["access_token"])),
        Shown("removed app", bearer(gone_app["access_token"])),
        Shown("app of another resource", bearer(elsewhere["access_token"])),
        Shown("refresh token of an app as access", bearer(old_app["refresh_token"])),
        Shown("removed display: bearer", bearer(display)),
        Shown("removed display: cookie", cookie("parlor-wall", display)),
        Shown(
            "expired JWT", bearer(await home.signed("access", Subject(anna_id, "s", 1), at=NOON))
        ),
    ]
    for name, ending in {"dan": "disabled", "eve": "signed out"}.items():
        session, pair = await home.session(name), await home.tokens(name)
        _, key = await home.key(session, "chat", "read")
        found.append(Shown(f"{ending} person's JWT", bearer(pair["access_token"])))
        if ending == "signed out":
            await home.asks(bearer(pair["access_token"]), "POST", "/api/auth/logout")
            continue
        owner = bearer((await home.tokens("olga"))["access_token"])
        me = (await home.asks(cookie("parlor", session), "GET", "/api/auth/me")).json()
        person = f"/api/people/{me['user']['id']}"
        await home.asks(owner, "PATCH", person, {"disabled": True})
        found += [
            Shown("disabled person's session", cookie("parlor", session)),
            Shown("disabled person's key", bearer(key)),
        ]
    return found


async def _session_id(home: Home, session: str) -> str:
    me = (await home.asks(cookie("parlor", session), "GET", "/api/auth/me")).json()
    found: str = me["credential"]["id"]
    return found


async def _not_ours(home: Home, anna_id: str, elsewhere: Path) -> list[Shown]:
    """Tokens that were never meant for this."""
    subject = Subject(anna_id, "session_made_up", 1)
    unsigned = ".".join(
        base64.urlsafe_b64encode(json.dumps(part).encode()).rstrip(b"=").decode()
        for part in ({"alg": "none", "typ": "JWT"}, {"sub": anna_id, "aud": "parlor-api"})
    )
    tokens = {
        "refresh token as access": await home.signed("refresh", subject),
        "browser's mark as access": await home.signed("known", subject),
        "JWT of another audience": await home.signed("access", subject, audience="elsewhere"),
        "JWT of another issuer": await home.signed("access", subject, issuer="elsewhere"),
        "JWT signed by another": await home.signed("access", subject, keys=elsewhere),
        "JWT of no session": await home.signed("access", subject),
        "unsigned JWT": f"{unsigned}.",
        "made-up key": f"parlor_key_{'x' * 43}",
        "made-up app": f"parlor_app_{'x' * 43}",
        "made-up display": f"parlor_wall_{'x' * 43}",
    }
    return [Shown(name, bearer(token)) for name, token in tokens.items()]


def _in_the_wrong_place(good: list[Shown]) -> list[Shown]:
    """What counts, but not where it is shown."""
    by_name = {one.name: one for one in good}
    secrets = {
        name: next(iter(by_name[full].headers.values())).removeprefix("Bearer ").split("=")[-1]
        for name, full in {
            "session": "olga: cookie",
            "JWT": "olga: JWT",
            "key": "olga: key admin",
            "app": "olga: app chat",
            "display": "display: bearer",
        }.items()
    }
    found = [
        Shown(f"{name} as ?{parameter}=", query=urlencode({parameter: secret}))
        for name, secret in secrets.items()
        for parameter in ("token", "access_token", "api_key", "key", "auth")
    ]
    found += [
        Shown(f"{name} as {header}", {header: secret})
        for name, secret in secrets.items()
        for header in ("x-api-key", "x-auth-token", "proxy-authorization", "x-forwarded-user")
    ]
    found += [
        Shown("session as bearer", bearer(secrets["session"])),
        Shown("session as a display's cookie", cookie("parlor-wall", secrets["session"])),
        Shown("JWT as cookie", cookie("parlor", secrets["JWT"])),
        Shown("key as cookie", cookie("parlor", secrets["key"])),
        Shown("app as cookie", cookie("parlor", secrets["app"])),
        Shown("display as session", cookie("parlor", secrets["display"])),
        Shown("https cookie over http", cookie("__Host-parlor", secrets["session"])),
        Shown("key without Bearer", {"authorization": secrets["key"]}),
        Shown("key as Token", {"authorization": f"Token {secrets['key']}"}),
    ]
    basic = base64.b64encode(f"olga:{PASSWORD}".encode()).decode()
    wrong = bearer("wrong") | cookie("parlor", secrets["session"])
    return [
        *found,
        Shown("password as Basic", {"authorization": f"Basic {basic}"}),
        Shown("wrong bearer beside a good cookie", wrong),
        Shown("name of the owner", {"x-forwarded-user": "olga", "remote-user": "olga"}),
        Shown(
            "mail of the owner from Access",
            {"cf-access-authenticated-user-email": "olga@example.org"},
        ),
    ]

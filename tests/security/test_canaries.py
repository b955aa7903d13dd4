"""O8: a whole day of a Parlor in a process of its own, and then no secret in anything it leaves."""

import asyncio
import base64
import hashlib
import json
import subprocess
from collections.abc import AsyncGenerator, Iterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import httpx2
import orjson
import pyotp
import pytest

from tests.cli.conftest import PARLOR, Server, started
from tests.fakes.answers import DONE, broken, finish, said
from tests.fakes.site import Asked, FakeSite, Reply

ROUTER, LOCAL, LAB, OIDC = (
    f"canary-{name}-key-7f3a" for name in ("router", "local", "lab", "oidc")
)
PASSWORD, NEW_PASSWORD, WRONG = (f"canary {one} password" for one in ("first", "second", "wrong"))
SLIP = "canary typed where the name belongs"
"""Somebody's password, in the wrong field."""

STREAM = {"content-type": "text/event-stream"}
JSON = {"content-type": "application/json"}
STATUSES = (400, 401, 402, 403, 404, 408, 413, 422, 429, 500, 502, 503)


def echo(asked: Asked) -> Reply:
    """A provider that quotes what it was sent, keys included, in whatever way it fails."""
    bearer = asked.headers.get("authorization", "")
    quoted = f"{bearer} {bearer.removeprefix('Bearer ')} {asked.headers} is not liked"
    if asked.path.endswith("/models"):
        return Reply(body=orjson.dumps({"data": [{"id": "vendor/model"}]}), headers=JSON)
    if not asked.path.endswith("/chat/completions"):
        return Reply(404, quoted.encode())
    (*_, last) = json.loads(asked.body)["messages"]
    match str(last["content"]).splitlines()[0].split():
        case ["status", status]:
            error = {"error": {"code": int(status), "message": quoted, "metadata": quoted}}
            # A wait so long that nobody waits it out.
            return Reply(int(status), orjson.dumps(error), JSON | {"retry-after": "600"})
        case ["page", status]:
            return Reply(int(status), f"<h1>{quoted}</h1>".encode(), {"content-type": "text/html"})
        case ["midway"]:
            return Reply(body=said("So") + broken(500, quoted, quoted), headers=STREAM)
        case ["garbled"]:
            return Reply(body=said("So") + b"data: {" + quoted.encode() + b"\n\n", headers=STREAM)
        case ["cut"]:
            return Reply(body=said("So"), headers=STREAM)
        case ["elsewhere"]:
            return Reply(307, quoted.encode(), {"location": f"/else?{quoted.split()[-1]}"})
        case _:
            return Reply(body=said("Yes.") + finish() + DONE, headers=STREAM)


@dataclass
class Day:
    """What happened, all that was said about it, and every secret there was."""

    server: Server
    state: Path
    browser: httpx2.AsyncClient
    secrets: dict[str, str] = field(default_factory=dict)
    outputs: dict[str, bytes] = field(default_factory=dict)

    async def asks(self, method: str, path: str, body: Any = None, **more: Any) -> httpx2.Response:
        """An answer that may hold no secret; `reveals=True` for those that hand one over."""
        reveals = more.pop("reveals", False)
        answer = await self.browser.request(method, path, json=body, **more)
        if not reveals:
            place = f"{len(self.outputs)}: {method} {path}"
            self.outputs[place] = answer.content + repr(answer.headers.raw).encode()
        return answer

    def keeps(self, **found: str) -> None:
        self.secrets |= {f"{len(self.secrets)} {name}": value for name, value in found.items()}

    def leaks(self) -> list[str]:
        return [
            f"{name} in {place}"
            for name, secret in self.secrets.items()
            for form in forms(secret)
            for place, output in self.outputs.items()
            if form in output
        ]


def forms(secret: str) -> Iterator[bytes]:
    """As it is, as JSON and as base64 have it, and a TOTP secret's bytes."""
    plain = secret.encode()
    yield plain
    yield base64.b64encode(plain).rstrip(b"=")[:-1]
    yield plain.hex().encode()
    if len(secret) == 32 and secret.isupper():
        yield base64.b32decode(secret)


@asynccontextmanager
async def a_day(tmp_path: Path) -> AsyncGenerator[Day]:
    """Of a Parlor with three providers, each with a key of its own."""
    state, home = tmp_path / "state", tmp_path / "home"
    await asyncio.to_thread(home.mkdir)
    async with FakeSite(echo) as provider:
        environment = {
            "PATH": "/usr/bin:/bin",
            "HOME": str(home),
            "PARLOR_STATE_DIR": str(state),
            "PARLOR_LOG_LEVEL": "debug",
            "OPENROUTER_API_KEY": ROUTER,
            "OPENROUTER_BASE_URL": f"{provider.url}/router/v1",
            "CHAT_LLM_API_BASE": f"{provider.url}/local/v1",
            "CHAT_LLM_API_KEY": LOCAL,
            "PARLOR_PROVIDERS": json.dumps(
                {"lab": {"base_url": f"{provider.url}/lab/v1", "api_key": LAB}}
            ),
            "PARLOR_OIDC_ISSUER": "https://127.0.0.1:9",
            "PARLOR_OIDC_CLIENT_ID": "parlor",
            "PARLOR_OIDC_CLIENT_SECRET": OIDC,
        }
        running = started(environment, tmp_path)
        server = await asyncio.to_thread(running.__enter__)
        async with httpx2.AsyncClient(base_url=server.address, timeout=15) as browser:
            made = Day(server, state, browser)
            made.keeps(router=ROUTER, local=LOCAL, lab=LAB, oidc=OIDC)
            made.keeps(password=PASSWORD, new=NEW_PASSWORD, wrong=WRONG, slip=SLIP)
            try:
                yield made
            finally:
                await asyncio.to_thread(running.__exit__, None, None, None)
        keys = {asked.headers.get("authorization") for asked in provider.asked}
        assert keys == {f"Bearer {key}" for key in (ROUTER, LOCAL, LAB)}


def left_behind(state: Path, when: str) -> dict[str, bytes]:
    """Every file but the one that is made for keys."""
    return {
        f"{path} {when}": path.read_bytes()
        for path in state.rglob("*")
        if path.is_file() and path.name != "keys.json"
    }


async def command(day: Day, *words: str) -> None:
    def run() -> bytes:
        done = subprocess.run(
            [PARLOR, *words], env=day_environment(day), capture_output=True, timeout=15, check=False
        )
        return done.stdout + done.stderr

    day.outputs[" ".join(words)] = await asyncio.to_thread(run)


def day_environment(day: Day) -> dict[str, str]:
    pairs = Path(f"/proc/{day.server.process.pid}/environ").read_bytes().split(b"\0")
    return dict(pair.decode().split("=", 1) for pair in pairs if pair)


async def signs_up_and_in(day: Day) -> None:
    code = day.server.setup_code
    day.keeps(code=code)
    owner = {"username": "anna", "password": PASSWORD}
    other = code[:-1] + ("y" if code.endswith("x") else "x")
    await day.asks("POST", "/api/auth/register", owner | {"code": other})
    await day.asks("POST", "/api/auth/register", owner | {"code": code, "password": "short"})
    made = await day.asks("POST", "/api/auth/register", owner | {"code": code}, reveals=True)
    assert made.status_code == 201, made.text
    await day.asks("POST", "/api/auth/register", owner | {"code": code})
    for name, password in (("anna", WRONG), ("nobody", WRONG), (SLIP, WRONG)):
        wrong = {"username": name, "password": password}
        assert (await day.asks("POST", "/api/auth/login", wrong)).status_code == 401
    for broken_body in ({"password": PASSWORD}, {"username": 5, "password": [PASSWORD]}):
        await day.asks("POST", "/api/auth/login", broken_body)
    await day.asks("POST", "/api/auth/password", {"current": WRONG, "new": NEW_PASSWORD})
    change = {"current": PASSWORD, "new": NEW_PASSWORD}
    assert (await day.asks("POST", "/api/auth/password", change)).status_code == 204
    day.keeps(**{name: value for name, value in day.browser.cookies.items() if len(value) > 8})


async def makes_credentials(day: Day) -> None:
    again = {"password": NEW_PASSWORD}
    totp = (await day.asks("POST", "/api/auth/totp", again, reveals=True)).json()
    now = pyotp.TOTP(totp["secret"])
    confirmed = await day.asks("POST", "/api/auth/totp/confirm", {"code": now.now()}, reveals=True)
    codes = confirmed.json()["recovery_codes"]
    day.keeps(totp=totp["secret"], **{f"recovery {at}": one for at, one in enumerate(codes)})
    wanted = {"name": "a program", "scopes": ["chat", "read"]}
    key = (await day.asks("POST", "/api/auth/keys", wanted, reveals=True)).json()["secret"]
    pairing = (await day.asks("POST", "/api/devices/pairings", {}, reveals=True)).json()
    approval = {"code": pairing["code"], "name": "Kitchen"}
    await day.asks("POST", "/api/devices/pairings/approve", approval)
    claim = {"secret": pairing["secret"], "token": True}
    wall = await day.asks("POST", "/api/devices/pairings/claim", claim, reveals=True)
    day.keeps(key=key, pairing=pairing["secret"], wall=wall.json()["token"])
    signed_in = {"username": "anna", "password": NEW_PASSWORD}
    await day.asks("POST", "/api/auth/login", signed_in)
    await day.asks("POST", "/api/auth/login", signed_in | {"code": "000000"})
    pair = await day.asks("POST", "/api/auth/login", signed_in | {"code": codes[0]}, reveals=True)
    refresh = {"refresh_token": pair.json()["refresh_token"]}
    newer = await day.asks("POST", "/api/auth/refresh", refresh, reveals=True)
    for answer in (pair.json(), newer.json()):
        day.keeps(access=answer["access_token"], refresh=answer["refresh_token"])
    await uses_them(day, key, wall.json()["token"], newer.json()["access_token"])
    assert (await day.asks("POST", "/api/auth/refresh", refresh)).status_code == 401


async def uses_them(day: Day, *bearers: str) -> None:
    """Where they count and where not, whole and broken, and where an address would log them."""
    for bearer in bearers:
        for path in ("/api/auth/me", "/api/people", "/api/devices/me", "/no/such/page"):
            for shown in (bearer, bearer[:-1]):
                await day.asks("GET", path, headers={"authorization": f"Bearer {shown}"})
        await day.asks("GET", f"/api/auth/me?token={bearer}", headers={"cookie": ""})
        await day.asks("GET", f"/api/conversations/{bearer[:90]}")
        await day.asks("DELETE", f"/api/auth/keys/{bearer[:90]}")


async def lets_a_program_in(day: Day) -> None:
    """By OAuth, with every secret of it used once more than it may be."""
    uri, verifier = "https://app.example/back", "canary-verifier-" * 4
    made = {"client_name": "an app", "redirect_uris": [uri]}
    client = (await day.asks("POST", "/oauth/register", made)).json()["client_id"]
    digest = hashlib.sha256(verifier.encode()).digest()
    asked = {
        "response_type": "code",
        "client_id": client,
        "redirect_uri": uri,
        "code_challenge": base64.urlsafe_b64encode(digest).rstrip(b"=").decode(),
        "code_challenge_method": "S256",
        "resource": f"{day.server.address}/mcp",
    }
    look = {"query": str(httpx2.QueryParams(asked))}
    seen = (await day.asks("POST", "/api/auth/apps/look", look, reveals=True)).json()
    yes = {"request": seen["request"], "allow": True}
    decided = (await day.asks("POST", "/api/auth/apps/decide", yes, reveals=True)).json()
    code = httpx2.URL(decided["redirect"]).params["code"]
    form = asked | {"code": code, "code_verifier": verifier, "grant_type": "authorization_code"}
    pair = (await day.asks("POST", "/oauth/token", data=form, reveals=True)).json()
    renewal = {
        "grant_type": "refresh_token",
        "client_id": client,
        "refresh_token": pair["refresh_token"],
    }
    newer = (await day.asks("POST", "/oauth/token", data=renewal, reveals=True)).json()
    day.keeps(question=seen["request"], code=code, verifier=verifier)
    for one in (pair, newer):
        day.keeps(app=one["access_token"], renewal=one["refresh_token"])
    await uses_them(day, newer["access_token"], newer["refresh_token"])
    bearer = {"authorization": f"Bearer {newer['access_token']}"}
    assert (await day.asks("GET", "/mcp", headers=bearer)).status_code == 405
    for again in (renewal, form):
        assert (await day.asks("POST", "/oauth/token", data=again)).status_code == 400
    await day.asks("POST", "/api/auth/apps/decide", yes)


async def talks_and_fails(day: Day) -> None:
    wanted = [f"status {status}" for status in STATUSES]
    wanted += ["page 500", "page 200", "midway", "garbled", "cut", "elsewhere", "hello"]
    models = (await day.asks("GET", "/api/models")).json()["data"]
    ids = [one["id"] for one in models if "vendor" in one["id"]]
    assert len(ids) == 3
    for model in ids:
        for words in wanted:
            body = {"messages": [{"role": "user", "content": words}], "model": model}
            answer = await day.asks("POST", "/api/chat/stream", body)
            assert answer.status_code == 200, answer.text
            assert ("turn.finished" in answer.text) is True


@pytest.mark.timeout(90)
async def test_o8_no_secret_is_in_logs_errors_the_database_or_the_doctors_words(
    tmp_path: Path,
) -> None:
    async with a_day(tmp_path) as day:
        await signs_up_and_in(day)
        await makes_credentials(day)
        await lets_a_program_in(day)
        await talks_and_fails(day)
        for path in ("/api/audit", "/api/people", "/api/devices", "/api/system", "/health/ready"):
            assert (await day.asks("GET", path)).status_code == 200
        await day.asks("GET", "/api/auth/oidc/start")
        for words in (("doctor",), ("users", "list"), ("keys", "--help")):
            await command(day, *words)
        day.outputs |= await asyncio.to_thread(left_behind, day.state, "while it ran")
    # Now everything is in the file, and said.
    day.outputs |= await asyncio.to_thread(left_behind, day.state, "at the end")
    day.outputs["stderr"] = day.server.stderr.encode()
    link, *rest = day.server.stdout.encode().split(day.server.setup_code.encode())
    assert link.endswith(b"/setup#code="), "the one place where a secret is meant to be seen"
    day.outputs["stdout"] = link + b"".join(rest)
    assert day.leaks() == []
    everything = b"".join(day.outputs.values())
    for word in (b"is not liked", b"1 people", b"serving", b"wrong_credentials", b"Kitchen"):
        assert word in everything
    assert len(day.secrets) >= 25

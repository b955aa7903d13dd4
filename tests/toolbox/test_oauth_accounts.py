"""The whole way, in a browser: each person uses a server in their own name."""

from collections.abc import AsyncGenerator, Awaitable, Callable
from contextlib import AsyncExitStack
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import httpx2
import orjson
import pytest

from backend.app import create_app
from backend.auth.service import NewPerson
from backend.container import Services, open_services
from backend.settings import Settings
from backend.toolbox.context import CallContext, Who
from backend.toolbox.records import CallFailedError
from backend.toolbox.service import ServerTool
from tests.api.serving import with_services
from tests.conftest import HASHER, ORIGIN, PASSWORD
from tests.fakes.authorisation_server import AuthorisationServer, Guarded, guarded
from tests.fakes.waiting import until

CALLBACK = "/api/mcp/sign-in/callback"
SIGN_IN = "/api/mcp/servers/shop/sign-in"
DONE = "/settings/tools#sign-in=done"


@dataclass
class Household:
    services: Services
    authority: AuthorisationServer
    server: Guarded
    browser: Callable[[], Awaitable[httpx2.AsyncClient]]
    people: dict[str, httpx2.AsyncClient] = field(default_factory=dict)
    ids: dict[str, str] = field(default_factory=dict)

    async def person(self, name: str, role: Any = "adult") -> httpx2.AsyncClient:
        user = await self.services.auth.add_person(
            NewPerson(name, PASSWORD, name, role, None), actor="", address=""
        )
        self.ids[name] = user.id
        self.people[name] = browser = await self.browser()
        body = {"username": name, "password": PASSWORD, "mode": "session"}
        assert (await browser.post("/api/auth/login", json=body)).status_code == 200
        return browser

    async def asked(self) -> None:
        servers = self.services.tool_servers.connections
        await until(lambda: "shop" in servers and servers["shop"].state.name == "needs_sign_in")

    async def sign_in(self, name: str) -> str:
        browser = self.people[name]
        begun = await browser.post(SIGN_IN)
        assert begun.status_code == 200, begun.text
        query = self.authority.consent(begun.json()["url"], name)
        back = await browser.get(CALLBACK, params=query)
        assert back.status_code == 303
        assert back.content == b""
        return str(back.headers["location"])

    def tools(self, name: str) -> list[str]:
        toolbox = self.services.tool_servers.toolbox_for(Who(self.ids[name]))
        return sorted(tool.spec.name for tool in toolbox.tools if isinstance(tool, ServerTool))

    def account(self, name: str) -> Any:
        return self.services.tool_servers.connection_of("shop", self.ids[name])


@pytest.fixture
async def household(settings: Settings, tmp_path: Path) -> AsyncGenerator[Household]:
    async with AsyncExitStack() as stack:
        authority = await stack.enter_async_context(AuthorisationServer())
        server = await stack.enter_async_context(guarded(authority))
        local = {"id": "local", "command": ["true"], "enabled": False}
        entry = {"servers": [{"id": "shop", "url": server.url}, local]}
        (tmp_path / "mcp_servers.json").write_bytes(orjson.dumps(entry))
        edge = settings.edge.model_copy(update={"lan_allow": ("127.0.0.0/8",)})
        chosen = settings.model_copy(update={"edge": edge})
        services = await stack.enter_async_context(open_services(chosen, hasher=HASHER))
        app = with_services(create_app(chosen), services)

        async def browser() -> httpx2.AsyncClient:
            transport = httpx2.ASGITransport(app)
            client = httpx2.AsyncClient(transport=transport, base_url=ORIGIN, timeout=5)
            return await stack.enter_async_context(client)

        made = Household(services, authority, server, browser)
        await made.person("olga", "owner")
        await made.asked()
        yield made


async def test_each_person_has_the_tools_of_their_own_account(household: Household) -> None:
    await household.person("anna")
    assert household.tools("anna") == household.tools("olga") == []
    assert await household.sign_in("anna") == DONE
    await until(lambda: household.tools("anna"))
    assert household.tools("anna") == ["echo", "paint"]
    assert household.tools("olga") == []
    assert await household.sign_in("olga") == DONE
    await until(lambda: household.account("olga").session)
    people = {issued.person for issued in household.authority.access.values()}
    assert people == {"anna", "olga"}
    assert household.account("olga") is not household.account("anna")


async def test_t22h_disconnecting_ends_it_here_and_there(household: Household) -> None:
    await household.sign_in("olga")
    await until(lambda: household.tools("olga"))
    answer = await household.people["olga"].delete(SIGN_IN)
    assert answer.json() == {"revoked": True}
    assert household.tools("olga") == []
    assert household.account("olga").state.name == "needs_sign_in"
    assert len(household.authority.revoked) == 1
    assert (await household.people["olga"].delete(SIGN_IN)).json() == {"revoked": None}


async def test_a_person_who_is_deleted_is_signed_out(household: Household) -> None:
    await household.person("anna")
    await household.sign_in("anna")
    await until(lambda: household.account("anna").session)
    answer = await household.people["olga"].delete(f"/api/people/{household.ids['anna']}")
    assert answer.status_code < 300
    accounts = household.services.tool_servers.accounts
    assert accounts is not None
    await accounts.follow()
    assert household.account("anna").session is None
    assert await household.services.vault.names() == []


async def test_o2_the_answer_of_another_browser_is_refused(household: Household) -> None:
    await household.person("anna")
    begun = await household.people["olga"].post(SIGN_IN)
    query = household.authority.consent(begun.json()["url"])
    for browser in (household.people["anna"], await household.browser()):
        back = await browser.get(CALLBACK, params=query)
        assert back.headers["location"] == "/settings/tools#sign-in=tool_sign_in_expired"


@pytest.mark.parametrize("word", ["//evil.example", "https://evil.example", "x\\y", "<script>"])
async def test_o5_nothing_of_the_request_becomes_an_address(
    household: Household, word: str
) -> None:
    names = ("state", "code", "error", "iss", "next", "redirect_uri")
    back = await household.people["olga"].get(CALLBACK, params=dict.fromkeys(names, word))
    assert back.headers["location"] == "/settings/tools#sign-in=tool_sign_in_expired"
    assert back.content == b""


async def test_a_server_that_asks_for_nothing_is_not_signed_in_at(household: Household) -> None:
    olga = household.people["olga"]
    for server, status, code in (("nothing", 404, "not_found"), ("local", 409, "conflict")):
        answer = await olga.post(f"/api/mcp/servers/{server}/sign-in")
        assert (answer.status_code, answer.json()["code"]) == (status, code)


async def test_a_persons_list_shows_their_own_account(household: Household) -> None:
    anna = await household.person("anna")
    await household.sign_in("anna")
    await until(lambda: household.account("anna").session)
    shown = []
    for person in (anna, household.people["olga"]):
        servers = (await person.get("/api/mcp/servers")).json()["servers"]
        row = next(one for one in servers if one["id"] == "shop")
        shown.append((row["state"], row["signed_in"], row["connected"]))
    assert shown == [("ready", True, True), ("needs_sign_in", False, False)]


async def test_a_server_that_is_switched_off_is_off_for_all(household: Household) -> None:
    await household.sign_in("olga")
    await until(lambda: household.tools("olga"))
    olga = household.people["olga"]
    await olga.patch("/api/mcp/servers/shop", json={"enabled": False})
    assert household.tools("olga") == []
    await olga.patch("/api/mcp/servers/shop", json={"enabled": True})
    await until(lambda: household.tools("olga"))


async def test_accounts_outlive_a_restart(household: Household) -> None:
    await household.sign_in("olga")
    await until(lambda: household.account("olga").session)
    async with open_services(household.services.settings, hasher=HASHER) as again:
        servers, user_id = again.tool_servers, household.ids["olga"]
        await until(lambda: "shop" in servers.connections)
        await until(lambda: servers.connection_of("shop", user_id).session)
        assert servers.connection_of("shop", user_id).definition.person == user_id


async def test_o3_no_one_there_sees_our_cookies(household: Household) -> None:
    await household.sign_in("olga")
    await until(lambda: household.account("olga").session)
    seen = [set(asked.headers) for asked in household.authority.asked]
    seen += [set(asked) for asked in household.server.running.requests]
    assert not [one for one in seen if "cookie" in one]


async def test_the_document_about_us_is_there_where_others_can_read_it(
    settings: Settings,
) -> None:
    path = "/.well-known/parlor-mcp-client.json"
    edge = settings.edge.model_validate({"public_url": "https://parlor.example"})
    public = settings.model_copy(update={"edge": edge})
    async with open_services(public, hasher=HASHER) as services:
        app = with_services(create_app(public), services)
        transport = httpx2.ASGITransport(app)
        async with httpx2.AsyncClient(transport=transport, base_url=ORIGIN) as client:
            found = await client.get(path)
    assert found.json()["client_id"] == f"https://parlor.example{path}"
    assert found.json()["redirect_uris"] == [f"https://parlor.example{CALLBACK}"]


async def test_a_person_is_told_which_rights_are_missing_until_they_sign_in_again(
    household: Household,
) -> None:
    async def reason() -> str:
        found = (await household.people["olga"].get("/api/mcp/servers")).json()["servers"]
        [shop] = [one for one in found if one["id"] == "shop"]
        return str(shop["reason"])

    await household.sign_in("olga")
    await until(lambda: household.account("olga").session)
    assert await reason() == ""
    paint = next(one for one in household.account("olga").listing.tools if one.name == "paint")
    calls = household.services.tool_servers.calls
    with pytest.raises(CallFailedError, match=r"was not given \(tools, colours\)"):
        await calls.call(household.account("olga"), paint, {}, CallContext())
    assert await reason() == "it needs rights that it was not given: colours; sign in again"
    assert await household.sign_in("olga") == DONE
    await until(lambda: household.account("olga").session)
    assert await reason() == ""

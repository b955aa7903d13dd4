"""People who sign in at a tool server, and connections in their name."""

from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING

import httpx2

from backend.auth.challenge_store import ChallengeStore
from backend.auth.oidc import Answer
from backend.db.database import Database, open_database
from backend.kit.addresses import Openings
from backend.kit.keyring import Keyring
from backend.kit.outbound import Outbound
from backend.kit.seal import Sealer
from backend.toolbox.connection import Connection
from backend.toolbox.dialling import Doors
from backend.toolbox.oauth_grants import Grants
from backend.toolbox.oauth_sign_in import Home, ToolSignIn, Wish
from backend.toolbox.oauth_store import SignInStore
from backend.toolbox.records import Address, ServerDefinition
from backend.vault.service import Vault
from backend.vault.store import VaultStore
from tests.fakes.authorisation_server import AuthorisationServer, Guarded, guarded
from tests.fakes.clock import StillClock
from tests.fakes.waiting import until

if TYPE_CHECKING:
    from tests.toolbox.conftest import Shop

_PERSON = (
    "INSERT INTO users (id, username, display_name, password_hash, role, created_at)"
    " VALUES (?, ?, ?, ?, ?, ?)"
)
HOME = Home("http://127.0.0.1:8000", public=False)


@dataclass
class Desk:
    database: Database
    folder: Path
    authority: AuthorisationServer
    server: Guarded
    shop: "Shop"
    clock: StillClock = field(default_factory=StillClock)

    def __post_init__(self) -> None:
        self.store = SignInStore(self.database, self.clock)
        self.vault = Vault(
            VaultStore(self.database, self.clock), Sealer(Keyring(self.folder, self.clock))
        )
        self.outbound = Outbound(Openings.of(["127.0.0.0/8"]))
        self.doors: list[Doors] = []
        self.restart()

    def restart(self) -> None:
        """Nothing is known but what was stored."""
        self.grants = Grants(self.store, self.vault, self.outbound, self.clock)
        self.sign_in = ToolSignIn(
            self.grants,
            self.store,
            ChallengeStore(self.database, self.clock),
            self.vault,
            self.outbound,
            self.clock,
        )
        self.shop.doors = Doors(self.outbound, self.folder / "homes", self.grants)
        self.doors.append(self.shop.doors)

    def definition(self, url: str = "") -> ServerDefinition:
        return ServerDefinition("shop", "file", Address(url or self.server.url))

    async def wish(self, user_id: str = "anna") -> Wish:
        """What a server says to somebody who has not signed in."""
        async with httpx2.AsyncClient(verify=False, trust_env=False) as client:
            refused = await client.post(self.server.url, json={})
        return Wish(user_id, self.definition(), refused.headers["www-authenticate"])

    async def begin(self, user_id: str = "anna", home: Home = HOME) -> tuple[str, str]:
        begun = await self.sign_in.begin(await self.wish(user_id), home)
        return begun.address, begun.browser

    async def signs_in(self, user_id: str = "anna", home: Home = HOME) -> None:
        address, browser = await self.begin(user_id, home)
        back = self.authority.consent(address, user_id)
        await self.sign_in.finish(answer(back, browser), user_id)

    async def connected(self, person: str = "anna") -> Connection:
        return await self.shop.ready(self.server.url, person=person)

    async def refused(self, person: str = "anna") -> Connection:
        server = self.shop.connect(self.server.url, person=person)
        await until(lambda: server.state.name == "needs_sign_in")
        return server


@asynccontextmanager
async def open_desk(folder: Path, shop: "Shop") -> AsyncGenerator[Desk]:
    async with (
        open_database(folder / "parlor.db") as database,
        AuthorisationServer() as authority,
        guarded(authority) as server,
    ):
        for name in ("anna", "bob"):
            row = (name, name, name, "", "adult", 0)
            await database.write(lambda c, row=row: c.execute(_PERSON, row))
        desk = Desk(database, folder, authority, server, shop)
        yield desk
        for one in shop.servers:
            await one.aclose()
        await desk.grants.aclose()
        for doors in desk.doors:
            await doors.aclose()
        await desk.outbound.aclose()


def answer(back: dict[str, str], browser: str | None) -> Answer:
    return Answer(back.get("state"), back.get("code"), back.get("error"), back.get("iss"), browser)

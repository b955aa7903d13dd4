from collections.abc import AsyncGenerator, Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from backend.auth.accounts import Accounts, Outside, build_accounts
from backend.auth.callers import Shown
from backend.auth.people import AnyCaller, Caller, Origin
from backend.auth.service import AuthService
from backend.auth.sessions import SignedIn
from backend.auth.setup_code import SetupCode
from backend.db.database import Database, open_database
from backend.kit.keyring import Keyring
from tests.conftest import HASHER, HERE
from tests.fakes.clock import StillClock

PASSWORD = "correct horse"


@pytest.fixture
def setup_code(tmp_path: Path) -> SetupCode:
    return SetupCode(tmp_path)


@pytest.fixture
async def database(tmp_path: Path) -> AsyncGenerator[Database]:
    async with open_database(tmp_path / "parlor.db") as database:
        yield database


@pytest.fixture
def keyring(tmp_path: Path, clock: StillClock) -> Keyring:
    return Keyring(tmp_path, clock)


@pytest.fixture
def outside(database: Database, keyring: Keyring, tmp_path: Path, clock: StillClock) -> Outside:
    return Outside(database, keyring, tmp_path, clock)


@pytest.fixture
def everything(outside: Outside) -> Accounts:
    """Accounts alone, on a clock that stands still."""
    return build_accounts(outside, hasher=HASHER)


@pytest.fixture
def accounts(everything: Accounts) -> AuthService:
    return everything.auth


@pytest.fixture
async def anna(accounts: AuthService) -> SignedIn:
    """The owner, signed in."""
    await accounts.add("anna", PASSWORD, "Anna", role="owner", first=True)
    return await accounts.login("anna", PASSWORD, origin=HERE)


async def caller_of(accounts: AuthService, cookie: str | None, origin: Origin = HERE) -> Caller:
    """Whose session the cookie is of."""
    found = await accounts.identify(Shown(cookie=cookie), origin)
    assert isinstance(found.caller, Caller)
    return found.caller


async def bearer_of(accounts: AuthService, token: str, origin: Origin = HERE) -> AnyCaller:
    return (await accounts.identify(Shown(authorization=f"Bearer {token}"), origin)).caller


async def audit(database: Database) -> list[tuple[str, str, str]]:
    """Kind, subject and address of what was written down, oldest first."""
    return await database.read(
        lambda c: [
            tuple(row)
            for row in c.execute("SELECT kind, subject, address FROM audit_events ORDER BY number")
        ]
    )


@contextmanager
def refuses(code: str) -> Iterator[None]:
    with pytest.raises(Exception, match=r"\w+ \w+") as caught:
        yield
    assert getattr(caught.value, "code", None) == code

from collections.abc import AsyncGenerator, Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from backend.auth.passwords import Passwords
from backend.auth.service import AuthService, SignedIn
from backend.auth.setup_code import SetupCode
from backend.auth.store import AuthStore
from backend.db.database import Database, open_database
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
def store(database: Database, clock: StillClock) -> AuthStore:
    return AuthStore(database, clock)


@pytest.fixture
def accounts(store: AuthStore, setup_code: SetupCode, clock: StillClock) -> AuthService:
    """Accounts alone, on a clock that stands still."""
    return AuthService(store, Passwords(HASHER), setup_code, clock)


@pytest.fixture
async def anna(accounts: AuthService) -> SignedIn:
    """The owner, signed in."""
    await accounts.add("anna", PASSWORD, "Anna", role="owner", first=True)
    return await accounts.login("anna", PASSWORD, origin=HERE)


@contextmanager
def refuses(code: str) -> Iterator[None]:
    with pytest.raises(Exception, match=r"\w+ \w+") as caught:
        yield
    assert getattr(caught.value, "code", None) == code

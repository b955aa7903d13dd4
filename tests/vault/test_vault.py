"""S5, O8: secrets of other services are sealed at rest and belong to the host they were entered for."""

import asyncio
import sqlite3
from collections.abc import AsyncGenerator
from contextlib import closing
from pathlib import Path

import pytest

from backend.db.database import Database, open_database
from backend.kit.errors import InvalidInputError
from backend.kit.keyring import Keyring
from backend.kit.seal import SealBrokenError, Sealer
from backend.vault.service import Vault
from backend.vault.store import VaultStore
from tests.fakes.clock import StillClock

SECRET = "kestrel-refresh-token"
HERE = "https://music.example/api"


@pytest.fixture
async def database(tmp_path: Path) -> AsyncGenerator[Database]:
    async with open_database(tmp_path / "parlor.db") as opened:
        yield opened


@pytest.fixture
def store(database: Database, clock: StillClock) -> VaultStore:
    return VaultStore(database, clock)


@pytest.fixture
def vault(store: VaultStore, tmp_path: Path, clock: StillClock) -> Vault:
    return Vault(store, Sealer(Keyring(tmp_path, clock)))


def everything_in(folder: Path) -> list[Path]:
    return [path for path in folder.rglob("*") if path.is_file()]


async def test_a_secret_comes_back_for_its_own_host(vault: Vault) -> None:
    await vault.put("music", HERE, SECRET)
    for same in (HERE, "https://music.example:443/other?x", "https://MUSIC.example./"):
        assert await vault.get("music", same) == SECRET
    assert await vault.get("mail", HERE) is None
    assert await vault.names() == ["music"]
    await vault.put("music", HERE, "another")
    assert await vault.get("music", HERE) == "another"
    await vault.forget("music")
    assert (await vault.get("music", HERE), await vault.names()) == (None, [])


@pytest.mark.parametrize(
    "elsewhere",
    ["https://evil.example/api", "http://music.example/api", "https://music.example:8443/api",
     "https://music.example.evil.example/", "https://music.example@evil.example/"],
)  # fmt: skip
async def test_s5_another_host_neither_gets_nor_keeps_the_secret(
    elsewhere: str, vault: Vault, store: VaultStore
) -> None:
    await vault.put("music", HERE, SECRET)
    assert await vault.get("music", elsewhere) is None
    assert await store.find("music") is None
    # Going back does not bring it back: it has to be entered again.
    assert await vault.get("music", HERE) is None


async def test_s5_the_secret_is_bound_to_its_host_also_in_the_database(
    vault: Vault, database: Database, store: VaultStore
) -> None:
    await vault.put("music", HERE, SECRET)
    await vault.put("mail", "https://mail.example", "other")
    changes = [
        "UPDATE stored_secrets SET origin = 'https://evil.example:443' WHERE name = 'music'",
        "UPDATE stored_secrets SET origin = 'https://music.example:443',"
        " sealed = (SELECT sealed FROM stored_secrets WHERE name = 'music') WHERE name = 'mail'",
    ]
    for change in changes:
        await database.write(lambda c, change=change: c.execute(change).rowcount)
    for name, origin in (("music", "https://evil.example"), ("mail", HERE)):
        with pytest.raises(SealBrokenError):
            await vault.get(name, origin)


async def test_o8_no_byte_of_it_is_readable_on_disk(
    vault: Vault, store: VaultStore, tmp_path: Path
) -> None:
    await vault.put("music", HERE, SECRET)
    found = await store.find("music")
    assert found is not None
    assert SECRET not in repr(found)
    assert SECRET not in repr(vault)
    for path in everything_in(tmp_path):
        assert SECRET.encode() not in path.read_bytes(), path
    with closing(sqlite3.connect(tmp_path / "parlor.db")) as connection:
        rows = connection.execute("SELECT name, origin FROM stored_secrets").fetchall()
    assert rows == [("music", "https://music.example:443")]
    assert (tmp_path / "keys.json").stat().st_mode & 0o777 == 0o600


async def test_o8_without_the_key_a_copy_of_the_database_is_worth_nothing(
    vault: Vault, store: VaultStore, tmp_path: Path, clock: StillClock
) -> None:
    await vault.put("music", HERE, SECRET)
    elsewhere = tmp_path / "elsewhere"
    elsewhere.mkdir()
    with pytest.raises(SealBrokenError) as caught:
        await Vault(store, Sealer(Keyring(elsewhere, clock))).get("music", HERE)
    assert SECRET not in str(caught.value)


async def test_a_new_key_leaves_older_secrets_readable(
    vault: Vault, tmp_path: Path, clock: StillClock
) -> None:
    await vault.put("music", HERE, SECRET)
    await asyncio.to_thread(Keyring(tmp_path, clock).rotate, "secrets")
    assert await vault.get("music", HERE) == SECRET
    await vault.put("mail", HERE, "later")
    assert await vault.get("mail", HERE) == "later"


@pytest.mark.parametrize(
    "origin",
    ["", "music.example", "file:///etc/passwd", "ftp://a.example", "https://", "https://a:x"],
)
async def test_a_secret_needs_a_web_address(origin: str, vault: Vault) -> None:
    with pytest.raises(InvalidInputError):
        await vault.put("music", origin, SECRET)

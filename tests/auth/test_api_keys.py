"""API keys: shown once, kept as a hash, refused at once when they are removed."""

import asyncio
from typing import Any

import pytest

from backend.auth.access import ACCOUNT, ADMIN, CHAT, READ
from backend.auth.accounts import Accounts
from backend.auth.people import Caller
from backend.auth.sessions import SignedIn
from backend.db.database import Database
from tests.auth.conftest import PASSWORD, audit, bearer_of, caller_of, refuses
from tests.conftest import HERE
from tests.fakes.clock import StillClock


@pytest.fixture
async def caller(everything: Accounts, anna: SignedIn) -> Caller:
    return await caller_of(everything.auth, anna.token)


async def make(everything: Accounts, caller: Caller, *scopes: Any, **more: Any) -> tuple[str, str]:
    """The id and the secret."""
    options = {"days": None, "origin": HERE} | more
    key, secret = await everything.keys.make(caller, "a script", scopes or ("chat",), **options)
    return key.id, secret


async def test_a_key_is_its_person_with_its_scopes(
    everything: Accounts, caller: Caller, database: Database
) -> None:
    key_id, secret = await make(everything, caller, "read", "chat", "read")
    assert secret.startswith("parlor_key_")
    found = await bearer_of(everything.auth, secret)
    assert found == Caller(caller.user, "key", key_id, frozenset({"read", "chat"}))
    (listed,) = await everything.keys.listed(caller)
    assert (listed.scopes, listed.hint, listed.name) == (("chat", "read"), secret[-4:], "a script")
    assert ("key_made", "a script", HERE.address) in await audit(database)


async def test_a_key_reaches_what_its_scopes_say_and_never_an_account(
    everything: Accounts, caller: Caller
) -> None:
    _, secret = await make(everything, caller, "read")
    reader = await bearer_of(everything.auth, secret)
    READ.check(reader)
    for access in (CHAT, ADMIN, ACCOUNT):
        with refuses("scope_missing"):
            access.check(reader)


async def test_the_database_knows_no_key(
    everything: Accounts, caller: Caller, database: Database
) -> None:
    _, secret = await make(everything, caller)
    files = await asyncio.to_thread(
        lambda: b"".join(one.read_bytes() for one in database.path.parent.iterdir())
    )
    assert b"a script" in files
    assert secret.removeprefix("parlor_key_").encode() not in files


async def test_a_made_up_key_is_nobody(everything: Accounts, caller: Caller) -> None:
    _, secret = await make(everything, caller)
    for other in ("parlor_key_", "parlor_key_x", secret + "x", secret.upper(), secret[11:]):
        with refuses("not_signed_in"):
            await bearer_of(everything.auth, other)


async def test_a_removed_key_is_refused_at_once_and_only_its_owner_removes_it(
    everything: Accounts, caller: Caller, database: Database
) -> None:
    key_id, secret = await make(everything, caller)
    await bearer_of(everything.auth, secret)
    await everything.auth.add("bob", PASSWORD, "", role="adult")
    bob = await everything.auth.login("bob", PASSWORD, origin=HERE)
    with refuses("not_found"):
        of_bob = await caller_of(everything.auth, bob.token)
        await everything.keys.remove(of_bob, key_id, origin=HERE)
    await bearer_of(everything.auth, secret)
    await everything.keys.remove(caller, key_id, origin=HERE)
    with refuses("not_signed_in"):
        await bearer_of(everything.auth, secret)
    assert (await audit(database))[-1] == ("key_removed", "a script", HERE.address)


async def test_a_key_ends_on_its_day_even_when_remembered(
    everything: Accounts, caller: Caller, clock: StillClock
) -> None:
    _, secret = await make(everything, caller, days=1)
    clock.forward(days=1, seconds=-1)
    await bearer_of(everything.auth, secret)
    clock.forward(seconds=1)
    with refuses("not_signed_in"):
        await bearer_of(everything.auth, secret)


async def test_a_key_of_somebody_disabled_is_refused_within_two_seconds(
    everything: Accounts, caller: Caller, database: Database, clock: StillClock
) -> None:
    _, secret = await make(everything, caller)
    await bearer_of(everything.auth, secret)
    await database.write(lambda c: c.execute("UPDATE users SET disabled_at = 1"))
    clock.forward(seconds=2)
    with refuses("not_signed_in"):
        await bearer_of(everything.auth, secret)


async def test_the_last_use_is_noted_once_a_minute(
    everything: Accounts, caller: Caller, clock: StillClock
) -> None:
    _, secret = await make(everything, caller)

    async def last_used() -> Any:
        await bearer_of(everything.auth, secret)
        return (await everything.keys.listed(caller))[0].last_used_at

    assert (await everything.keys.listed(caller))[0].last_used_at is None
    first = await last_used()
    assert first == clock.now()
    clock.forward(seconds=59)
    assert await last_used() == first
    clock.forward(seconds=3)
    assert await last_used() == clock.now()


async def test_children_have_no_keys_and_only_the_owner_has_one_that_manages(
    everything: Accounts, anna: SignedIn, caller: Caller
) -> None:
    for name, role in (("mia", "child"), ("bob", "adult")):
        await everything.auth.add(name, PASSWORD, "", role=role)  # type: ignore[arg-type]
        signed_in = await everything.auth.login(name, PASSWORD, origin=HERE)
        with refuses("forbidden"):
            somebody = await caller_of(everything.auth, signed_in.token)
            await make(everything, somebody, "chat" if role == "child" else "admin")
    await make(everything, caller, "admin")


async def test_there_is_an_end_to_the_number_of_keys(everything: Accounts, caller: Caller) -> None:
    for _ in range(50):
        await make(everything, caller)
    with refuses("too_many_keys"):
        await make(everything, caller)

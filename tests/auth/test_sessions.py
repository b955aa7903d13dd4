"""Sessions: only a hash is kept, they end when they should, and at once."""

import asyncio
from datetime import timedelta
from typing import Any, override

from backend.auth.passwords import Passwords
from backend.auth.people import Session
from backend.auth.service import SESSION_LIFE, AuthService, SignedIn
from backend.auth.setup_code import SetupCode
from backend.auth.store import AuthStore
from backend.db.database import Database
from tests.auth.conftest import PASSWORD, refuses
from tests.conftest import HASHER, HERE
from tests.fakes.clock import StillClock


async def rows(database: Database) -> list[Any]:
    return await database.read(
        lambda c: [tuple(row) for row in c.execute("SELECT * FROM sessions")]
    )


async def test_the_database_knows_no_token(
    accounts: AuthService, anna: SignedIn, database: Database
) -> None:
    assert len(await rows(database)) == 1
    files = list(database.path.parent.iterdir())
    content = await asyncio.to_thread(lambda: b"".join(file.read_bytes() for file in files))
    assert b"a test" in content  # the user agent: this is where sessions are
    assert anna.token.encode() not in content


async def test_a_stored_hash_is_not_a_token(
    accounts: AuthService, anna: SignedIn, database: Database
) -> None:
    with refuses("not_signed_in"):
        await accounts.caller((await rows(database))[0][0])


async def test_a_made_up_token_or_none_is_nobody(accounts: AuthService, anna: SignedIn) -> None:
    for token in (None, "", "made-up", anna.token + "x", "é", anna.token.swapcase()):
        with refuses("not_signed_in"):
            await accounts.caller(token)


async def test_logging_out_ends_the_session_at_once(accounts: AuthService, anna: SignedIn) -> None:
    phone = await accounts.login("anna", PASSWORD, origin=HERE)
    await accounts.logout(await accounts.caller(anna.token))
    with refuses("not_signed_in"):
        await accounts.caller(anna.token)
    await accounts.caller(phone.token)


async def test_a_request_that_overtakes_the_logout_does_not_keep_the_session(
    store: AuthStore, setup_code: SetupCode, clock: StillClock, database: Database
) -> None:
    class SlowStore(AuthStore):
        """Has read the session, but is late to say so."""

        def __init__(self) -> None:
            super().__init__(database, clock)
            self.has_read, self.may_answer = asyncio.Event(), asyncio.Event()
            self.may_answer.set()

        @override
        async def session(self, token_hash: str) -> Session | None:
            found = await super().session(token_hash)
            self.has_read.set()
            await self.may_answer.wait()
            return found

    slow = SlowStore()
    accounts = AuthService(slow, Passwords(HASHER), setup_code, clock)
    await accounts.add("anna", PASSWORD, "", role="owner")
    anna = await accounts.login("anna", PASSWORD, origin=HERE)
    caller = await accounts.caller(anna.token)
    clock.forward(seconds=3)
    slow.may_answer.clear()
    slow.has_read.clear()
    async with asyncio.timeout(5), asyncio.TaskGroup() as group:
        group.create_task(accounts.caller(anna.token))
        await slow.has_read.wait()
        await accounts.logout(caller)
        slow.may_answer.set()
    with refuses("not_signed_in"):
        await accounts.caller(anna.token)


async def test_a_session_that_is_not_used_expires(
    accounts: AuthService, anna: SignedIn, clock: StillClock
) -> None:
    clock.forward(days=SESSION_LIFE.days, seconds=1)
    with refuses("not_signed_in"):
        await accounts.caller(anna.token)


async def test_a_session_that_is_used_goes_on(
    accounts: AuthService, anna: SignedIn, clock: StillClock
) -> None:
    for _ in range(4):
        clock.forward(days=SESSION_LIFE.days - 1)
        await accounts.caller(anna.token)


async def test_expired_sessions_are_cleared_away(
    accounts: AuthService, anna: SignedIn, clock: StillClock, database: Database
) -> None:
    clock.forward(days=(SESSION_LIFE + timedelta(days=1)).days)
    await accounts.login("anna", PASSWORD, origin=HERE)
    assert len(await rows(database)) == 1


async def test_a_new_password_ends_all_sessions_of_that_person(
    accounts: AuthService, anna: SignedIn
) -> None:
    await accounts.add("bob", PASSWORD, "", role="adult")
    bob = await accounts.login("bob", PASSWORD, origin=HERE)
    await accounts.caller(anna.token)
    await accounts.set_password("anna", "another horse")
    with refuses("not_signed_in"):
        await accounts.caller(anna.token)
    await accounts.caller(bob.token)
    with refuses("wrong_credentials"):
        await accounts.login("anna", PASSWORD, origin=HERE)
    await accounts.login("anna", "another horse", origin=HERE)


async def test_another_process_closing_a_session_is_noticed_within_seconds(
    accounts: AuthService,
    anna: SignedIn,
    store: AuthStore,
    setup_code: SetupCode,
    clock: StillClock,
) -> None:
    elsewhere = AuthService(store, Passwords(HASHER), setup_code, clock)
    await accounts.caller(anna.token)
    await elsewhere.logout(await elsewhere.caller(anna.token))
    clock.forward(seconds=2.1)
    with refuses("not_signed_in"):
        await accounts.caller(anna.token)

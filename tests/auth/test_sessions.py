"""Sessions: only a hash is kept, they end when they should, and at once."""

import asyncio
import time
from datetime import timedelta
from typing import Any, override

from backend.auth.accounts import Accounts, Outside, build_accounts
from backend.auth.app_store import AppStore
from backend.auth.callers import SESSION_LIFE, Callers, Shown, hash_of
from backend.auth.device_store import DeviceStore
from backend.auth.key_store import KeyStore
from backend.auth.people import Caller, DeviceCaller, Origin
from backend.auth.service import AuthService
from backend.auth.session_store import Session, SessionStore
from backend.auth.sessions import SignedIn
from backend.auth.tokens import TokenRules, Tokens
from backend.db.database import Database
from tests.auth.conftest import PASSWORD, audit, bearer_of, caller_of, refuses
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
        await caller_of(accounts, (await rows(database))[0][0])


async def test_a_made_up_token_or_none_is_nobody(accounts: AuthService, anna: SignedIn) -> None:
    for token in (None, "", "made-up", anna.token + "x", "é", anna.token.swapcase()):
        with refuses("not_signed_in"):
            await caller_of(accounts, token)


async def test_logging_out_ends_the_session_at_once(
    everything: Accounts, accounts: AuthService, anna: SignedIn
) -> None:
    phone = await accounts.login("anna", PASSWORD, origin=HERE)
    caller = await caller_of(accounts, anna.token)
    await everything.sessions.log_out(caller, origin=HERE)
    with refuses("not_signed_in"):
        await caller_of(accounts, anna.token)
    await caller_of(accounts, phone.token)


async def test_a_request_that_overtakes_the_logout_does_not_keep_the_session(
    outside: Outside, everything: Accounts, anna: SignedIn, clock: StillClock
) -> None:
    class SlowStore(SessionStore):
        """Has read the session, but is late to say so."""

        def __init__(self) -> None:
            super().__init__(outside.database, clock)
            self.has_read, self.may_answer = asyncio.Event(), asyncio.Event()
            self.may_answer.set()

        @override
        async def by_cookie(self, token_hash: str) -> Session | None:
            found = await super().by_cookie(token_hash)
            self.has_read.set()
            await self.may_answer.wait()
            return found

    slow = SlowStore()
    database = outside.database
    callers = Callers(
        slow,
        KeyStore(database, clock),
        DeviceStore(database, clock),
        AppStore(database, clock),
        Tokens(outside.keyring, TokenRules(), clock),
        clock=clock,
        on_ending=lambda: None,
    )
    shown = Shown(cookie=anna.token)
    await callers.identify(shown, HERE)
    clock.forward(seconds=3)
    slow.may_answer.clear()
    slow.has_read.clear()
    async with asyncio.timeout(5), asyncio.TaskGroup() as group:
        group.create_task(callers.identify(shown, HERE))
        await slow.has_read.wait()
        caller = await caller_of(everything.auth, anna.token)
        await everything.sessions.log_out(caller, origin=HERE)
        callers.forget()
        slow.may_answer.set()
    with refuses("not_signed_in"):
        await callers.identify(shown, HERE)


async def test_a_session_that_is_not_used_expires(
    accounts: AuthService, anna: SignedIn, clock: StillClock
) -> None:
    clock.forward(days=SESSION_LIFE.days, seconds=1)
    with refuses("not_signed_in"):
        await caller_of(accounts, anna.token)


async def test_a_session_that_is_used_goes_on(
    accounts: AuthService, anna: SignedIn, clock: StillClock
) -> None:
    for _ in range(4):
        clock.forward(days=SESSION_LIFE.days - 1)
        await caller_of(accounts, anna.token)


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
    await caller_of(accounts, anna.token)
    await accounts.reset("anna", "another horse")
    with refuses("not_signed_in"):
        await caller_of(accounts, anna.token)
    await caller_of(accounts, bob.token)
    with refuses("wrong_credentials"):
        await accounts.login("anna", PASSWORD, origin=HERE)
    await accounts.login("anna", "another horse", origin=HERE)


async def test_another_process_closing_a_session_is_noticed_within_seconds(
    accounts: AuthService, anna: SignedIn, outside: Outside, clock: StillClock
) -> None:
    elsewhere = build_accounts(outside, hasher=HASHER)
    await caller_of(accounts, anna.token)
    caller = await caller_of(elsewhere.auth, anna.token)
    await elsewhere.sessions.log_out(caller, origin=HERE)
    clock.forward(seconds=2.1)
    with refuses("not_signed_in"):
        await caller_of(accounts, anna.token)


async def test_a_session_that_was_prolonged_says_so_once_and_knows_the_new_address(
    everything: Accounts, anna: SignedIn, clock: StillClock
) -> None:
    shown, train = Shown(cookie=anna.token), Origin("198.51.100.7", "a test")
    assert not (await everything.auth.identify(shown, HERE)).prolonged
    clock.forward(hours=2)
    assert (await everything.auth.identify(shown, train)).prolonged
    assert not (await everything.auth.identify(shown, train)).prolonged
    clock.forward(seconds=3)
    recognised = await everything.auth.identify(shown, train)
    assert not recognised.prolonged
    assert isinstance(recognised.caller, Caller)
    (listed,) = await everything.sessions.listed(recognised.caller)
    assert listed.address == train.address
    assert listed.expires_at == clock.now() - timedelta(seconds=3) + SESSION_LIFE


async def test_one_session_is_ended_and_only_by_its_owner(
    everything: Accounts, accounts: AuthService, anna: SignedIn, database: Database
) -> None:
    await accounts.add("bob", PASSWORD, "", role="adult")
    bob = await accounts.login("bob", PASSWORD, origin=HERE)
    phone = await accounts.login("anna", PASSWORD, origin=HERE)
    of_phone, of_bob = await caller_of(accounts, phone.token), await caller_of(accounts, bob.token)
    with refuses("not_found"):
        await everything.sessions.end(of_bob, of_phone.credential_id, origin=HERE)
    here = await caller_of(accounts, anna.token)
    await everything.sessions.end(here, of_phone.credential_id, origin=HERE)
    with refuses("not_signed_in"):
        await caller_of(accounts, phone.token)
    await caller_of(accounts, anna.token)
    await caller_of(accounts, bob.token)
    assert (await audit(database))[-1] == ("session_ended", "anna", HERE.address)


async def test_signing_out_everywhere_else_keeps_this_session_and_other_people(
    everything: Accounts, accounts: AuthService, anna: SignedIn
) -> None:
    await accounts.add("bob", PASSWORD, "", role="adult")
    bob = await accounts.login("bob", PASSWORD, origin=HERE)
    phone = await accounts.login("anna", PASSWORD, origin=HERE)
    pair = await everything.sessions.open_tokens(anna.user, HERE)
    await everything.sessions.end_others(await caller_of(accounts, anna.token), origin=HERE)
    with refuses("not_signed_in"):
        await caller_of(accounts, phone.token)
    with refuses("not_signed_in"):
        await bearer_of(accounts, pair.access)
    await caller_of(accounts, anna.token)
    await caller_of(accounts, bob.token)


async def test_the_list_of_sessions_holds_nobody_elses(
    everything: Accounts, accounts: AuthService, anna: SignedIn, clock: StillClock
) -> None:
    await accounts.add("bob", PASSWORD, "", role="adult")
    await accounts.login("bob", PASSWORD, origin=HERE)
    clock.forward(seconds=1)
    await everything.sessions.open_tokens(anna.user, Origin("192.0.2.9", "a program"))
    listed = await everything.sessions.listed(await caller_of(accounts, anna.token))
    assert [(one.kind, one.user_agent, one.address) for one in listed] == [
        ("token", "a program", "192.0.2.9"),
        ("session", "a test", HERE.address),
    ]


async def test_somebody_disabled_or_with_another_password_by_now_gets_no_session(
    everything: Accounts, anna: SignedIn, database: Database
) -> None:
    """A sign-in that overlaps with the change: it was proven with what no longer holds."""
    with refuses("not_signed_in"):
        await everything.sessions.open(anna.user, HERE, password_hash="the former one")
    await database.write(lambda c: c.execute("UPDATE users SET disabled_at = 1"))
    with refuses("not_signed_in"):
        await everything.sessions.open(anna.user, HERE)
    with refuses("not_signed_in"):
        await everything.sessions.open_tokens(anna.user, HERE)
    assert len(await rows(database)) == 1


async def test_a_display_is_recognised_by_cookie_and_header_and_its_cookie_renewed_daily(
    accounts: AuthService, anna: SignedIn, database: Database, clock: StillClock
) -> None:
    token = "parlor_wall_abc"
    await database.write(
        lambda c: c.execute(
            "INSERT INTO devices (id, name, token_hash, approved_by, user_agent, address,"
            " created_at) VALUES ('device_1', 'Kitchen', ?, 'anna', '', '', 0)",
            (hash_of(token),),
        )
    )
    kitchen = DeviceCaller("device_1", "Kitchen")
    shown = Shown(wall_cookie=token)
    prolonged = []
    for hours in (0, 1, 22, 2, 1):
        clock.forward(hours=hours)
        found = await accounts.identify(shown, HERE)
        assert found.caller == kitchen
        prolonged.append(found.prolonged)
    assert prolonged == [True, False, False, True, False]
    assert await bearer_of(accounts, token) == kitchen
    both = Shown(cookie=anna.token, wall_cookie=token)
    assert isinstance((await accounts.identify(both, HERE)).caller, Caller)
    old = Shown(cookie="of a session that has ended", wall_cookie=token)
    assert (await accounts.identify(old, HERE)).caller == kitchen
    with refuses("not_signed_in"):
        await accounts.identify(Shown(cookie=token), HERE)


async def test_a_cached_cookie_costs_microseconds(accounts: AuthService, anna: SignedIn) -> None:
    """Every request pays this. A question to the database takes 100 times as long."""
    shown = Shown(cookie=anna.token)
    await accounts.identify(shown, HERE)
    fastest = float("inf")
    for _ in range(200):
        began = time.perf_counter()
        await accounts.identify(shown, HERE)
        fastest = min(fastest, time.perf_counter() - began)
    assert fastest < 50e-6

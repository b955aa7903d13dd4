"""Guessing is slow for everybody but the owner's own places: field notes O9."""

import asyncio
import time

import pytest
from argon2 import PasswordHasher

from backend.auth.accounts import Accounts, Outside, build_accounts
from backend.auth.app_limits import AppLimits
from backend.auth.limiter import (
    MOST_NETWORKS,
    LoginLimiter,
    Place,
    TooManyAttemptsError,
    network_of,
)
from backend.auth.people import Origin
from backend.auth.service import AuthService
from backend.auth.sessions import SignedIn
from backend.auth.sign_in import Proof
from backend.db.database import Database
from backend.kit.clock import SystemClock
from tests.auth.conftest import PASSWORD, audit, caller_of, refuses
from tests.conftest import HASHER
from tests.fakes.clock import StillClock

CODES = ("wrong_credentials", "too_many_attempts")


def place(number: int) -> Origin:
    return Origin(f"198.18.{number // 250}.{number % 250 + 1}", "a guesser")


async def guess(accounts: AuthService, name: str, origin: Origin, known: str | None = None) -> str:
    """The code of the refusal."""
    with pytest.raises(Exception, match=r"\w") as refused:
        await accounts.login_with(Proof(name, "a wrong guess", known=known), origin)
    code = str(getattr(refused.value, "code", refused.value))
    assert code in CODES
    return code


async def test_o9_a_thousand_guesses_from_changing_addresses_do_not_pass(
    accounts: AuthService, anna: SignedIn
) -> None:
    codes = [await guess(accounts, "anna", place(number)) for number in range(1000)]
    assert codes.count("wrong_credentials") == 20


async def test_o9_the_owner_gets_in_while_the_attack_runs(
    accounts: AuthService, anna: SignedIn
) -> None:
    for number in range(100):
        await guess(accounts, "anna", place(number))
    train = Origin("203.0.113.77", "the owner's own browser")
    again = await accounts.login_with(Proof("anna", PASSWORD, known=anna.known), train)
    assert again.user == anna.user
    from_home = await accounts.login("anna", PASSWORD, origin=Origin("127.0.0.1", "at home"))
    assert from_home.user == anna.user
    with refuses("too_many_attempts"):  # a new place has to wait, the right password or not
        await accounts.login("anna", PASSWORD, origin=place(500))


async def test_o9_five_failures_of_an_account_and_address_and_then_none_for_a_quarter_of_an_hour(
    accounts: AuthService, anna: SignedIn, clock: StillClock
) -> None:
    for _ in range(5):
        assert await guess(accounts, "anna", place(1)) == "wrong_credentials"
        clock.forward(seconds=10)
    with pytest.raises(TooManyAttemptsError) as refused:
        await accounts.login("anna", PASSWORD, origin=place(1))
    assert refused.value.retry_after == 15 * 60 - 50
    clock.forward(seconds=15 * 60 - 51)
    with refuses("too_many_attempts"):
        await accounts.login("anna", PASSWORD, origin=place(1))
    clock.forward(seconds=1)
    assert (await accounts.login("anna", PASSWORD, origin=place(1))).user == anna.user


async def test_guesses_at_the_same_moment_cannot_slip_past(
    accounts: AuthService, anna: SignedIn
) -> None:
    codes = await asyncio.gather(*(guess(accounts, "anna", place(1)) for _ in range(50)))
    assert codes.count("wrong_credentials") == 5
    codes = await asyncio.gather(*(guess(accounts, "anna", place(n)) for n in range(2, 60)))
    assert codes.count("wrong_credentials") == 15


async def test_names_that_nobody_has_are_counted_just_the_same(
    accounts: AuthService, anna: SignedIn
) -> None:
    for name in ("anna", "nobody"):
        codes = [await guess(accounts, name, place(7)) for _ in range(7)]
        assert codes == ["wrong_credentials"] * 5 + ["too_many_attempts"] * 2
        codes = [await guess(accounts, name, place(100 + number)) for number in range(20)]
        assert codes.count("wrong_credentials") == 15


async def test_the_refusal_has_the_same_words_for_a_name_that_nobody_has(
    accounts: AuthService, anna: SignedIn
) -> None:
    words = set()
    for name in ("anna", "nobody"):
        for _ in range(5):
            await guess(accounts, name, place(1))
        with pytest.raises(TooManyAttemptsError) as refused:
            await accounts.login(name, PASSWORD, origin=place(1))
        words.add((str(refused.value), refused.value.retry_after))
    assert len(words) == 1


async def test_a_refusal_takes_the_same_time_for_a_name_that_nobody_has(
    accounts: AuthService, anna: SignedIn
) -> None:
    fastest = {"anna": float("inf"), "nobody": float("inf")}
    for name in fastest:
        for _ in range(5):
            await guess(accounts, name, place(1))
    for _ in range(30):
        for name in fastest:
            began = time.perf_counter()
            await guess(accounts, name, place(1))
            fastest[name] = min(fastest[name], time.perf_counter() - began)
    # A hash alone would be several times this.
    assert max(fastest.values()) < 3 * min(fastest.values())


async def test_the_guess_that_fills_the_bucket_takes_the_same_time_for_a_name_that_nobody_has(
    outside: Outside, clock: StillClock
) -> None:
    """It is written down, which takes a moment: for both."""
    accounts = build_accounts(outside, hasher=HASHER).auth
    await accounts.add("anna", PASSWORD, "", role="owner")
    events = {}
    for name in ("anna", "nobody"):
        before = await audit(outside.database)
        for _ in range(5):
            await guess(accounts, name, place(1))
        events[name] = (await audit(outside.database))[len(before) :]
    assert events == {
        "anna": [("sign_in_blocked", "anna", place(1).address)],
        "nobody": [("sign_in_blocked", "", place(1).address)],
    }


async def test_a_mistyped_name_is_written_down_nowhere(
    accounts: AuthService, anna: SignedIn, database: Database
) -> None:
    """It may be a password that landed in the wrong field."""
    for _ in range(6):
        await guess(accounts, "my secret password", place(1))
    dumped = await database.read(
        lambda c: str([tuple(row) for row in c.execute("SELECT * FROM audit_events")])
    )
    assert "my secret" not in dumped


async def test_the_audit_log_tells_of_a_full_bucket_once(
    accounts: AuthService, anna: SignedIn, database: Database
) -> None:
    for _ in range(20):
        await guess(accounts, "anna", place(1))
    kinds = [kind for kind, *_ in await audit(database)]
    assert kinds.count("sign_in_blocked") == 1


async def test_one_address_may_fail_thirty_times_over_all_names(
    accounts: AuthService, anna: SignedIn
) -> None:
    codes = [await guess(accounts, f"name{number}", place(1)) for number in range(40)]
    assert codes.count("wrong_credentials") == 30
    assert await guess(accounts, "name99", place(2)) == "wrong_credentials"


async def test_a_whole_network_of_ipv6_is_one_place(accounts: AuthService, anna: SignedIn) -> None:
    codes = [
        await guess(accounts, "anna", Origin(f"2001:db8:0:7::{number:x}", "x"))
        for number in range(1, 30)
    ]
    assert codes.count("wrong_credentials") == 5
    beside = Origin("2001:db8:0:8::1", "x")
    assert await guess(accounts, "anna", beside) == "wrong_credentials"


@pytest.mark.parametrize(
    ("address", "network"),
    [
        ("192.0.2.7", "192.0.2.7"),
        ("::ffff:192.0.2.7", "192.0.2.7"),
        ("2001:db8:1:2:3:4:5:6", "2001:db8:1:2::/64"),
        ("fe80::1%eth0", "fe80::/64"),
        ("", ""),
        ("testclient", "testclient"),
    ],
)
def test_an_address_stands_for_its_network(address: str, network: str) -> None:
    assert network_of(address) == network


async def test_capitals_and_blanks_make_no_other_account(
    accounts: AuthService, anna: SignedIn
) -> None:
    names = ["anna", "ANNA", "Anna", " anna", "aNNa ", "annA", "ANna"]
    codes = [await guess(accounts, name, place(1)) for name in names]
    assert codes.count("wrong_credentials") == 5


async def test_a_success_clears_the_place_but_not_the_attack(
    accounts: AuthService, anna: SignedIn
) -> None:
    train = Origin("203.0.113.77", "x")
    for _ in range(4):
        await guess(accounts, "anna", train)
    later = await accounts.login("anna", PASSWORD, origin=train)
    assert later.user == anna.user
    for _ in range(4):  # this address is known now, and starts anew
        assert await guess(accounts, "anna", train) == "wrong_credentials"
    await accounts.login("anna", PASSWORD, origin=train)
    codes = [await guess(accounts, "anna", place(number)) for number in range(30)]
    assert codes.count("wrong_credentials") == 16  # 20, less those before the place was known


async def test_a_known_browser_may_fail_five_times_too(
    accounts: AuthService, anna: SignedIn
) -> None:
    codes = [await guess(accounts, "anna", place(n), anna.known) for n in range(20)]
    assert codes.count("wrong_credentials") == 5


async def test_the_mark_of_a_browser_is_for_the_person_who_signed_in_there(
    accounts: AuthService, anna: SignedIn
) -> None:
    """A child's browser does not help to guess the owner's password."""
    await accounts.add("mia", PASSWORD, "", role="child")
    mia = await accounts.login("mia", PASSWORD, origin=Origin("203.0.113.1", "x"))
    for number in range(30):
        await guess(accounts, "anna", place(number))
    for known in (mia.known, anna.known + "x", "made-up", anna.token):
        assert await guess(accounts, "anna", place(99), known) == "too_many_attempts"
    assert await guess(accounts, "anna", place(99), anna.known) == "wrong_credentials"


async def test_the_mark_of_a_browser_is_good_for_half_a_year(
    everything: Accounts, anna: SignedIn, clock: StillClock
) -> None:
    async def attacked() -> str:
        for number in range(25):
            await guess(everything.auth, "anna", place(number))
        return await guess(everything.auth, "anna", Origin("203.0.113.5", "x"), anna.known)

    clock.forward(days=179)
    assert await attacked() == "wrong_credentials"
    clock.forward(days=2)
    assert await attacked() == "too_many_attempts"


async def test_a_stolen_session_cannot_guess_the_password_either(
    accounts: AuthService, anna: SignedIn, database: Database
) -> None:
    caller, thief = await caller_of(accounts, anna.token), Origin("203.0.113.66", "x")
    for _ in range(5):
        with refuses("wrong_credentials"):
            await accounts.change_password(caller, "a guess", "my own password", origin=thief)
    with refuses("too_many_attempts"):
        await accounts.change_password(caller, PASSWORD, "my own password", origin=thief)
    with refuses("too_many_attempts"):
        await accounts.confirm_password(caller, PASSWORD, origin=thief)
    assert ("sign_in_blocked", "anna", thief.address) in await audit(database)
    await accounts.login("anna", PASSWORD, origin=thief)


async def test_what_was_no_wrong_guess_is_not_counted(clock: StillClock) -> None:
    for limiter in (LoginLimiter(clock), LoginLimiter(SystemClock())):
        for _ in range(10):
            limiter.password("anna", Place("192.0.2.7")).release()
        assert limiter.password("anna", Place("192.0.2.7")).fills is False


async def test_random_names_from_everywhere_do_not_fill_the_memory_or_the_processor(
    clock: StillClock,
) -> None:
    limiter, refused = LoginLimiter(clock), 0
    for number in range(20_000):
        network = f"2001:db8:{number // 65536:x}:{number % 65536:x}::1"
        try:
            limiter.password(f"name{number}", Place(network))
        except TooManyAttemptsError:
            refused += 1
    assert refused == 20_000 - 300
    assert len(limiter) < 1000


async def test_what_everybody_may_do_does_not_fill_the_memory_or_the_processor_either(
    clock: StillClock,
) -> None:
    limiter, limits = LoginLimiter(clock), AppLimits(clock)

    def knock(numbers: range) -> float:
        began = time.process_time()
        for number in numbers:
            network = f"2001:db8:{number // 65536:x}:{number % 65536:x}::1"
            limiter.question(network)
            limits.token(network)
        return (time.process_time() - began) / len(numbers)

    early = knock(range(1000))
    knock(range(1000, MOST_NETWORKS + 1000))
    assert len(limiter) == MOST_NETWORKS
    # Each time looked through all that are kept, it would be fifty times that.
    assert knock(range(70_000, 71_000)) < 5 * early


async def test_what_has_run_empty_is_dropped(clock: StillClock) -> None:
    limiter = LoginLimiter(clock)
    for number in range(3000):
        limiter.password("anna", Place("", known=f"browser {number}"))
    clock.forward(hours=2)
    limiter.password("anna", Place("", known="another"))
    assert len(limiter) == 1


async def test_a_refused_guess_costs_no_hash(outside: Outside) -> None:
    slow = PasswordHasher(time_cost=2, memory_cost=16384, parallelism=1)
    accounts = build_accounts(outside, hasher=slow).auth
    await accounts.add("anna", PASSWORD, "", role="owner")
    for name in ("anna", "nobody"):
        for _ in range(5):
            await guess(accounts, name, place(1))
        began = time.perf_counter()
        await guess(accounts, name, place(1))
        refused = time.perf_counter() - began
        began = time.perf_counter()
        await guess(accounts, name, place(2))
        assert refused < (time.perf_counter() - began) / 2

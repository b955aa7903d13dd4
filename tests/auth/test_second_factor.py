"""Codes of an authenticator app, and recovery codes: each is taken once."""

import asyncio

import pyotp
import pytest

from backend.auth.accounts import Accounts, Outside, build_accounts
from backend.auth.people import Caller, Origin
from backend.auth.sessions import SignedIn
from backend.auth.sign_in import Proof
from backend.db.database import Database
from backend.kit.keyring import Keyring
from tests.auth.conftest import PASSWORD, audit, caller_of, refuses
from tests.conftest import HASHER, HERE
from tests.fakes.clock import StillClock


class Phone:
    """An authenticator app that was told the secret."""

    def __init__(self, secret: str, clock: StillClock) -> None:
        self._totp = pyotp.TOTP(secret)
        self._clock = clock

    def code(self, later: int = 0) -> str:
        return self._totp.at(int(self._clock.now().timestamp()) + 30 * later)


@pytest.fixture
async def caller(everything: Accounts, anna: SignedIn) -> Caller:
    return await caller_of(everything.auth, anna.token)


@pytest.fixture
async def phone(everything: Accounts, caller: Caller, clock: StillClock) -> Phone:
    """Not confirmed yet."""
    return Phone((await everything.second_factor.begin(caller)).secret, clock)


@pytest.fixture
async def recovery(
    everything: Accounts, caller: Caller, phone: Phone, clock: StillClock
) -> list[str]:
    """The codes, after the phone was confirmed; its code of then is used up."""
    codes = await everything.second_factor.confirm(caller, phone.code(), origin=HERE)
    clock.forward(seconds=60)
    return codes


async def login(everything: Accounts, code: str | None, origin: Origin = HERE) -> str:
    proof = Proof("anna", PASSWORD, code)
    return (await everything.auth.login_with(proof, origin)).user.username


async def test_until_a_code_has_confirmed_it_nothing_is_asked_for(
    everything: Accounts, caller: Caller, phone: Phone
) -> None:
    assert await login(everything, None) == "anna"
    with refuses("wrong_code"):
        await everything.second_factor.confirm(caller, "000000", origin=HERE)
    assert await login(everything, None) == "anna"
    assert not (await everything.second_factor.state(caller.user.id)).totp


async def test_afterwards_the_password_alone_is_not_enough(
    everything: Accounts, recovery: list[str], phone: Phone, database: Database
) -> None:
    for nothing in (None, ""):
        with refuses("second_factor_required"):
            await login(everything, nothing)
    for wrong in ("000000", "12345", "1234567", "abcd", "\u0660" * 6, " "):
        with refuses("wrong_code"):
            await login(everything, wrong, Origin(f"198.51.100.{len(wrong)}", "x"))
    assert await login(everything, phone.code()) == "anna"
    assert ("second_factor_added", "anna", HERE.address) in await audit(database)


async def test_a_program_needs_the_code_too(
    everything: Accounts, recovery: list[str], phone: Phone
) -> None:
    with refuses("second_factor_required"):
        await everything.auth.login_program(Proof("anna", PASSWORD), HERE)
    pair = await everything.auth.login_program(Proof("anna", PASSWORD, phone.code()), HERE)
    assert pair.user.username == "anna"


async def test_a_wrong_password_with_a_right_code_tells_nothing_of_the_code(
    everything: Accounts, recovery: list[str], phone: Phone
) -> None:
    with refuses("wrong_credentials"):
        await everything.auth.login_with(Proof("anna", "wrong", phone.code()), HERE)
    assert await login(everything, phone.code()) == "anna"  # it was not used up


async def test_a_clock_half_a_minute_off_is_forgiven_and_more_is_not(
    everything: Accounts, recovery: list[str], phone: Phone, clock: StillClock
) -> None:
    for step in (-1, 1):
        clock.forward(seconds=120)
        assert await login(everything, phone.code(step)) == "anna"
    for step in (-2, 2):
        clock.forward(seconds=120)
        with refuses("wrong_code"):
            await login(everything, phone.code(step))


async def test_no_code_is_taken_twice_nor_an_older_one_after_it(
    everything: Accounts, recovery: list[str], phone: Phone
) -> None:
    code, before = phone.code(), phone.code(-1)
    assert await login(everything, code) == "anna"
    for again in (code, before):
        with refuses("wrong_code"):
            await login(everything, again)


async def test_the_code_that_confirmed_it_signs_nobody_in(
    everything: Accounts, caller: Caller, phone: Phone
) -> None:
    code = phone.code()
    await everything.second_factor.confirm(caller, code, origin=HERE)
    with refuses("wrong_code"):
        await login(everything, code)


async def test_of_two_sign_ins_with_the_same_code_one_wins(
    everything: Accounts, recovery: list[str], phone: Phone
) -> None:
    for code in (phone.code(), recovery[0]):
        outcomes = await asyncio.gather(
            *(login(everything, code) for _ in range(4)), return_exceptions=True
        )
        assert outcomes.count("anna") == 1


async def test_each_recovery_code_works_once_however_it_is_typed(
    everything: Accounts, caller: Caller, recovery: list[str], database: Database
) -> None:
    assert len(set(recovery)) == 10
    first, second, third = recovery[:3]
    typed = (first, second.upper(), f" {third.replace('-', ' ')} ")
    for code in typed:
        assert await login(everything, code) == "anna"
        with refuses("wrong_code"):
            await login(everything, code)
    state = await everything.second_factor.state(caller.user.id)
    assert state.recovery_codes_left == 7
    kinds = [kind for kind, *_ in await audit(database)]
    assert kinds.count("recovery_code_used") == 3


async def test_a_recovery_code_of_somebody_else_is_none(
    everything: Accounts, recovery: list[str], clock: StillClock
) -> None:
    await everything.auth.add("bob", PASSWORD, "", role="adult")
    bob = await everything.auth.login("bob", PASSWORD, origin=HERE)
    of_bob = await caller_of(everything.auth, bob.token)
    phone = Phone((await everything.second_factor.begin(of_bob)).secret, clock)
    await everything.second_factor.confirm(of_bob, phone.code(), origin=HERE)
    with refuses("wrong_code"):
        await everything.auth.login_with(Proof("bob", PASSWORD, recovery[0]), HERE)
    assert await login(everything, recovery[0]) == "anna"


async def test_new_recovery_codes_void_the_old_ones(
    everything: Accounts, caller: Caller, recovery: list[str]
) -> None:
    renewed = await everything.second_factor.renew_recovery_codes(caller, origin=HERE)
    with refuses("wrong_code"):
        await login(everything, recovery[0])
    assert await login(everything, renewed[0]) == "anna"


async def test_without_the_second_factor_the_password_is_enough_again(
    everything: Accounts, caller: Caller, recovery: list[str], database: Database
) -> None:
    await everything.second_factor.remove(caller, origin=HERE)
    assert await login(everything, None) == "anna"
    assert (await everything.second_factor.state(caller.user.id)).recovery_codes_left == 0
    assert ("second_factor_removed", "anna", HERE.address) in await audit(database)
    with refuses("second_factor_off"):
        await everything.second_factor.remove(caller, origin=HERE)
    with refuses("second_factor_off"):
        await everything.second_factor.renew_recovery_codes(caller, origin=HERE)


async def test_one_that_is_in_use_is_not_replaced_by_a_stolen_session(
    everything: Accounts, caller: Caller, recovery: list[str], phone: Phone
) -> None:
    with refuses("second_factor_on"):
        await everything.second_factor.begin(caller)
    with refuses("second_factor_on"):
        await everything.second_factor.confirm(caller, phone.code(), origin=HERE)
    assert await login(everything, phone.code()) == "anna"


async def test_a_second_beginning_voids_the_first(
    everything: Accounts, caller: Caller, phone: Phone, clock: StillClock
) -> None:
    other = Phone((await everything.second_factor.begin(caller)).secret, clock)
    with refuses("wrong_code"):
        await everything.second_factor.confirm(caller, phone.code(), origin=HERE)
    await everything.second_factor.confirm(caller, other.code(), origin=HERE)


async def test_wrong_codes_are_counted_like_wrong_passwords(
    everything: Accounts, recovery: list[str], phone: Phone
) -> None:
    """Six digits are guessed within days otherwise, by whoever has the password."""
    thief = Origin("203.0.113.9", "x")
    for number in range(5):
        with refuses("wrong_code"):
            await login(everything, f"{number:06}", thief)
    with refuses("too_many_attempts"):
        await login(everything, phone.code(), thief)


async def test_asking_for_the_code_is_no_failure_and_clears_none(
    everything: Accounts, recovery: list[str]
) -> None:
    thief = Origin("203.0.113.9", "x")
    for _ in range(4):
        with refuses("wrong_code"):
            await login(everything, "000000", thief)
    for _ in range(20):
        with refuses("second_factor_required"):
            await login(everything, None, thief)
    with refuses("wrong_code"):
        await login(everything, "000000", thief)
    with refuses("too_many_attempts"):
        await login(everything, "000000", thief)


async def test_o8_the_secret_and_the_codes_are_nowhere_in_the_state_folder(
    everything: Accounts, caller: Caller, database: Database, clock: StillClock
) -> None:
    enrolment = await everything.second_factor.begin(caller)
    code = Phone(enrolment.secret, clock).code()
    recovery = await everything.second_factor.confirm(caller, code, origin=HERE)
    files = await asyncio.to_thread(
        lambda: b"".join(one.read_bytes() for one in database.path.parent.iterdir())
    )
    assert b"second_factor_added" in files
    for secret in (enrolment.secret, *recovery, *(one.replace("-", "") for one in recovery)):
        assert secret.encode() not in files


async def test_with_lost_keys_the_recovery_codes_are_the_way_in(
    everything: Accounts, recovery: list[str], phone: Phone, outside: Outside, clock: StillClock
) -> None:
    (outside.state_dir / "keys.json").unlink()
    anew = Outside(outside.database, Keyring(outside.state_dir, clock), outside.state_dir, clock)
    later = build_accounts(anew, hasher=HASHER)
    with refuses("wrong_code"):
        await login(later, phone.code())
    assert await login(later, recovery[0]) == "anna"


async def test_a_reset_on_the_host_removes_the_second_factor_when_asked(
    everything: Accounts, caller: Caller, recovery: list[str], phone: Phone, database: Database
) -> None:
    await everything.auth.reset("anna", PASSWORD)
    with refuses("second_factor_required"):
        await login(everything, None)
    await everything.auth.reset("anna", PASSWORD, second_factor=True)
    assert await login(everything, None) == "anna"
    state = await everything.second_factor.state(caller.user.id)
    assert (state.totp, state.recovery_codes_left) == (False, 0)
    assert ("person_reset", "anna", "") in await audit(database)


async def test_the_app_is_told_by_a_picture_and_in_words(
    everything: Accounts, caller: Caller
) -> None:
    enrolment = await everything.second_factor.begin(caller)
    assert enrolment.uri.startswith("otpauth://totp/Parlor:anna?secret=")
    assert enrolment.secret in enrolment.uri
    assert {len(row) for row in enrolment.qr} == {len(enrolment.qr)}
    assert set("".join(enrolment.qr)) == {"0", "1"}

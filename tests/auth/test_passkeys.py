"""Passkeys, by an authenticator in software that does what real ones do."""

from collections.abc import Callable
from typing import Any

import pytest
from cryptography.hazmat.primitives.asymmetric import ec

from backend.auth.accounts import Accounts
from backend.auth.ceremony import Site
from backend.auth.passkeys import At
from backend.auth.people import Caller, Origin
from backend.auth.sessions import SignedIn
from backend.db.database import Database
from tests.auth.conftest import PASSWORD, audit, caller_of, refuses
from tests.conftest import HERE
from tests.fakes.authenticator import PRESENT, Authenticator, encoded
from tests.fakes.clock import StillClock

HOME = At(Site("parlor.example", "https://parlor.example"), HERE)


@pytest.fixture
def phone() -> Authenticator:
    return Authenticator("https://parlor.example")


@pytest.fixture
async def caller(everything: Accounts, anna: SignedIn) -> Caller:
    return await caller_of(everything.auth, anna.token)


async def add(everything: Accounts, caller: Caller, phone: Authenticator, at: At = HOME) -> str:
    question = await everything.passkeys.ask_to_add(caller, at.site)
    made = phone.create(question.options)
    return (await everything.passkeys.add(caller, question.token, "phone", made, at=at)).id


async def sign_in(everything: Accounts, phone: Authenticator, at: At = HOME) -> str:
    question = await everything.passkeys.ask_to_sign_in(at)
    answer = phone.get(question.options)
    return (await everything.passkeys.prove(question.token, answer, at=at)).username


async def test_a_passkey_signs_in_without_a_name_or_a_password(
    everything: Accounts, caller: Caller, phone: Authenticator, database: Database
) -> None:
    assert not await everything.passkeys.usable_at(HOME.site)
    await add(everything, caller, phone)
    assert await everything.passkeys.usable_at(HOME.site)
    assert await sign_in(everything, phone) == "anna"
    assert await sign_in(everything, phone) == "anna"
    (listed,) = await everything.passkeys.listed(caller)
    assert (listed.name, listed.last_used_at is not None) == ("phone", True)
    assert ("passkey_added", "anna", HERE.address) in await audit(database)


async def test_an_authenticator_that_does_not_count_works_too(
    everything: Accounts, caller: Caller, phone: Authenticator
) -> None:
    phone.counts = False
    await add(everything, caller, phone)
    assert await sign_in(everything, phone) == "anna"
    assert await sign_in(everything, phone) == "anna"


async def test_the_browser_is_asked_for_a_discoverable_passkey_with_a_checked_user(
    everything: Accounts, caller: Caller
) -> None:
    options = (await everything.passkeys.ask_to_add(caller, HOME.site)).options
    assert options["rp"]["id"] == "parlor.example"
    assert options["authenticatorSelection"]["residentKey"] == "required"
    assert options["authenticatorSelection"]["userVerification"] == "required"
    asked = (await everything.passkeys.ask_to_sign_in(HOME)).options
    assert (asked["userVerification"], asked.get("allowCredentials", [])) == ("required", [])


async def test_a_question_is_answered_once(
    everything: Accounts, caller: Caller, phone: Authenticator
) -> None:
    await add(everything, caller, phone)
    question = await everything.passkeys.ask_to_sign_in(HOME)
    answer = phone.get(question.options)
    await everything.passkeys.prove(question.token, answer, at=HOME)
    with refuses("passkey_invalid"):
        await everything.passkeys.prove(question.token, answer, at=HOME)
    with refuses("passkey_invalid"):
        await everything.passkeys.prove(question.token, phone.get(question.options), at=HOME)


async def test_a_question_to_sign_in_is_none_to_add_and_the_other_way_round(
    everything: Accounts, caller: Caller, phone: Authenticator
) -> None:
    await add(everything, caller, phone)
    to_add = await everything.passkeys.ask_to_add(caller, HOME.site)
    with refuses("passkey_invalid"):
        await everything.passkeys.prove(to_add.token, phone.get(to_add.options), at=HOME)
    to_sign_in = await everything.passkeys.ask_to_sign_in(HOME)
    made = phone.create(to_add.options)
    with refuses("passkey_refused"):
        await everything.passkeys.add(caller, to_sign_in.token, "x", made, at=HOME)


async def test_an_answer_after_five_minutes_is_too_late(
    everything: Accounts, caller: Caller, phone: Authenticator, clock: StillClock
) -> None:
    await add(everything, caller, phone)
    question = await everything.passkeys.ask_to_sign_in(HOME)
    clock.forward(seconds=300)
    with refuses("passkey_invalid"):
        await everything.passkeys.prove(question.token, phone.get(question.options), at=HOME)


async def test_a_question_of_somebody_else_adds_nothing(
    everything: Accounts, caller: Caller, phone: Authenticator
) -> None:
    await everything.auth.add("bob", PASSWORD, "", role="adult")
    bob = await everything.auth.login("bob", PASSWORD, origin=HERE)
    question = await everything.passkeys.ask_to_add(caller, HOME.site)
    made = phone.create(question.options)
    of_bob = await caller_of(everything.auth, bob.token)
    with refuses("passkey_refused"):
        await everything.passkeys.add(of_bob, question.token, "x", made, at=HOME)


type Tamper = Callable[[Authenticator, dict[str, Any]], dict[str, Any]]


def changed(answer: dict[str, Any], **response: str) -> dict[str, Any]:
    return {**answer, "response": {**answer["response"], **response}}


def elsewhere(origin: str) -> Tamper:
    def answer(phone: Authenticator, options: dict[str, Any]) -> dict[str, Any]:
        phone.origin = origin
        return phone.get(options)

    return answer


def unchecked(phone: Authenticator, options: dict[str, Any]) -> dict[str, Any]:
    phone.flags = PRESENT
    return phone.get(options)


def absent(phone: Authenticator, options: dict[str, Any]) -> dict[str, Any]:
    phone.flags = 0
    return phone.get(options)


def copied(phone: Authenticator, options: dict[str, Any]) -> dict[str, Any]:
    phone.passkeys[-1].sign_count = 0
    return phone.get(options)


def other_key(phone: Authenticator, options: dict[str, Any]) -> dict[str, Any]:
    phone.passkeys[-1].key = ec.generate_private_key(ec.SECP256R1())
    return phone.get(options)


WRONG: dict[str, Tamper] = {
    "another site": elsewhere("https://evil.example"),
    "another port": elsewhere("https://parlor.example:8443"),
    "plain http": elsewhere("http://parlor.example"),
    "a name below": elsewhere("https://x.parlor.example"),
    "an unchecked user": unchecked,
    "nobody there": absent,
    "a copy of the key": copied,
    "another key": other_key,
    "another challenge": lambda p, o: p.get({**o, "challenge": encoded(b"another" * 5)}),
    "another person's handle": lambda p, o: changed(p.get(o), userHandle=encoded(b"user_eve")),
    "no handle": lambda p, o: changed(p.get(o), userHandle=""),
    "a cut signature": lambda p, o: changed(p.get(o), signature="MEUC"),
    "an unknown passkey": lambda p, o: {**p.get(o), "rawId": "AAAA", "id": "AAAA"},
    "an id that differs": lambda p, o: {**p.get(o), "id": "AAAA"},
    "nothing": lambda p, o: {},
    "an id of another type": lambda p, o: {**p.get(o), "rawId": 7},
    "a response of another type": lambda p, o: {**p.get(o), "response": ["x"]},
    "no base 64": lambda p, o: changed(p.get(o), clientDataJSON="é", userHandle="é"),
    "no JSON": lambda p, o: changed(p.get(o), clientDataJSON=encoded(b"{")),
    "JSON of another shape": lambda p, o: changed(p.get(o), clientDataJSON=encoded(b"[1]")),
    "short data": lambda p, o: changed(p.get(o), authenticatorData=encoded(b"short")),
    "another kind": lambda p, o: {**p.get(o), "type": "password"},
}


@pytest.mark.parametrize("name", WRONG)
async def test_whatever_is_wrong_about_an_answer_nobody_is_signed_in(
    name: str, everything: Accounts, caller: Caller, phone: Authenticator
) -> None:
    await add(everything, caller, phone)
    phone.passkeys[-1].sign_count = 5
    assert await sign_in(everything, phone) == "anna"
    question = await everything.passkeys.ask_to_sign_in(HOME)
    answer = WRONG[name](phone, question.options)
    with refuses("passkey_invalid"):
        await everything.passkeys.prove(question.token, answer, at=HOME)


@pytest.mark.parametrize(
    "made",
    [
        lambda p, o: {},
        lambda p, o: changed(p.create(o), attestationObject=encoded(b"\xa0")),
        lambda p, o: changed(p.create(o), attestationObject="*"),
        lambda p, o: changed(p.create(o), clientDataJSON=encoded(b"null")),
        lambda p, o: p.create({**o, "challenge": encoded(b"other")}),
        lambda p, o: Authenticator("https://evil.example").create(o),
        lambda p, o: Authenticator("https://parlor.example", flags=PRESENT).create(o),
    ],
)
async def test_a_wrong_new_passkey_is_refused(
    made: Tamper, everything: Accounts, caller: Caller, phone: Authenticator
) -> None:
    question = await everything.passkeys.ask_to_add(caller, HOME.site)
    with refuses("passkey_refused"):
        await everything.passkeys.add(
            caller, question.token, "x", made(phone, question.options), at=HOME
        )
    assert await everything.passkeys.listed(caller) == []


async def test_a_removed_passkey_opens_nothing(
    everything: Accounts, caller: Caller, phone: Authenticator, database: Database
) -> None:
    passkey_id = await add(everything, caller, phone)
    await everything.auth.add("bob", PASSWORD, "", role="adult")
    bob = await everything.auth.login("bob", PASSWORD, origin=HERE)
    with refuses("not_found"):
        of_bob = await caller_of(everything.auth, bob.token)
        await everything.passkeys.remove(of_bob, passkey_id, origin=HERE)
    assert await sign_in(everything, phone) == "anna"
    await everything.passkeys.remove(caller, passkey_id, origin=HERE)
    with refuses("passkey_invalid"):
        await sign_in(everything, phone)
    assert (await audit(database))[-1][0] == "passkey_removed"


async def test_somebody_disabled_does_not_get_in_by_passkey(
    everything: Accounts, caller: Caller, phone: Authenticator, database: Database
) -> None:
    await add(everything, caller, phone)
    await database.write(lambda c: c.execute("UPDATE users SET disabled_at = 1"))
    with refuses("passkey_invalid"):
        await sign_in(everything, phone)


async def test_a_passkey_of_one_name_does_not_open_another(
    everything: Accounts, caller: Caller, phone: Authenticator
) -> None:
    await add(everything, caller, phone)
    other = At(Site("other.example", "https://other.example"), HERE)
    assert not await everything.passkeys.usable_at(other.site)
    phone.origin = other.site.origin
    with refuses("passkey_invalid"):
        await sign_in(everything, phone, other)


async def test_an_address_of_numbers_has_no_passkeys(everything: Accounts, caller: Caller) -> None:
    numbers = At(Site("", "https://192.0.2.1"), HERE)
    assert not await everything.passkeys.usable_at(numbers.site)
    with refuses("passkeys_unusable"):
        await everything.passkeys.ask_to_add(caller, numbers.site)
    with refuses("passkeys_unusable"):
        await everything.passkeys.ask_to_sign_in(numbers)


async def test_wrong_answers_of_one_address_are_stopped_and_others_are_not(
    everything: Accounts, caller: Caller, phone: Authenticator
) -> None:
    await add(everything, caller, phone)
    attacker = At(HOME.site, Origin("203.0.113.9", "x"))
    for _ in range(30):
        with refuses("passkey_invalid"):
            await everything.passkeys.prove("made up", {}, at=attacker)
    with refuses("too_many_attempts"):
        await everything.passkeys.prove("made up", {}, at=attacker)
    assert await sign_in(everything, phone) == "anna"


async def test_questions_do_not_pile_up(everything: Accounts) -> None:
    for _ in range(120):
        await everything.passkeys.ask_to_sign_in(At(HOME.site, Origin("203.0.113.9", "x")))
    with refuses("too_many_attempts"):
        await everything.passkeys.ask_to_sign_in(At(HOME.site, Origin("203.0.113.9", "x")))


async def test_the_browser_is_told_which_passkeys_there_are_already(
    everything: Accounts, caller: Caller, phone: Authenticator
) -> None:
    await add(everything, caller, phone)
    question = await everything.passkeys.ask_to_add(caller, HOME.site)
    known = phone.passkeys[0]
    assert question.options["excludeCredentials"][0]["id"] == encoded(known.id)

"""Names and passwords."""

import asyncio
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Literal, override

import pytest
from argon2 import PasswordHasher, extract_parameters
from argon2.low_level import Type

from backend.auth.accounts import Outside, build_accounts
from backend.auth.passwords import LONGEST, Passwords
from backend.auth.service import AuthService
from backend.auth.sessions import SignedIn
from backend.db.database import Database
from tests.auth.conftest import PASSWORD, caller_of, refuses
from tests.conftest import HERE
from tests.fakes.clock import StillClock


async def hash_of(database: Database, name: str) -> str:
    return await database.read(
        lambda c: c.execute(
            "SELECT password_hash FROM users WHERE username = ?", (name,)
        ).fetchone()[0]
    )


class Watched(PasswordHasher):
    """Knows how many worked at the same moment."""

    working = most = 0
    lock = threading.Lock()

    @override
    def hash(self, password: str | bytes, *, salt: bytes | None = None) -> str:
        with self.watched():
            return super().hash(password, salt=salt)

    @override
    def verify(self, hash: str | bytes, password: str | bytes) -> Literal[True]:
        with self.watched():
            return super().verify(hash, password)

    @contextmanager
    def watched(self) -> Iterator[None]:
        with self.lock:
            self.working += 1
            self.most = max(self.most, self.working)
        try:
            yield
        finally:
            with self.lock:
                self.working -= 1


async def disable(database: Database, name: str) -> None:
    await database.write(
        lambda c: c.execute("UPDATE users SET disabled_at = 1 WHERE username = ?", (name,))
    )


async def test_the_right_password_opens_a_session(accounts: AuthService, anna: SignedIn) -> None:
    again = await accounts.login("anna", PASSWORD, origin=HERE)
    assert again.user == anna.user
    assert again.token != anna.token


async def test_a_name_may_be_written_in_capitals(accounts: AuthService, anna: SignedIn) -> None:
    assert (await accounts.login("ANNA", PASSWORD, origin=HERE)).user == anna.user


@pytest.mark.parametrize(
    ("name", "password"),
    [
        ("anna", "wrong horse"),
        ("anna", ""),
        ("anna", PASSWORD + " "),
        ("anna", PASSWORD.upper()),
        ("nobody", PASSWORD),
        ("nobody", "nobody has this password"),
        ("", PASSWORD),
    ],
)
async def test_anything_else_is_refused_with_the_same_words(
    accounts: AuthService, anna: SignedIn, name: str, password: str
) -> None:
    with pytest.raises(Exception, match="do not belong together") as refused:
        await accounts.login(name, password, origin=HERE)
    assert getattr(refused.value, "code", "") == "wrong_credentials"


async def test_a_disabled_person_can_neither_sign_in_nor_stay(
    accounts: AuthService, anna: SignedIn, database: Database, clock: StillClock
) -> None:
    await disable(database, "anna")
    with refuses("wrong_credentials"):
        await accounts.login("anna", PASSWORD, origin=HERE)
    clock.forward(seconds=3)
    with refuses("not_signed_in"):
        await caller_of(accounts, anna.token)


async def test_names_cannot_be_told_from_the_time_an_answer_takes(
    outside: Outside, clock: StillClock, database: Database
) -> None:
    slow = PasswordHasher(time_cost=2, memory_cost=8192, parallelism=1)
    accounts = build_accounts(outside, hasher=slow).auth
    await accounts.add("anna", PASSWORD, "", role="owner")
    await accounts.add("gone", PASSWORD, "", role="adult")
    await disable(database, "gone")
    attempts = {
        "wrong": ("anna", "no"),
        "unknown": ("nobody", "no"),
        "disabled": ("gone", PASSWORD),
    }
    fastest = dict.fromkeys(attempts, float("inf"))

    def are_alike() -> bool:
        """Without a hash an answer takes a fiftieth."""
        return max(fastest.values()) < 2 * min(fastest.values())

    for measured in range(40):  # on a busy machine more of them until each was quick once
        if measured >= 7 and are_alike():
            break
        clock.forward(hours=1)  # the limiter forgets
        for kind, (name, password) in attempts.items():
            began = time.perf_counter()
            with refuses("wrong_credentials"):
                await accounts.login(name, password, origin=HERE)
            fastest[kind] = min(fastest[kind], time.perf_counter() - began)
    assert are_alike(), fastest


async def test_passwords_are_kept_as_argon2id(
    accounts: AuthService, anna: SignedIn, database: Database
) -> None:
    stored = await hash_of(database, "anna")
    assert extract_parameters(stored).type is Type.ID
    assert PASSWORD not in stored


async def test_a_deployed_parlor_hashes_at_full_strength() -> None:
    parameters = extract_parameters(await Passwords().hash(PASSWORD))
    assert parameters.type is Type.ID
    assert parameters.memory_cost >= 65536
    assert parameters.time_cost >= 3


async def test_the_same_password_is_never_kept_alike(
    accounts: AuthService, database: Database
) -> None:
    await accounts.add("anna", PASSWORD, "", role="owner")
    await accounts.add("bob", PASSWORD, "", role="adult")
    assert await hash_of(database, "anna") != await hash_of(database, "bob")


@pytest.mark.parametrize("password", ["", "1234567", "a" * (LONGEST + 1)])
async def test_a_weak_or_endless_password_is_refused(accounts: AuthService, password: str) -> None:
    with refuses("weak_password"):
        await accounts.add("anna", password, "", role="owner")
    assert await accounts.people() == []


async def test_a_name_is_given_once_however_it_is_written(
    accounts: AuthService, anna: SignedIn
) -> None:
    with refuses("name_taken"):
        await accounts.add("Anna", PASSWORD, "", role="adult")


async def test_many_who_try_first_after_a_start_are_hashed_two_at_a_time() -> None:
    """Each takes 64 MiB of a small container."""
    hasher = Watched(time_cost=1, memory_cost=1024)
    passwords = Passwords(hasher)
    await asyncio.gather(*(passwords.matches("a guess", None) for _ in range(40)))
    assert hasher.most == 2


async def test_many_sign_in_at_once_and_the_loop_stays_free(
    accounts: AuthService, anna: SignedIn
) -> None:
    signed_in = await asyncio.gather(
        *(accounts.login("anna", PASSWORD, origin=HERE) for _ in range(5))
    )
    assert len({one.token for one in signed_in}) == 5

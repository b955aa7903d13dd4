"""People as their owner manages them: limits and roles, out at once, never without an owner."""

import asyncio
from typing import Any

import pytest
from pydantic import ValidationError

from backend.auth.credential_store import CredentialStore
from backend.auth.household import Household
from backend.auth.household_store import HouseholdStore, LastOwnerError
from backend.auth.members import Member, PersonChange
from backend.auth.passwords import Passwords
from backend.auth.people import Caller, Hours, Limits, Origin
from backend.auth.store import AuthStore
from backend.chat.store import delete_conversations
from backend.db.database import Connection, Database
from backend.kit.clock import from_millis, to_millis
from tests.auth.conftest import refuses
from tests.auth.members import add, ids
from tests.conftest import HASHER
from tests.fakes.clock import StillClock

HERE = Origin("192.0.2.7", "a test")


@pytest.fixture
def ended() -> list[str]:
    return []


@pytest.fixture
def people(database: Database, clock: StillClock) -> AuthStore:
    return AuthStore(database, clock)


@pytest.fixture
def household(
    database: Database, clock: StillClock, people: AuthStore, ended: list[str]
) -> Household:
    return Household(
        HouseholdStore(database, clock),
        people,
        Passwords(HASHER),
        detach=delete_conversations,
        on_ending=lambda: ended.append("now"),
    )


@pytest.fixture
async def owner(people: AuthStore, database: Database) -> Caller:
    return await add(people, database, "anna", "owner")


@pytest.fixture
async def mia(people: AuthStore, database: Database, owner: Caller) -> Caller:
    """A grown-up with a session, a program, a key and every second factor."""
    return await add(people, database, "mia", "adult")


async def events(database: Database) -> list[tuple[Any, ...]]:
    """Those after the people were made."""
    return await database.read(
        lambda c: [
            tuple(row)
            for row in c.execute(
                "SELECT kind, actor, subject, detail, address FROM audit_events"
                " WHERE kind <> 'person_added' ORDER BY number"
            )
        ]
    )


async def named(household: Household, name: str) -> Member:
    return next(one for one in await household.members() if one.user.username == name)


async def test_the_list_tells_what_an_owner_wants_to_know(
    household: Household, mia: Caller, database: Database, clock: StillClock
) -> None:
    member = await named(household, "mia")
    assert (member.user.role, member.disabled, member.second_factor) == ("adult", False, True)
    assert member.created_at == from_millis(to_millis(clock.now()))
    assert member.last_seen_at == from_millis(7000)  # the key was used after the session
    await database.write(lambda c: c.execute("DELETE FROM api_keys"))
    assert (await named(household, "mia")).last_seen_at == from_millis(6000)  # so was an app
    for forget in ("DELETE FROM sessions", "DELETE FROM app_grants", "DELETE FROM passkeys"):
        await database.write(lambda c, forget=forget: c.execute(forget))
    assert (await named(household, "mia")).last_seen_at is None
    await database.write(lambda c: c.execute("UPDATE totp SET confirmed_at = NULL"))
    assert not (await named(household, "mia")).second_factor


async def test_only_what_is_given_changes(
    household: Household, owner: Caller, mia: Caller, database: Database
) -> None:
    limits = Limits(
        models=("google/*",), tools=(), hours=(Hours(start="15:00", end="18:00"),), dollars_a_day=0
    )
    change = PersonChange(limits=limits, email="mia@example.org")
    await household.change(owner, "user_mia", change, origin=HERE)
    await household.change(owner, "user_mia", PersonChange(display_name=" Mia M. "), origin=HERE)
    user = (await named(household, "mia")).user
    assert (user.limits, user.email, user.display_name) == (limits, "mia@example.org", "Mia M.")
    assert user.role == "adult"
    await household.change(
        owner, "user_mia", PersonChange(email=None, limits=Limits()), origin=HERE
    )
    user = (await named(household, "mia")).user
    assert (user.limits, user.email) == (Limits(), None)
    assert await events(database) == [
        ("person_changed", "anna", "mia", "email, limits", "192.0.2.7"),
        ("person_changed", "anna", "mia", "display_name", "192.0.2.7"),
        ("person_changed", "anna", "mia", "email, limits", "192.0.2.7"),
    ]


async def test_a_change_to_what_it_is_already_is_no_news(
    household: Household, owner: Caller, mia: Caller, database: Database
) -> None:
    same = PersonChange(display_name="Mia", role="adult", disabled=False)
    await household.change(owner, "user_mia", same, origin=HERE)
    assert await events(database) == []
    assert "session_mia" in await ids(database, "sessions")


async def test_whoever_is_disabled_is_out_at_once_and_others_stay(
    household: Household, owner: Caller, mia: Caller, database: Database, ended: list[str]
) -> None:
    member = await household.change(owner, "user_mia", PersonChange(disabled=True), origin=HERE)
    assert member.disabled
    assert ended
    assert await ids(database, "sessions") == ["session_anna", "token_anna"]
    assert await ids(database, "api_keys") == ["key_anna"]
    assert await ids(database, "app_grants") == ["app_anna"]
    assert await ids(database, "app_codes") == ["code of anna"]
    assert await ids(database, "challenges") == ["challenge of anna"]
    versions = await database.read(
        lambda c: dict(c.execute("SELECT username, token_version FROM users").fetchall())
    )
    assert versions == {"anna": 1, "mia": 2}
    enabled = await household.change(owner, "user_mia", PersonChange(disabled=False), origin=HERE)
    assert not enabled.disabled
    assert await ids(database, "api_keys") == ["key_anna"]  # what ended stays ended
    assert [kind for kind, *_ in await events(database)] == ["person_disabled", "person_enabled"]


async def test_a_grown_up_who_becomes_a_child_keeps_no_keys_and_no_apps(
    household: Household, owner: Caller, mia: Caller, database: Database
) -> None:
    await household.change(owner, "user_mia", PersonChange(role="child"), origin=HERE)
    assert await ids(database, "api_keys") == ["key_anna"]
    assert await ids(database, "app_grants") == ["app_anna"]
    assert await ids(database, "app_codes") == ["code of anna"]
    assert "session_mia" in await ids(database, "sessions")
    [(_, _, _, detail, _)] = await events(database)
    assert detail == "role: child"


async def test_the_last_owner_stays_owner_stays_enabled_and_stays(
    household: Household, owner: Caller, mia: Caller, database: Database
) -> None:
    for change in (
        PersonChange(disabled=True),
        PersonChange(role="adult"),
        PersonChange(role="child"),
    ):
        with refuses("last_owner"):
            await household.change(owner, "user_anna", change, origin=HERE)
    with refuses("last_owner"):
        await household.remove(owner, "user_anna", origin=HERE)
    member = await named(household, "anna")
    assert (member.user.role, member.disabled) == ("owner", False)
    assert "session_anna" in await ids(database, "sessions")
    assert await events(database) == []
    # Everything else about them may change.
    await household.change(owner, "user_anna", PersonChange(display_name="A."), origin=HERE)


async def test_of_two_owners_who_remove_each_other_at_once_one_stays(
    household: Household, owner: Caller, people: AuthStore, database: Database
) -> None:
    other = await add(people, database, "ben", "owner")
    answers = await asyncio.gather(
        household.remove(owner, "user_ben", origin=HERE),
        household.change(other, "user_anna", PersonChange(role="adult"), origin=HERE),
        return_exceptions=True,
    )
    assert [isinstance(answer, LastOwnerError) for answer in answers] == [False, True]
    assert [one.user.username for one in await household.members()] == ["anna"]


async def test_a_disabled_owner_is_no_owner_to_rely_on(
    household: Household, owner: Caller, people: AuthStore, database: Database
) -> None:
    await add(people, database, "ben", "owner")
    await household.change(owner, "user_ben", PersonChange(disabled=True), origin=HERE)
    with refuses("last_owner"):
        await household.change(owner, "user_anna", PersonChange(disabled=True), origin=HERE)
    await household.remove(owner, "user_ben", origin=HERE)


async def test_an_email_address_belongs_to_one_person(
    household: Household, owner: Caller, mia: Caller, database: Database
) -> None:
    await household.change(owner, "user_anna", PersonChange(email="a@example.org"), origin=HERE)
    with refuses("email_taken"):
        change = PersonChange(email="A@Example.org", display_name="Other")
        await household.change(owner, "user_mia", change, origin=HERE)
    assert (await named(household, "mia")).user.display_name == "Mia"
    assert len(await events(database)) == 1


@pytest.mark.parametrize(
    "change",
    [
        {"email": "no address"},
        {"email": "a@b@c"},
        {"email": "a@b\0"},
        {"email": "a" * 250 + "@b.org"},
        {"display_name": "  "},
        {"display_name": None},
        {"role": "owner"},
        {"limits": None},
        {"limits": {"models": "all"}},
        {"limits": {"models": [""]}},
        {"limits": {"hours": [{"start": "25:00", "end": "26:00"}]}},
        {"limits": {"dollars_a_day": -1}},
        {"limits": {"unknown": 1}},
        {"password": "x"},
        {"id": "user_anna"},
    ],
)
def test_what_makes_no_sense_is_no_change(change: dict[str, object]) -> None:
    with pytest.raises(ValidationError):
        PersonChange.model_validate(change)


async def test_a_reset_lets_in_with_the_new_password_alone(
    household: Household,
    owner: Caller,
    mia: Caller,
    people: AuthStore,
    database: Database,
    ended: list[str],
) -> None:
    await household.reset(owner, "user_mia", "a new password", origin=HERE)
    account = await people.account("mia")
    assert account
    assert await Passwords(HASHER).matches("a new password", account.password_hash)
    assert ended
    for table in ("sessions", "totp", "recovery_codes", "passkeys"):
        assert all("anna" in one for one in await ids(database, table)), table
    assert await events(database) == [("person_reset", "anna", "mia", "", "192.0.2.7")]


async def test_a_stolen_owner_session_cannot_reset_its_own_password(
    household: Household, owner: Caller, people: AuthStore
) -> None:
    """There the current password is asked for."""
    before = await people.account("anna")
    with refuses("forbidden"):
        await household.reset(owner, "user_anna", "a new password", origin=HERE)
    assert await people.account("anna") == before


async def test_a_weak_password_resets_nothing(
    household: Household, owner: Caller, mia: Caller, database: Database
) -> None:
    with refuses("weak_password"):
        await household.reset(owner, "user_mia", "short", origin=HERE)
    assert "session_mia" in await ids(database, "sessions")
    assert await events(database) == []


async def test_whoever_is_not_there_is_not_found(household: Household, owner: Caller) -> None:
    with refuses("not_found"):
        await household.change(owner, "user_none", PersonChange(disabled=True), origin=HERE)
    with refuses("not_found"):
        await household.reset(owner, "user_none", "a new password", origin=HERE)
    with refuses("not_found"):
        await household.remove(owner, "user_none", origin=HERE)


async def test_with_a_person_all_goes_that_was_theirs_however_long_they_talked(
    household: Household, owner: Caller, mia: Caller, database: Database, ended: list[str]
) -> None:
    """A chain of cascading deletes ends after a thousand messages; this one has more."""

    def talk(connection: Connection) -> None:
        for person in ("user_mia", "user_anna"):
            connection.execute(
                "INSERT INTO conversations (id, owner_id, title, title_source, created_at,"
                " updated_at) VALUES (?, ?, '', 'auto', 0, 0)",
                (f"conv_{person}", person),
            )
            connection.execute(
                "INSERT INTO turns (id, owner_id, conversation_id, message_id, kind, status,"
                " model, cost, created_at) VALUES (?, ?, ?, '', 'send', 'completed', 'm', 0.5, 0)",
                (f"turn_{person}", person, f"conv_{person}"),
            )
        for number in range(1500):
            connection.execute(
                "INSERT INTO messages (id, conversation_id, parent_id, role, status, parts,"
                " created_at) VALUES (?, 'conv_user_mia', ?, 'user', 'complete', '[]', 0)",
                (f"msg_{number}", f"msg_{number - 1}" if number else None),
            )

    await database.write(talk)
    await household.remove(owner, "user_mia", origin=HERE)
    assert ended
    for table in (
        *("users", "sessions", "api_keys", "app_grants", "app_codes", "totp", "challenges"),
        *("conversations", "turns"),
    ):
        left = await ids(database, table)
        assert left, table
        assert all("anna" in one for one in left), table
    for table in ("messages", "deleted_turns"):
        assert await ids(database, table) == []
    assert await events(database) == [("person_deleted", "anna", "mia", "", "192.0.2.7")]


async def test_credentials_are_good_until_they_end_or_expire(
    household: Household,
    owner: Caller,
    mia: Caller,
    database: Database,
    clock: StillClock,
) -> None:
    credentials = CredentialStore(database, clock)
    mias = {"session_mia", "token_mia", "key_mia", "app_mia"}
    asked = mias | {"session_anna", "made-up", "device_none"}
    assert await credentials.still_good(asked) == mias | {"session_anna"}
    now = to_millis(clock.now())

    def expire(connection: Connection) -> None:
        connection.execute("UPDATE sessions SET expires_at = ? WHERE kind = 'token'", (now,))
        connection.execute("UPDATE api_keys SET expires_at = ?", (now,))
        connection.execute("UPDATE app_grants SET expires_at = ?", (now,))

    await database.write(expire)
    assert await credentials.still_good(asked) == {"session_mia", "session_anna"}
    await database.write(
        lambda c: c.execute("UPDATE users SET disabled_at = 1 WHERE id = 'user_mia'")
    )
    assert await credentials.still_good(asked) == {"session_anna"}

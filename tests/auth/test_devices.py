"""Displays: a code that is shown, a yes from somebody signed in, a token that is given once."""

import asyncio
from collections import Counter
from typing import Any

import pytest

from backend.auth.audit_store import AuditStore
from backend.auth.callers import hash_of
from backend.auth.credential_store import CredentialStore
from backend.auth.device_store import DeviceStore
from backend.auth.devices import Devices, OpenedPairing, topic_of
from backend.auth.displays import PairingUnknownError
from backend.auth.open_streams import OpenStreams
from backend.auth.people import Caller, DeviceCaller, Origin, User
from backend.db.database import Connection, Database
from backend.kit.hub import Hub
from tests.auth.conftest import refuses
from tests.fakes.clock import StillClock

KITCHEN = Origin("192.0.2.7", "Echo Show")
SOFA = Origin("192.0.2.8", "a phone")
ANNA = Caller(
    User(id="user_a", username="anna", display_name="Anna", role="owner"), "session", "session_a"
)
BOB = Caller(
    User(id="user_b", username="bob", display_name="Bob", role="adult"), "session", "session_b"
)


@pytest.fixture
def store(database: Database, clock: StillClock) -> DeviceStore:
    return DeviceStore(database, clock)


@pytest.fixture
def ended() -> list[str]:
    return []


@pytest.fixture
def streams(database: Database, clock: StillClock) -> OpenStreams:
    return OpenStreams(CredentialStore(database, clock), per_person=32)


@pytest.fixture
def hub() -> Hub:
    return Hub()


@pytest.fixture
def devices(
    store: DeviceStore,
    streams: OpenStreams,
    hub: Hub,
    ended: list[str],
    database: Database,
    clock: StillClock,
) -> Devices:
    return Devices(
        store,
        AuditStore(database, clock),
        streams,
        hub=hub,
        clock=clock,
        on_ending=lambda: ended.append("now"),
    )


async def rows(database: Database, query: str) -> list[tuple[Any, ...]]:
    def select(connection: Connection) -> list[tuple[Any, ...]]:
        return [tuple(row) for row in connection.execute(query)]

    return await database.read(select)


async def paired(devices: Devices, name: str = "Kitchen") -> tuple[str, str]:
    """(id, token)"""
    opened = await devices.open_pairing(KITCHEN)
    await devices.approve(ANNA, opened.code, name, origin=SOFA)
    claimed = await devices.claim(opened.secret)
    assert claimed
    return claimed.device.id, claimed.token


def other_code(opened: OpenedPairing) -> str:
    return f"{(int(opened.code) + 1) % 1_000_000:06}"


async def test_a_display_waits_until_somebody_says_yes_and_is_then_known(
    devices: Devices, store: DeviceStore
) -> None:
    opened = await devices.open_pairing(KITCHEN)
    assert len(opened.code) == 6
    assert opened.code.isdigit()
    assert await devices.claim(opened.secret) is None
    seen = await devices.look(ANNA, opened.code, origin=SOFA)
    assert (seen.user_agent, seen.address) == ("Echo Show", "192.0.2.7")
    device = await devices.approve(ANNA, opened.code, "Kitchen", origin=SOFA)
    claimed = await devices.claim(opened.secret)
    assert claimed
    assert claimed.device.id == device.id
    assert claimed.token.startswith("parlor_wall_")
    assert len(claimed.token) >= len("parlor_wall_") + 43
    assert await store.device(hash_of(claimed.token)) == DeviceCaller(device.id, "Kitchen")


async def test_neither_secret_nor_token_is_in_the_database(
    devices: Devices, database: Database
) -> None:
    waiting = await devices.open_pairing(KITCHEN)
    _, token = await paired(devices)
    files = list(database.path.parent.iterdir())
    content = await asyncio.to_thread(lambda: b"".join(file.read_bytes() for file in files))
    assert b"Echo Show" in content
    assert waiting.secret.encode() not in content
    assert token.encode() not in content
    assert token.removeprefix("parlor_wall_").encode() not in content


async def test_a_token_is_given_once(devices: Devices) -> None:
    opened = await devices.open_pairing(KITCHEN)
    await devices.approve(ANNA, opened.code, "Kitchen", origin=SOFA)
    assert await devices.claim(opened.secret)
    with refuses("pairing_expired"):
        await devices.claim(opened.secret)


async def test_of_two_who_claim_at_once_one_gets_a_token(devices: Devices) -> None:
    opened = await devices.open_pairing(KITCHEN)
    await devices.approve(ANNA, opened.code, "Kitchen", origin=SOFA)
    claims = [devices.claim(opened.secret) for _ in range(8)]
    answers = await asyncio.gather(*claims, return_exceptions=True)
    refusals = [getattr(answer, "code", None) for answer in answers]
    assert Counter(refusals) == {None: 1, "pairing_expired": 7}


async def test_of_two_who_approve_at_once_one_has_done_it(
    devices: Devices, database: Database
) -> None:
    opened = await devices.open_pairing(KITCHEN)
    approvals = [
        devices.approve(who, opened.code, f"{who.user.username}'s", origin=SOFA)
        for who in (ANNA, BOB)
    ]
    answers = await asyncio.gather(*approvals, return_exceptions=True)
    assert [isinstance(answer, PairingUnknownError) for answer in answers].count(True) == 1
    assert len(await devices.devices()) == 1
    assert len(await rows(database, "SELECT 1 FROM audit_events")) == 1


async def test_a_code_holds_for_ten_minutes(devices: Devices, clock: StillClock) -> None:
    opened = await devices.open_pairing(KITCHEN)
    approved = await devices.open_pairing(KITCHEN)
    await devices.approve(ANNA, approved.code, "Kitchen", origin=SOFA)
    clock.forward(seconds=599)
    await devices.look(ANNA, opened.code, origin=SOFA)
    clock.forward(seconds=1)
    with refuses("pairing_unknown"):
        await devices.look(ANNA, opened.code, origin=SOFA)
    with refuses("pairing_unknown"):
        await devices.approve(ANNA, opened.code, "Kitchen", origin=SOFA)
    for secret in (opened.secret, approved.secret, "made-up"):
        with refuses("pairing_expired"):
            await devices.claim(secret)


async def test_a_display_that_never_came_for_its_token_is_not_in_the_list(
    devices: Devices, database: Database, clock: StillClock
) -> None:
    opened = await devices.open_pairing(KITCHEN)
    await devices.approve(ANNA, opened.code, "Kitchen", origin=SOFA)
    assert len(await devices.devices()) == 1  # so that it can be taken away again
    clock.forward(seconds=600)
    assert await devices.devices() == []
    await devices.open_pairing(KITCHEN)
    assert await rows(database, "SELECT 1 FROM devices") == []


async def test_a_display_taken_away_before_it_came_gets_no_token(devices: Devices) -> None:
    opened = await devices.open_pairing(KITCHEN)
    device = await devices.approve(ANNA, opened.code, "Kitchen", origin=SOFA)
    await devices.remove(BOB, device.id, origin=SOFA)
    with refuses("pairing_expired"):
        await devices.claim(opened.secret)


async def test_codes_of_open_pairings_differ(devices: Devices) -> None:
    """Twenty of a million; the store draws again when one is taken."""
    codes = [
        (await devices.open_pairing(Origin(f"192.0.2.{number}", ""))).code for number in range(20)
    ]
    assert len(set(codes)) == 20


async def test_one_address_opens_five_pairings_and_all_together_twenty(
    devices: Devices, clock: StillClock
) -> None:
    for _ in range(5):
        await devices.open_pairing(KITCHEN)
    with refuses("too_many_pairings"):
        await devices.open_pairing(KITCHEN)
    for number in range(15):
        await devices.open_pairing(Origin(f"198.51.100.{number}", ""))
    with refuses("too_many_pairings"):
        await devices.open_pairing(SOFA)
    clock.forward(seconds=600)
    await devices.open_pairing(KITCHEN)


async def test_the_internet_cannot_keep_a_display_at_home_from_pairing(devices: Devices) -> None:
    for number in range(20):
        await devices.open_pairing(Origin(f"9.9.{number}.9", ""))
    with refuses("too_many_pairings"):
        await devices.open_pairing(Origin("8.8.8.8", ""))
    await devices.open_pairing(Origin("192.168.7.20", ""))


async def test_the_addresses_of_one_ipv6_network_are_one(devices: Devices) -> None:
    for number in range(5):
        await devices.open_pairing(Origin(f"2001:db8:1:2::{number}", ""))
    with refuses("too_many_pairings"):
        await devices.open_pairing(Origin("2001:db8:1:2:ffff::1", ""))
    await devices.open_pairing(Origin("2001:db8:1:3::1", ""))


async def test_ten_wrong_codes_are_enough_for_a_quarter_of_an_hour(
    devices: Devices, clock: StillClock, database: Database
) -> None:
    opened = await devices.open_pairing(KITCHEN)
    wrong = other_code(opened)
    for number in range(10):
        with refuses("pairing_unknown"):
            if number % 2:
                await devices.look(ANNA, wrong, origin=SOFA)
            else:
                await devices.approve(ANNA, wrong, "Kitchen", origin=SOFA)
    with refuses("too_many_attempts"):
        await devices.approve(ANNA, opened.code, "Kitchen", origin=SOFA)
    assert await devices.look(BOB, opened.code, origin=SOFA)  # another person has tries of his own
    clock.forward(seconds=900)
    later = await devices.open_pairing(KITCHEN)
    await devices.approve(ANNA, later.code, "Kitchen", origin=SOFA)
    kinds = await rows(database, "SELECT kind, subject, address FROM audit_events")
    assert kinds[0] == ("pairing_blocked", "anna", SOFA.address)
    assert [kind for kind, *_ in kinds] == ["pairing_blocked", "device_paired"]


async def test_wrong_codes_at_the_same_moment_all_count(devices: Devices) -> None:
    opened = await devices.open_pairing(KITCHEN)
    wrong = other_code(opened)
    tries = [devices.look(ANNA, wrong, origin=SOFA) for _ in range(50)]
    answers = await asyncio.gather(*tries, return_exceptions=True)
    codes = Counter(getattr(answer, "code", None) for answer in answers)
    assert codes == {"pairing_unknown": 10, "too_many_attempts": 40}


async def test_right_codes_cost_no_tries(devices: Devices) -> None:
    opened = await devices.open_pairing(KITCHEN)
    for _ in range(30):
        await devices.look(ANNA, opened.code, origin=SOFA)


async def test_the_list_says_who_let_it_in_and_when_it_was_seen(
    devices: Devices, store: DeviceStore, clock: StillClock, streams: OpenStreams
) -> None:
    device_id, token = await paired(devices)
    clock.forward(hours=1)
    await store.device(hash_of(token))
    [(device, online)] = await devices.devices()
    assert (device.name, device.approved_by, device.user_agent) == ("Kitchen", "anna", "Echo Show")
    assert device.last_seen_at == clock.now()
    assert not online
    with streams.open(DeviceCaller(device_id, "Kitchen")):
        assert [online for _, online in await devices.devices()] == [True]


async def test_a_display_hears_its_new_name(devices: Devices, hub: Hub) -> None:
    device_id, _ = await paired(devices)
    news = hub.follow(topic_of(device_id))
    waiting = asyncio.ensure_future(anext(news))
    await asyncio.sleep(0)
    assert (await devices.rename(BOB, device_id, "Hall", origin=SOFA)).name == "Hall"
    async with asyncio.timeout(5):
        assert b'{"type":"device.changed","name":"Hall"}' in await waiting
    await news.aclose()


async def test_a_display_taken_away_is_unknown_at_once_and_everybody_is_told(
    devices: Devices, store: DeviceStore, ended: list[str], streams: OpenStreams
) -> None:
    device_id, token = await paired(devices)
    other_id, _ = await paired(devices, "Hall")
    stream = streams.open(DeviceCaller(device_id, "Kitchen"))
    other = streams.open(DeviceCaller(other_id, "Hall"))
    await devices.remove(ANNA, device_id, origin=SOFA)
    assert ended
    assert await store.device(hash_of(token)) is None
    await streams.check()
    assert (stream.revoked, other.revoked) == (True, False)


async def test_a_display_that_is_not_there_is_neither_renamed_nor_removed(
    devices: Devices, database: Database
) -> None:
    with refuses("not_found"):
        await devices.rename(ANNA, "device_none", "Hall", origin=SOFA)
    with refuses("not_found"):
        await devices.remove(ANNA, "device_none", origin=SOFA)
    assert await rows(database, "SELECT 1 FROM audit_events") == []


async def test_what_happens_to_displays_is_in_the_audit_log(
    devices: Devices, database: Database
) -> None:
    device_id, _ = await paired(devices)
    await devices.rename(BOB, device_id, "Hall", origin=SOFA)
    await devices.remove(ANNA, device_id, origin=SOFA)
    query = "SELECT kind, actor, subject, detail, address FROM audit_events ORDER BY number"
    assert await rows(database, query) == [
        ("device_paired", "anna", "Kitchen", "", "192.0.2.8"),
        ("device_renamed", "bob", "Kitchen", "now Hall", "192.0.2.8"),
        ("device_removed", "anna", "Hall", "", "192.0.2.8"),
    ]

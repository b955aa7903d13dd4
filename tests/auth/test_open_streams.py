"""Open streams: counted for each person, closed when their credential is gone."""

import asyncio
from collections.abc import Callable, Collection

import pytest

from backend.auth.open_streams import OpenStreams
from backend.auth.people import Caller, DeviceCaller, User
from tests.auth.conftest import refuses


class Known:
    """Credentials that are good until a test says otherwise."""

    def __init__(self, *ids: str) -> None:
        self.good = set(ids)
        self.asked: list[set[str]] = []
        self.meanwhile: Callable[[], object] = lambda: None

    async def still_good(self, credential_ids: Collection[str]) -> set[str]:
        self.asked.append(set(credential_ids))
        self.meanwhile()
        return self.good & set(credential_ids)


def caller(person: str, credential: str) -> Caller:
    user = User(id=person, username=person, display_name=person, role="adult")
    return Caller(user, "session", credential)


@pytest.fixture
def known() -> Known:
    return Known("s1", "s2", "d1")


@pytest.fixture
def streams(known: Known) -> OpenStreams:
    return OpenStreams(known, per_person=3)


def test_a_person_has_so_many_streams_over_all_their_credentials(streams: OpenStreams) -> None:
    opened = [streams.open(caller("anna", f"s{number}")) for number in range(3)]
    with refuses("too_many_streams"):
        streams.open(caller("anna", "s9"))
    streams.open(caller("bob", "s2"))
    opened[0].close()
    streams.open(caller("anna", "s9"))


def test_closing_twice_makes_room_for_one(streams: OpenStreams) -> None:
    opened = [streams.open(caller("anna", "s1")) for _ in range(3)]
    opened[0].close()
    opened[0].close()
    streams.open(caller("anna", "s1"))
    with refuses("too_many_streams"):
        streams.open(caller("anna", "s1"))
    assert len(streams) == 3


def test_a_refused_turn_gives_its_place_back(streams: OpenStreams) -> None:
    for _ in range(10):
        with pytest.raises(ValueError, match="refused"), streams.open(caller("anna", "s1")):
            raise ValueError("the turn is refused")
    assert len(streams) == 0


def test_a_turn_that_began_keeps_its_place(streams: OpenStreams) -> None:
    with streams.open(caller("anna", "s1")):
        pass
    assert len(streams) == 1


async def test_only_streams_of_an_ended_credential_are_cancelled(
    streams: OpenStreams, known: Known
) -> None:
    cancelled = []
    for person, credential in (("anna", "s1"), ("anna", "s1"), ("bob", "s2")):
        stream = streams.open(caller(person, credential))
        stream.sends(lambda credential=credential: cancelled.append(credential))
    known.good.discard("s1")
    await streams.check()
    assert cancelled == ["s1", "s1"]


async def test_one_question_serves_all_streams_and_none_is_asked_without(
    streams: OpenStreams, known: Known
) -> None:
    await streams.check()
    assert known.asked == []
    for credential in ("s1", "s1", "s2"):
        streams.open(caller(credential, credential))
    await streams.check()
    assert known.asked == [{"s1", "s2"}]


async def test_a_stream_revoked_before_it_sends_is_cancelled_when_it_would(
    streams: OpenStreams, known: Known
) -> None:
    stream = streams.open(caller("anna", "s1"))
    known.good.clear()
    await streams.check()
    cancelled = []
    stream.sends(lambda: cancelled.append(True))
    assert cancelled == [True]


async def test_a_stream_that_opens_during_a_check_is_not_judged_by_it(
    streams: OpenStreams, known: Known
) -> None:
    early, late = streams.open(caller("anna", "gone")), []
    known.meanwhile = lambda: late.append(streams.open(caller("bob", "made just now")))
    await streams.check()
    assert early.revoked
    assert [stream.revoked for stream in late] == [False]


async def test_what_ends_here_is_looked_at_at_once(streams: OpenStreams, known: Known) -> None:
    stream = streams.open(caller("anna", "s1"))
    known.good.clear()
    streams.something_ended()
    async with asyncio.timeout(1):  # without the news it would be two seconds
        await streams.check_next()
    assert stream.revoked


async def test_what_another_process_ends_is_noticed_within_seconds(
    streams: OpenStreams, known: Known
) -> None:
    stream = streams.open(caller("anna", "s1"))
    known.good.clear()
    async with asyncio.timeout(5):
        await streams.check_next()
    assert stream.revoked


def test_a_display_is_online_while_it_listens(streams: OpenStreams) -> None:
    first, second = (streams.open(DeviceCaller("d1", "Kitchen")) for _ in range(2))
    assert streams.is_open("d1")
    first.close()
    assert streams.is_open("d1")
    second.close()
    assert not streams.is_open("d1")

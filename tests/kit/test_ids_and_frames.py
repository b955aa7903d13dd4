import json
from datetime import UTC, datetime

from hypothesis import given
from hypothesis import strategies as st

from backend.kit.clock import SystemClock, from_millis, to_millis
from backend.kit.ids import new_id
from backend.kit.sse import data_of, frame
from tests.fakes.clock import StillClock


def test_ids_sort_by_age():
    clock, ids = StillClock(), []
    for _ in range(20):
        ids.append(new_id("msg", clock))
        clock.forward(seconds=0.001)
    assert ids == sorted(ids)
    assert len({len(one) for one in ids}) == 1


def test_ids_of_one_moment_differ():
    clock = StillClock()
    assert len({new_id("msg", clock) for _ in range(1000)}) == 1000


@given(st.integers(0, 4_000_000_000_000))
def test_a_moment_survives_the_database(millis):
    assert to_millis(from_millis(millis)) == millis


def test_the_system_clock_is_aware_and_goes_forward():
    clock = SystemClock()
    assert clock.now().tzinfo is UTC
    assert abs((clock.now() - datetime.now(UTC)).total_seconds()) < 5
    assert clock.monotonic() <= clock.monotonic()


@given(st.integers(1, 10**9), st.text())
def test_a_frame_is_one_event_whatever_the_text(number, text):
    """No text can end a frame early or make a line of its own."""
    raw = frame(number, {"text": text}, "text.delta")
    head, data, rest = raw.split(b"\ndata: ")[0], data_of(raw), raw.count(b"\n\n")
    assert head == b"id: %d\nevent: text.delta" % number
    assert (json.loads(data), rest) == ({"text": text}, 1)
    assert not {b"\r", b"\0"} & {data[i : i + 1] for i in range(len(data))}

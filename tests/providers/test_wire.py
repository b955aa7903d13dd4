"""Bytes -> events: recorded answers of several dialects, cut anywhere."""

from collections.abc import Iterable
from contextlib import suppress
from itertools import pairwise
from pathlib import Path

import orjson
import pytest
from hypothesis import given
from hypothesis import strategies as st

from backend.messages import ToolCall
from backend.providers.base import (
    Finished,
    GarbledAnswerError,
    ModelEvent,
    ProviderError,
    ReasoningDelta,
    ReasoningDetails,
    TextDelta,
    UsageReport,
)
from backend.providers.errors import Refusals
from backend.providers.event_stream import MAX_EVENT_BYTES, EventStreamParser
from backend.providers.openai_wire import AnswerReader
from tests.fakes.answers import call, delta, details, event, finish, said, usage
from tests.providers.asking import NOON, StillClock

RECORDED = sorted((Path(__file__).parents[1] / "fixtures" / "providers").glob("*.sse"))
STREAMS = {path.stem: path.read_bytes() for path in RECORDED}


def payloads_of(pieces: Iterable[bytes]) -> list[bytes]:
    parser = EventStreamParser()
    payloads = [payload for piece in pieces for payload in parser.feed(piece)]
    return payloads + parser.end()


def read(*pieces: bytes) -> list[ModelEvent]:
    answer = AnswerReader(Refusals(StillClock(NOON)), new_id=iter("abcdef").__next__)
    events: list[ModelEvent] = []
    for payload in payloads_of(pieces):
        answer.take(payload, events)
    return events + answer.end()


def of[T](events: list[ModelEvent], kind: type[T]) -> list[T]:
    return [each for each in events if isinstance(each, kind)]


def pieces_of(data: bytes, places: Iterable[int]) -> list[bytes]:
    edges = [0, *sorted(place % (len(data) + 1) for place in places), len(data)]
    return [data[a:b] for a, b in pairwise(edges)]


@pytest.mark.parametrize("name", STREAMS)
def test_a_recorded_answer_is_read_as_the_whole_answer_says(name):
    path = RECORDED[0].with_name(f"{name}.json")
    expected = orjson.loads(path.read_bytes())
    events = read(STREAMS[name])
    reports = of(events, UsageReport)
    blocks = of(events, ReasoningDetails)
    assert {
        "text": "".join(each.text for each in of(events, TextDelta)),
        "reasoning": "".join(each.text for each in of(events, ReasoningDelta)),
        "reasoning_details": list(blocks[0].items) if blocks else [],
        "calls": [[each.id, each.name, each.arguments] for each in of(events, ToolCall)],
        "usage": reports[0].usage.model_dump() if reports else None,
        "finish_reason": of(events, Finished)[0].reason,
    } == expected


@pytest.mark.parametrize("name", STREAMS)
@given(places=st.lists(st.integers(min_value=0), max_size=30))
def test_cutting_the_bytes_anywhere_gives_the_same_events(name, places):
    data = STREAMS[name]
    assert read(*pieces_of(data, places)) == read(data)


@pytest.mark.parametrize("name", STREAMS)
def test_single_bytes_give_the_same_events(name):
    data = STREAMS[name]
    assert read(*(data[i : i + 1] for i in range(len(data)))) == read(data)


LINES = st.sampled_from(
    [
        b"data: one",
        b"data:two",
        b"data:",
        b"",
        b": note",
        b"event: x",
        b"unknown",
        b"data: \xc3\xbc",
    ]
)


@given(lines=st.lists(LINES), places=st.lists(st.integers(min_value=0), max_size=10))
def test_line_ends_and_cuts_never_change_the_payloads(lines, places):
    unix, dos = b"\n".join(lines), b"\r\n".join(lines)
    expected = payloads_of([unix])
    assert payloads_of(pieces_of(unix, places)) == expected
    assert payloads_of(pieces_of(dos, places)) == expected


@given(data=st.binary(max_size=300))
def test_any_bytes_are_an_answer_or_a_garbled_one(data):
    answer = AnswerReader(Refusals(StillClock(NOON)))
    events: list[ModelEvent] = []
    with suppress(ProviderError):
        for payload in payloads_of([b"data: ", data, b"\n\n"]):
            answer.take(payload, events)


JSON = st.recursive(
    st.none()
    | st.booleans()
    | st.integers(-5, 5)
    | st.floats(allow_nan=False)
    | st.text(max_size=5),
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(
            st.sampled_from(
                [
                    "choices",
                    "delta",
                    "content",
                    "tool_calls",
                    "function",
                    "index",
                    "id",
                    "name",
                    "arguments",
                    "text",
                    "usage",
                    "type",
                    "reasoning_details",
                    "prompt_tokens_details",
                    "error",
                    "finish_reason",
                    "message",
                ]
            ),
            inner,
            max_size=4,
        )
    ),
    max_leaves=12,
)


@given(chunk=JSON, fragment=JSON)
def test_any_json_is_an_answer_or_a_typed_error(chunk, fragment):
    answer = AnswerReader(Refusals(StillClock(NOON)), wants_id=True)
    events: list[ModelEvent] = []
    shaped = {"choices": [{"delta": {"tool_calls": [fragment], "reasoning_details": [fragment]}}]}
    for value in (chunk, {"choices": [chunk]}, {"choices": [{"delta": chunk}]}, shaped):
        with suppress(ProviderError):
            answer.take(orjson.dumps(value), events)


@pytest.mark.parametrize(
    ("chunks", "expected"),
    [
        (
            [rb'data: {"choices":[{"delta":{"content":"Hi \ud83d\ude00!"}}]}' + b"\n\n"],
            "Hi \U0001f600!",
        ),
        (
            [
                rb'data: {"choices":[{"delta":{"content":"Hi \ud83d"}}]}' + b"\n\n",
                rb'data: {"choices":[{"delta":{"content":"\ude00!"}}]}' + b"\n\n",
            ],
            "Hi \ufffd\ufffd!",
        ),
    ],
)
def test_an_emoji_cut_in_two_does_not_end_the_answer(chunks, expected):
    events = read(*chunks, finish())
    assert "".join(each.text for each in of(events, TextDelta)) == expected


def test_counts_that_are_nonsense_can_still_be_written_down():
    (report,) = of(read(said("Hi"), finish(), usage(prompt_tokens=1e300)), UsageReport)
    assert orjson.loads(orjson.dumps(report.usage.model_dump()))["prompt_tokens"] == 2**53


def test_a_line_without_an_end_is_refused_before_it_fills_the_memory():
    parser = EventStreamParser()
    reads = [b"x" * 1_000_000] * (MAX_EVENT_BYTES // 1_000_000 + 2)
    with pytest.raises(GarbledAnswerError):
        [parser.feed(read) for read in reads]


def test_errors_outside_of_data_are_seen():
    answer = AnswerReader(Refusals(StillClock(NOON)))
    (payload,) = payloads_of([b'error: {"code":503,"message":"Loading model","type":"x"}\n\n'])
    with pytest.raises(Exception, match="overloaded"):
        answer.take(payload, [])


def test_calls_that_share_an_index_are_told_apart_by_id_and_name():
    events = read(
        call("{}", index=0, call_id="c1", name="one"), call("{}", index=0, call_id="c2", name="two")
    )
    assert [each.name for each in of(events, ToolCall)] == ["one", "two"]


def test_a_repeated_id_continues_its_call_and_no_id_continues_the_last():
    events = read(
        call('{"a":', index=None, call_id="c1", name="one"),
        call("1", index=None, call_id="c1"),
        call("}", index=None),
    )
    assert of(events, ToolCall) == [ToolCall("c1", "one", '{"a":1}')]


def test_two_calls_with_one_id_get_different_ones():
    chunks = [
        call(f'{{"n": {index}}}', index=index, call_id="weather", name="weather")
        for index in range(2)
    ]
    calls = of(read(*chunks, finish("tool_calls")), ToolCall)
    assert calls == [
        ToolCall("weather", "weather", '{"n": 0}'),
        ToolCall("a", "weather", '{"n": 1}'),
    ]


def test_calls_without_ids_get_different_ones():
    events = read(call("{}", index=0, name="one"), call("{}", index=1, name="two"))
    assert [each.id for each in of(events, ToolCall)] == ["a", "b"]


def test_a_call_without_a_name_is_garbled():
    with pytest.raises(GarbledAnswerError):
        read(call("{}", index=0, call_id="c1"))


def test_text_after_a_signature_is_the_next_block():
    def block(**fields: object) -> bytes:
        return details({"type": "reasoning.text", "index": 0, **fields})

    events = read(
        block(text="One"), block(signature="s1"), block(text="Two"), block(signature="s2")
    )
    assert [
        (each["text"], each["signature"]) for each in of(events, ReasoningDetails)[0].items
    ] == [
        ("One", "s1"),
        ("Two", "s2"),
    ]


def test_sealed_blocks_without_an_index_stay_apart():
    sealed = [{"type": "reasoning.encrypted", "data": data} for data in ("one", "two")]
    events = read(details(sealed[0]), details(sealed[1]), said("Hi"))
    assert of(events, ReasoningDetails)[0].items == tuple(sealed)


def test_nulls_and_unknown_fields_of_a_block_are_kept():
    first = {"type": "reasoning.text", "text": "a", "signature": None, "id": None, "new": [1]}
    events = read(details(first), details({"type": "reasoning.text", "text": "b", "id": "r1"}))
    assert of(events, ReasoningDetails)[0].items == (first | {"text": "ab", "id": "r1"},)


def test_what_only_the_blocks_say_is_shown_but_never_what_is_sealed():
    events = read(
        details({"type": "reasoning.summary", "summary": "Thinking", "index": 0}),
        details({"type": "reasoning.encrypted", "data": "secret", "index": 1}),
    )
    assert of(events, ReasoningDelta) == [ReasoningDelta("Thinking")]


def test_usage_in_every_chunk_is_a_running_count_and_the_last_one_holds():
    events = read(usage(5, 1), said("Hi"), usage(5, 2), finish())
    assert [each.usage.completion_tokens for each in of(events, UsageReport)] == [2]


def test_running_into_the_length_limit_after_output_is_an_end_and_no_error():
    limit = {"code": 400, "message": "x", "metadata": {"error_type": "max_tokens_exceeded"}}
    chunk = {"error": limit, "choices": [{"delta": {"content": ""}, "finish_reason": "error"}]}
    assert read(said("Once"), event(chunk))[-1] == Finished("length")


def test_an_answer_said_to_have_failed_without_a_reason_has_failed():
    with pytest.raises(Exception, match="broke off"):
        read(said("Once"), delta("error"))


def test_nothing_counts_after_the_end_was_said():
    events = read(said("Hi"), b"data: [DONE]\n\n", said("never"), b"data: {garbage\n\n")
    assert "".join(each.text for each in of(events, TextDelta)) == "Hi"

"""Whoever follows a turn, and however often the connection breaks, sees the same answer."""

import asyncio
import hashlib
from collections.abc import Iterable

import orjson
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from backend.chat.events import TextDelta
from backend.chat.following import JournalGoneError
from backend.chat.journal import TEXT_FRAME, Journal, frames_after
from backend.chat.records import PARTS, ReasoningPart, TextPart, ToolPart
from backend.chat.transcript import Transcript
from backend.kit.errors import NotFoundError
from backend.kit.sse import PING, frame
from tests.chat.routed import Routed, count, read
from tests.chat.talk import Heard
from tests.conftest import make_settings
from tests.fakes.answers import DONE, answer, call, cut_at, finish, said, thought, usage
from tests.fakes.scripted import text as script
from tests.fakes.waiting import until

WORDS = [
    "Ein ",
    "Gruß ",
    "an ",
    "alle ",
    "👩‍👧 ",
    "und\n\n",
    "`code: 1`\r\n",
    "日本 ",
    "data: x\n\n",
    ".",
]
FIRST = [
    thought("Let me "),
    thought("see."),
    said("I will look. "),
    call('{"text": ', call_id="a", name="demo_echo"),
    call('"one"}'),
    call('{"text": "two"}', index=1, call_id="b", name="demo_echo"),
    finish("tool_calls"),
    usage(cost=0.25),
    DONE,
]
SECOND = [thought("Now."), *map(said, WORDS), finish(), usage(cost=0.5), DONE]
EXPECTED = [
    ReasoningPart("Let me see."),
    TextPart("I will look. "),
    ToolPart("a", "demo_echo", '{"text": "one"}', 0, "ok", "one", 0),
    ToolPart("b", "demo_echo", '{"text": "two"}', 0, "ok", "two", 0),
    ReasoningPart("Now."),
    TextPart("".join(WORDS)),
]

EVENTS = 1 + 3 + 1 + 4 + 1 + len(WORDS) + 1 + 2
"""Start, step, usage, calls and results, thought, words, usage, end."""


def digest(parts: Iterable[object]) -> str:
    """Of what was said and done; how long a tool took is nobody's promise."""
    dumped = PARTS.dump_python(list(parts))  # type: ignore[arg-type]  # parts of any kind
    for part in dumped:
        part.pop("duration_ms", None)
    return hashlib.sha256(repr(dumped).encode()).hexdigest()


def transcript_of(raw: bytes) -> Transcript:
    heard = Heard.of_bytes(raw)
    assert heard.numbers == list(range(1, len(heard.events) + 1))
    assert heard.end.status == "completed"
    return heard.reduced()


@pytest.fixture
async def routed(tmp_path):
    async with Routed.opened(make_settings(tmp_path, demo_tools=True)) as opened:
        yield opened


async def _in_pieces(screen, turn_id: str, drop_at: int) -> bytes:
    """Follow, lose the connection at that event, come back, follow to the end."""
    before = await read(await screen.follow(turn_id), drop_at)
    assert count(before) == drop_at
    return before + await read(await screen.follow(turn_id, after=drop_at))


async def test_a_follower_that_drops_at_any_event_sees_the_same_answer_live_and_later(routed):
    routed.upstream.says(answer(*FIRST, delay=0.01), answer(*SECOND, delay=0.01))
    async with routed.screen() as screen:
        posted = await screen.send("Go")
        turn_id = posted.headers["X-Turn-Id"]
        whole = asyncio.create_task(read(posted))
        live = await asyncio.gather(
            *(_in_pieces(screen, turn_id, number) for number in range(1, EVENTS + 1))
        )
        reference = await whole
        assert count(reference) == EVENTS
        later = await asyncio.gather(
            *(_in_pieces(screen, turn_id, number) for number in range(1, EVENTS + 1))
        )
    assert digest(transcript_of(reference).parts) == digest(EXPECTED)
    for raw in [*live, *later]:
        assert raw == reference
    turn = await routed.services.chat.turn(routed.talk.owner_id, turn_id)
    assert digest((await routed.talk.answer(turn)).parts) == digest(EXPECTED)
    assert routed.services.turns.follower_count == 0


async def test_a_follower_that_asks_beyond_the_end_of_an_ended_turn_is_let_go(talk, provider):
    provider.says(script("Hi"))
    heard = await talk.say("Go")
    assert (await talk.hear(heard.turn, after=len(heard.events))).events == []
    assert (await talk.hear(heard.turn, after=10**6)).events == []


async def test_closing_the_connection_does_not_stop_the_turn(routed):
    go_on = answer(*map(said, WORDS), finish(), DONE, delay=0.005)
    routed.upstream.says(go_on)
    async with routed.screen() as screen:
        await read(await screen.send("Go"), 2)
        await until(lambda: not routed.services.turns.follower_count)
        again = await read(await screen.follow(screen.turn_id))
    assert transcript_of(again).parts == [TextPart("".join(WORDS))]


async def test_a_turn_whose_events_were_pruned_says_so(talk, provider, services):
    provider.says(script("Hi"))
    turn = (await talk.say("Go")).turn
    await services.database.write(lambda c: c.execute("DELETE FROM journal"))
    for after in (0, 3):
        with pytest.raises(JournalGoneError):
            await talk.hear(turn, after)
    with pytest.raises(NotFoundError):
        await services.chat.follow(talk.owner_id, "turn_none", 0)


async def test_a_silent_turn_gives_signs_of_life(talk, provider, services):
    provider.says([asyncio.Event()])
    turn = await talk.send("Go")
    frames = await services.chat.follow(talk.owner_id, turn.id, 1)
    waiting = asyncio.ensure_future(anext(frames))
    await until(lambda: services.turns.follower_count)
    services.turns.tick()
    assert await waiting == PING
    await frames.aclose()


# --- the upstream's bytes, cut anywhere -----------------------------------------------------------

STREAM = b"".join(SECOND)


@pytest.fixture(scope="module")
def runner(tmp_path_factory):
    """One Parlor and one event loop for all examples."""
    with asyncio.Runner() as runner:
        opening = Routed.opened(make_settings(tmp_path_factory.mktemp("cut")))
        yield runner, runner.run(opening.__aenter__())
        runner.run(opening.__aexit__(None, None, None))


@settings(
    max_examples=40, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
@given(st.lists(st.integers(1, len(STREAM) - 1), unique=True, min_size=1, max_size=12))
def test_the_upstreams_bytes_may_be_cut_anywhere(runner, places):
    loop, routed = runner

    async def ask() -> Transcript:
        routed.upstream.says(cut_at(STREAM, *places))
        heard = await routed.talk.say("Go")
        assert heard.end.status == "completed"
        return heard.reduced()

    transcript = loop.run(ask())
    assert digest(transcript.parts) == digest(EXPECTED[-2:])
    assert transcript.usage is not None
    assert transcript.usage.cost == 0.5


# --- the journal alone ----------------------------------------------------------------------------


@given(
    st.integers(4, 12),
    st.lists(st.tuples(st.integers(1, 12), st.integers(0, 4)), max_size=5),
    st.integers(0, 13),
    st.integers(0, 4),
)
def test_rows_that_overlap_give_each_frame_once(total, cuts, after, last_overlap):
    """A commit whose outcome was not known yet is written again, with what came after it."""
    journal = Journal("turn_1", on_append=lambda _: None)
    for number in range(total):
        journal.append(TextDelta(f"{number}\n\n"))
    frames, rows, stored = journal._frames, list[tuple[int, bytes]](), 0
    for end, overlap in [*sorted(cuts), (total, last_overlap)]:
        if stored < end <= total:
            rows.append((end, b"".join(frames[max(stored - overlap, 0) : end])))
            stored = end
    assert frames_after(rows, after) == b"".join(frames[after:])


@given(st.integers(1, 2**40), st.text())
def test_a_text_has_the_frame_that_every_event_has(number, text):
    """It is built a shorter way, as there is one per token."""
    event = TextDelta(text)
    assert TEXT_FRAME % (number, orjson.dumps(text)) == frame(number, event, event.type)

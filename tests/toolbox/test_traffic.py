"""The recorder: what was said with a server, while the owner looks, and nothing else ever."""

import sys
from datetime import timedelta
from pathlib import Path

import orjson
import pytest
from starlette.responses import Response

from backend.kit.clock import SystemClock
from backend.toolbox.records import Address, CallFailedError, Command, ServerDefinition
from backend.toolbox.traffic import RECORDING, Tape, Track, Traffic
from tests.fakes.clock import StillClock
from tests.fakes.mcp_odd import OddServer, text
from tests.fakes.mcp_server import modern, older, oldest, out_for_long, running
from tests.fakes.waiting import until

ROOT = str(Path(__file__).parents[2])
SHOP = ServerDefinition("shop", "file", Address("http://127.0.0.1:9/mcp"))


@pytest.fixture
def traffic() -> Traffic:
    return Traffic(SystemClock())


def of(traffic: Traffic, person: str = "anna") -> list[tuple[str, str, str | None]]:
    tape = traffic.tape("shop")
    assert tape is not None
    return [(one.direction, one.kind, one.method) for one in tape.entries(person)]


CALL = [("sent", "request", "tools/call"), ("received", "answer", "tools/call")]


@pytest.mark.parametrize("app", [modern, older, oldest])
async def test_calls_over_http_are_recorded_with_their_answers(shop, traffic, app):
    async with running(app()) as remote:
        server = await shop.ready(remote.url, traffic=traffic)
        traffic.start(server.definition, "anna")
        await shop.call(server, "echo", text="a walrus")
        await until(lambda: CALL[1] in of(traffic))
        said = [one for one in traffic.tape("shop").entries("anna") if one.method == "tools/call"]
    asked, answered = said
    assert "a walrus" in asked.text
    assert "a walrus" in answered.text
    assert asked.id == answered.id
    assert asked.duration_ms is None
    assert 0 <= answered.duration_ms < 5000
    assert orjson.loads(asked.text)["params"]["name"] == "echo"


async def test_calls_of_a_child_are_recorded_with_their_answers(shop, traffic):
    where = Command((sys.executable, "-m", "tests.fakes.mcp_server"), {"PYTHONPATH": ROOT})
    server = await shop.ready(where, traffic=traffic)
    traffic.start(server.definition, "anna")
    await shop.call(server, "echo", text="a walrus")
    assert of(traffic)[:2] == CALL


async def test_nothing_is_kept_while_nobody_records(shop, traffic):
    async with running(OddServer()) as remote:
        server = await shop.ready(remote.url, traffic=traffic)
        await shop.call(server, "ping")
        assert server.track() is None
        traffic.start(server.definition, "anna")
        assert of(traffic) == []
        await shop.call(server, "ping")
        assert of(traffic) == CALL
        traffic.stop("shop")
        assert traffic.tape("shop") is None
        traffic.start(server.definition, "anna")
        assert of(traffic) == []


async def test_what_is_no_answer_is_shown_as_it_came(shop, traffic):
    odd = OddServer()
    odd.results["ping"] = lambda: Response("<h1>It works!</h1>", media_type="application/json")
    async with running(odd) as remote:
        server = await shop.ready(remote.url, traffic=traffic)
        traffic.start(server.definition, "anna")
        with pytest.raises(CallFailedError):
            await shop.call(server, "ping")
        odd.results["ping"] = lambda: Response("no Bearer abcdefghijkl", 500)
        with pytest.raises(CallFailedError):
            await shop.call(server, "ping")
        await remote.kill()
        await out_for_long(server)
        with pytest.raises(CallFailedError):
            await shop.call(server, "ping")
    failures = [one for one in traffic.tape("shop").entries("") if one.kind == "failure"]
    assert failures[0].text == "<h1>It works!</h1>"
    assert failures[1].text == "HTTP 500 no Bearer [redacted]"
    assert failures[1].method == "tools/call"
    assert "connection refused" in [one.text for one in failures[2:]]


async def test_l6_secrets_are_left_out(shop, traffic):
    odd = OddServer()
    said = 'token sk-abcdef123456 and {"apiKey": "walrus", "day": "Monday"}'
    odd.results["ping"] = text(
        said, structuredContent={"accessToken": "kestrel", "cookies": ["heron"]}
    )
    where = {"headers": {"X-Door": "open sesame"}}
    async with running(odd) as remote:
        server = await shop.ready(Address(remote.url, **where), traffic=traffic)
        traffic.start(server.definition, "anna")
        await shop.call(server, "ping", password="swordfish", note="I say open sesame to it")
        whole = "".join(one.text for one in traffic.tape("shop").entries("anna"))
    for secret in ("sk-abcdef123456", "walrus", "kestrel", "heron", "swordfish", "open sesame"):
        assert secret not in whole
    assert "I say [redacted] to it" in whole
    assert "Monday" in whole
    assert '"progressToken":' in whole


def test_another_person_s_own_account_is_nobody_s_business():
    tape = Tape((), SystemClock(), "anna")
    Track(tape, "").message("sent", b'{"method": "shared"}')
    Track(tape, "anna").message("sent", b'{"method": "mine"}')
    assert [one.method for one in tape.entries("anna")] == ["shared", "mine"]
    assert [one.method for one in tape.entries("olga")] == ["shared"]


async def test_m2_only_the_shared_connection_and_the_owner_s_own_are_recorded(traffic):
    traffic.start(SHOP, "anna")
    for person, is_recorded in (("", True), ("anna", True), ("bob", False)):
        definition = ServerDefinition("shop", "file", SHOP.where, person=person)
        assert (traffic.track_for(definition) is not None) == is_recorded
    other = ServerDefinition("other", "file", SHOP.where)
    assert traffic.track_for(other) is None
    traffic.close()
    assert traffic.track_for(SHOP) is None


def test_only_the_latest_are_kept_and_long_ones_are_cut():
    tape = Tape((), StillClock(), "anna")
    track = Track(tape, "")
    for number in range(300):
        track.message("sent", orjson.dumps({"id": number, "method": "tools/call"}))
    kept = tape.entries("anna")
    assert [kept[0].number, kept[-1].number, len(kept)] == [101, 300, 200]
    long = {"id": 299, "result": {"text": "x" * 300_000}}
    track.message("received", orjson.dumps(long))
    latest = tape.entries("anna")[-1]
    assert (latest.kind, latest.method, latest.id, latest.is_cut) == (
        "answer",
        "tools/call",
        "299",
        True,
    )
    assert len(latest.text) <= 8000


async def test_recording_ends_by_itself():
    assert timedelta(minutes=10) == RECORDING
    clock, short = StillClock(), timedelta(milliseconds=5)
    traffic = Traffic(clock, short)
    traffic.start(SHOP, "anna")
    assert traffic.tape("shop").until == clock.now() + short
    await until(lambda: traffic.tape("shop") is None)


def test_several_messages_at_once_and_what_is_none_are_told_apart():
    tape = Tape((), StillClock(), "anna")
    track = Track(tape, "")
    track.message("received", b'[{"method": "a"}, {"id": 1, "method": "b"}, 5, null]')
    track.message("received", b"\xff\xfe not json")
    assert [one.kind for one in tape.entries("")] == [
        "notification",
        "request",
        "failure",
        "failure",
        "failure",
    ]

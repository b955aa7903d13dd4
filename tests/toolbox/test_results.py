"""Every kind of result becomes text for the model, pictures for the person, or a named failure."""

import asyncio
from base64 import b64encode
from itertools import pairwise

import pytest

from backend.toolbox.context import Answer, CallContext
from backend.toolbox.records import CallFailedError
from tests.fakes.mcp_odd import OddServer, text, tool
from tests.fakes.mcp_server import modern, older, oldest, running

TOTAL = {
    "type": "object",
    "properties": {"total": {"type": "integer"}, "format": {"type": "string"}},
    "required": ["total"],
    "additionalProperties": False,
}


async def outcome(shop, result, **about):
    odd = OddServer(tool("ping", **about))
    odd.results["ping"] = result
    async with running(odd) as remote:
        return await shop.call(await shop.ready(remote.url), "ping")


async def test_content_of_every_kind_is_readable(shop):
    async with running(modern()) as remote:
        result = await shop.call(await shop.ready(remote.url), "mixed")
    assert "some text" in result.text
    assert "[image, image/png, 1 kB: Parlor itself neither shows nor keeps it]" in result.text
    assert "[resource file:///list.txt] list: the whole list" in result.text
    assert "[resource note://1]\nremember the milk" in result.text
    assert [one.kind for one in result.attachments] == ["image", "audio"]
    assert result.attachments[0].data.startswith(b"\x89PNG")


def picture(size: int = 3, mime: str = "image/png") -> dict[str, str]:
    return {"type": "image", "mimeType": mime, "data": b64encode(bytes(size)).decode()}


async def test_words_stay_beside_the_picture_that_they_are_about(shop):
    content = [text("before:")["content"][0], picture(), text("after:")["content"][0], picture()]
    result = await outcome(shop, {"content": content})
    assert result.told(["seen", "unseen"]).splitlines() == [
        "before:",
        "[image, image/png, 1 kB: seen]",
        "after:",
        "[image, image/png, 1 kB: unseen]",
    ]


@pytest.mark.parametrize(
    ("content", "taken", "words"),
    [
        ([picture(8_000_100)], 0, "8000 kB, too large to show"),
        ([picture(7_000_000), picture(6_000_000), picture()], 2, "6000 kB, too large to show"),
        ([picture()] * 10, 8, "one too many to show"),
        ([picture() | {"data": "no base64!"}], 0, "it is not valid base64"),
        ([picture() | {"data": "é"}], 0, "it is not valid base64"),
        ([picture(0)], 1, "[image, image/png, 1 kB"),
        ([picture() | {"data": "AAAA\nAAAA\n"}], 1, "[image, image/png, 1 kB"),
        ([picture(mime="x" * 5000)], 1, f"[image, {'x' * 80}, 1 kB"),
    ],
)
async def test_what_is_too_much_or_broken_is_told_and_the_rest_taken(shop, content, taken, words):
    result = await outcome(shop, {"content": content})
    assert (len(result.attachments), result.failed) == (taken, False)
    assert words in result.text
    assert len(result.text) < 2000


async def test_sounds_and_pictures_in_resources_are_taken_as_well(shop):
    blob = {"uri": "file:///a", "blob": "AAAA"}
    content = [
        {"type": "resource", "resource": blob | {"mimeType": mime}}
        for mime in ("image/gif", "audio/ogg", "application/pdf")
    ]
    result = await outcome(shop, {"content": content})
    assert [one.kind for one in result.attachments] == ["image", "audio"]
    assert "[resource file:///a, application/pdf, 1 kB]" in result.text


async def test_a_failure_may_show_something(shop):
    result = await outcome(shop, {"content": [picture()], "isError": True})
    assert (result.failed, len(result.attachments)) == (True, 1)


async def test_an_error_of_the_tool_is_a_failure_with_its_words(shop):
    result = await outcome(shop, text("the oven is cold", isError=True))
    assert (result.failed, result.text) == (True, "the oven is cold")


async def test_structured_content_that_keeps_its_promise_is_taken(shop):
    given = {"content": [], "structuredContent": {"total": 3, "format": "x"}}
    result = await outcome(shop, given, outputSchema=TOTAL)
    assert not result.failed
    assert '"total": 3' in result.text


@pytest.mark.parametrize(
    ("structured", "words"),
    [
        ({"total": "three"}, "total: 'three' is not of type 'integer'"),
        ({}, "'total' is a required property"),
        ({"total": 1, "more": 2}, "'more' was unexpected"),
    ],
)
async def test_structured_content_that_breaks_its_promise_is_told(shop, structured, words):
    given = text("half the truth", structuredContent=structured)
    result = await outcome(shop, given, outputSchema=TOTAL)
    assert result.failed
    assert words in result.text
    assert "half the truth" in result.text


async def test_a_promised_structure_that_is_missing_is_told(shop):
    with pytest.raises(CallFailedError, match="promised a structured answer"):
        await outcome(shop, text("no structure"), outputSchema=TOTAL)


async def test_a_schema_that_is_none_promises_nothing(shop):
    given = text("seven", structuredContent={"total": 7})
    result = await outcome(shop, given, outputSchema=TOTAL | {"$id": 5})
    assert (result.text, result.failed) == ("seven", False)


async def test_a_schema_that_asks_for_endless_work_is_given_up(shop):
    names = [f"a{number}" for number in range(40)]
    parts = {name: {"allOf": [{"$ref": f"#/$defs/{after}"}] * 2} for name, after in pairwise(names)}
    bomb = {"type": "object", "$defs": {**parts, names[-1]: {}}, "$ref": "#/$defs/a0"}
    given = text("quick", structuredContent={"x": 1})
    async with asyncio.timeout(4):
        result = await outcome(shop, given, outputSchema=bomb)
    assert (result.failed, result.text) == (False, "quick")


async def test_a_pattern_that_never_ends_is_not_tried(shop):
    evil = {"type": "object", "properties": {"x": {"type": "string", "pattern": "^(a+)+$"}}}
    given = text("quick", structuredContent={"x": "a" * 60 + "!"})
    async with asyncio.timeout(4):
        assert not (await outcome(shop, given, outputSchema=evil)).failed


@pytest.mark.parametrize("app", [modern, older])
async def test_a_result_of_10_mb_arrives(shop, app):
    async with running(app()) as remote:
        result = await shop.call(await shop.ready(remote.url), "big", characters=10_000_000)
    assert len(result.text) == 10_000_000


async def test_a_result_that_is_too_large_is_a_failure_of_this_call_alone(shop):
    odd = OddServer(tool("ping"), tool("pong"))
    odd.results["ping"] = text("x" * 33_000_000)
    async with running(odd) as remote:
        server = await shop.ready(remote.url)
        with pytest.raises(CallFailedError, match="larger than 32 MB"):
            await shop.call(server, "ping")
        assert (await shop.call(server, "pong")).text == "pong done"
        assert odd.handshakes == 1


@pytest.mark.parametrize("app", [modern, older, oldest])
async def test_progress_is_told_and_extends_the_deadline(shop, app):
    shop.seconds = 0.5
    heard = []
    context = CallContext(on_progress=lambda words, part: heard.append((words, part)))
    async with running(app()) as remote:
        server = await shop.ready(remote.url)
        result = await shop.call(server, "steps", context, count=4, seconds=0.25)
    assert result.text == "all steps done"
    assert ("step 2", 0.5) in heard


@pytest.mark.parametrize("app", [modern, older, oldest])
async def test_a_question_is_put_to_the_person_and_the_deadline_stands_still(shop, app):
    shop.seconds = 0.4
    asked = []

    async def ask(question):
        asked.append(question)
        await asyncio.sleep(0.6)
        return Answer("accept", {"colour": "green"})

    async with running(app()) as remote:
        server = await shop.ready(remote.url)
        result = await shop.call(server, "paint", CallContext(ask=ask))
    assert result.text == "painted green"
    assert asked[0].message == "Which colour?"
    assert asked[0].server_name == "Shop"
    assert "colour" in asked[0].schema["properties"]


async def test_with_nobody_to_ask_the_server_hears_a_no(shop):
    async with running(modern()) as remote:
        result = await shop.call(await shop.ready(remote.url), "paint")
    assert result.text == "decline"

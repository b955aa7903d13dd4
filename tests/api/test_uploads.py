"""A kept picture is served as what it is, to whose it is, and never as a page."""

from collections.abc import Awaitable, Callable

import httpx2
import pytest

from backend.attachments.records import Owner
from backend.auth.people import User
from backend.container import Services
from tests.api.asking import refused
from tests.attachments.samples import Sample, png, wav

type Keep = Callable[[bytes], Awaitable[str]]


@pytest.fixture
async def kept(client: httpx2.AsyncClient, services: Services, owner: User) -> Keep:
    """Keeps it for the owner; the address to read it at."""

    async def keep(data: bytes) -> str:
        conversation = (await client.post("/api/conversations", json={})).json()["id"]
        place = Owner(owner.id, conversation, "none")
        ((media, _),) = await services.attachments.keep(place, [Sample("", data)])
        assert media
        return f"/api/uploads/{media.file_id}/content"

    return keep


async def test_a_picture_is_served_whole_and_as_what_it_is(client, kept):
    large = png(900)
    answer = await client.get(await kept(large))
    assert (answer.status_code, answer.content) == (200, large)
    assert answer.headers["content-type"] == "image/png"
    assert answer.headers["content-length"] == str(len(large))


async def test_x4_it_is_no_page_whoever_opens_it(client, kept):
    headers = (await client.get(await kept(png()))).headers
    assert headers["x-content-type-options"] == "nosniff"
    assert {"default-src 'none'", "sandbox"} <= set(headers["content-security-policy"].split("; "))
    assert headers["cross-origin-resource-policy"] == "same-origin"
    assert headers["content-disposition"].startswith('inline; filename="file_')
    assert headers["content-disposition"].endswith('.png"')


async def test_it_stays_in_the_persons_own_cache_and_never_changes(client, kept):
    address = await kept(png())
    first = await client.get(address)
    assert first.headers["cache-control"] == "private, max-age=31536000, immutable"
    again = await client.get(address, headers={"if-none-match": first.headers["etag"]})
    assert (again.status_code, again.content) == (304, b"")
    other = await client.get(address, headers={"if-none-match": '"something else"'})
    assert other.status_code == 200


async def test_it_is_nobody_elses(client, bob, kept, stranger):
    address = await kept(png())
    refused(await bob.get(address), 404, "not_found")
    refused(await bob.get("/api/uploads/file_unknown/content"), 404, "not_found")
    stranger.cookies.clear()
    refused(await stranger.get(address), 401, "not_signed_in")


@pytest.mark.parametrize(
    ("asked", "given"),
    [
        ("bytes=0-0", slice(0, 1)),
        ("bytes=4-7", slice(4, 8)),
        ("bytes=40-", slice(40, None)),
        ("bytes=-5", slice(-5, None)),
        ("bytes=-100000", slice(None)),
        ("bytes=10-100000", slice(10, None)),
    ],
)
async def test_a_player_gets_the_part_that_it_wants(client, kept, asked, given):
    sound = wav()
    answer = await client.get(await kept(sound), headers={"range": asked})
    start, end, _ = given.indices(len(sound))
    assert (answer.status_code, answer.content) == (206, sound[given])
    assert answer.headers["content-range"] == f"bytes {start}-{end - 1}/{len(sound)}"
    assert answer.headers["content-type"] == "audio/wav"


@pytest.mark.parametrize("asked", ["bytes=99999-", "bytes=-0"])
async def test_a_part_that_is_not_there_is_refused(client, kept, asked):
    sound = wav()
    answer = await client.get(await kept(sound), headers={"range": asked})
    refused(answer, 416, "range_not_satisfiable")
    assert answer.headers["content-range"] == f"bytes */{len(sound)}"


@pytest.mark.parametrize(
    "asked",
    ["bytes=5-2", "bytes=-", "bytes=0-1,4-5", "lines=1-2", "bytes=٣-", f"bytes={'9' * 30}-", "x"],
)
async def test_a_wish_that_makes_no_sense_gets_all_of_it(client, kept, asked):
    answer = await client.get(await kept(wav()), headers={"range": asked.encode()})
    assert (answer.status_code, answer.content) == (200, wav())


async def test_a_part_of_what_was_another_file_is_not_given(client, kept):
    headers = {"range": "bytes=0-3", "if-range": '"another"'}
    answer = await client.get(await kept(wav()), headers=headers)
    assert (answer.status_code, answer.content) == (200, wav())


async def test_a_file_whose_bytes_are_lost_is_a_plain_404(client, kept, services):
    address = await kept(png())
    for path in (services.settings.server.state_dir / "files").rglob("*"):
        if path.is_file():
            path.unlink()
    refused(await client.get(address), 404, "not_found")

"""A picture is kept for whose conversation it is, once on disk, and goes with what showed it."""

import asyncio
import os
from itertools import pairwise

import pytest

from backend.attachments.records import Owner
from backend.kit.errors import NotFoundError
from backend.ops.backup_content import state_content
from tests.attachments.cupboard import ANNA, BOB, PICTURE, Cupboard
from tests.attachments.samples import NOT_SHOWN, Sample, png, wav

OTHER = Sample("image/png", png(shade=7))


async def test_what_is_kept_comes_back_byte_for_byte(cupboard):
    large = Sample("image/png", png(900))
    picture, sound = await cupboard.keep(large, Sample("audio/wav", wav()))
    assert (picture.media_type, picture.bytes) == ("image/png", len(large.data))
    assert await cupboard.bytes_of(picture) == large.data
    assert await cupboard.bytes_of(sound) == wav()


async def test_a_part_is_read_as_a_part(cupboard):
    (picture,) = await cupboard.keep()
    file = await cupboard.attachments.find("anna", picture.file_id)
    part = b"".join([piece async for piece in cupboard.attachments.read(file, 1, 4)])
    assert part == b"PNG"


async def test_a_picture_of_another_person_is_as_good_as_none(cupboard):
    (picture,) = await cupboard.keep()
    with pytest.raises(NotFoundError):
        await cupboard.attachments.find("bob", picture.file_id)


async def test_nobody_but_the_service_may_read_the_folder(cupboard):
    await cupboard.keep()
    assert cupboard.folder.stat().st_mode & 0o777 == 0o700
    assert cupboard.modes == {0o700, 0o600}


async def test_the_same_picture_lies_on_disk_once(cupboard):
    mine, again = await cupboard.keep(PICTURE, PICTURE)
    (theirs,) = await cupboard.keep(PICTURE, owner=BOB)
    assert len({mine.file_id, again.file_id, theirs.file_id}) == 3
    assert cupboard.contents == [PICTURE.data]


async def test_a_file_that_was_cut_on_disk_is_written_anew(cupboard):
    (first,) = await cupboard.keep()
    next(path for path in cupboard.folder.rglob("*") if path.is_file()).write_bytes(b"\x89PNG")
    with pytest.raises(NotFoundError):
        await cupboard.attachments.find("anna", first.file_id)
    await cupboard.keep()
    assert await cupboard.bytes_of(first) == PICTURE.data


async def test_x4_the_bytes_decide_what_it_is_and_the_words_say_so(cupboard):
    page = Sample("image/png", NOT_SHOWN["page"])
    ((picture, words), (none, refused)) = await cupboard.attachments.keep(
        ANNA, [Sample("image/gif", PICTURE.data), page]
    )
    assert picture.media_type == "image/png"
    assert words == "shown to the person as image/png, which it is"
    assert none is None
    assert refused == "not shown, because it is not what it says, but text/html"
    assert cupboard.contents == [PICTURE.data]


async def test_a_disk_that_cannot_be_written_is_told_and_breaks_nothing(cupboard):
    cupboard.folder.write_text("in the way")
    assert await cupboard.words(PICTURE) == ["not shown, because it could not be kept"]
    cupboard.folder.unlink()
    assert await cupboard.words(PICTURE) == ["shown to the person"]


async def test_pictures_never_take_the_room_that_answers_need(cupboard):
    full = Cupboard(cupboard.database, cupboard.folder.parent, cupboard.clock, spared=10**18)
    assert await full.words(PICTURE) == ["not shown, because it could not be kept"]
    assert full.contents == []


async def test_a_conversation_that_was_deleted_meanwhile_keeps_nothing(cupboard):
    gone = Owner("anna", "gone", "answer")
    not_theirs = Owner("bob", "talk", "answer")
    for owner in (gone, not_theirs):
        words = await cupboard.words(PICTURE, owner=owner)
        assert words == ["not shown, because it could not be kept"]


@pytest.mark.parametrize(
    "statement",
    [
        "DELETE FROM messages WHERE id = 'answer'",
        "DELETE FROM conversations WHERE id = 'talk'",
        "DELETE FROM users WHERE id = 'anna'",
    ],
)
async def test_a_picture_goes_with_what_it_belongs_to(cupboard, statement):
    (picture,) = await cupboard.keep()
    (theirs,) = await cupboard.keep(PICTURE, owner=BOB)
    await cupboard.keep(OTHER)
    await cupboard.run(statement)
    await cupboard.attachments.remove_gone()
    with pytest.raises(NotFoundError):
        await cupboard.attachments.find("anna", picture.file_id)
    assert await cupboard.bytes_of(theirs, "bob") == PICTURE.data
    assert cupboard.contents == [PICTURE.data]


async def test_more_than_one_batch_goes_at_once(cupboard):
    many = [Sample("image/gif", b"GIF89a" + number.to_bytes(2)) for number in range(1100)]
    for start, end in pairwise([0, 400, 800, 1100]):
        await cupboard.keep(*many[start:end])
    await cupboard.run("DELETE FROM conversations WHERE id = 'talk'")
    await cupboard.attachments.remove_gone()
    assert cupboard.contents == []


async def test_what_nobody_has_is_swept_when_it_is_old(cupboard):
    """After a kill between the bytes and the row; a young file may still get its row."""
    folder = cupboard.folder / "ab"
    folder.mkdir(parents=True)
    now = cupboard.clock.now().timestamp()
    for name in ("ab" * 32, f"{'ab' * 32}.1234.new"):
        (folder / name).write_bytes(b"GIF89a")
        os.utime(folder / name, (now, now))
    await cupboard.keep()
    await cupboard.attachments.sweep()
    assert len(cupboard.contents) == 3
    cupboard.clock.forward(hours=2)
    await cupboard.attachments.sweep()
    assert cupboard.contents == [PICTURE.data]


async def test_a_picture_of_an_answer_that_was_never_stored_goes_after_a_while(cupboard):
    (kept,) = await cupboard.keep(OTHER)
    await cupboard.keep(PICTURE, owner=Owner("anna", "talk", "never stored"))
    await cupboard.attachments.sweep()
    assert len(cupboard.contents) == 2
    cupboard.clock.forward(hours=2)
    await cupboard.attachments.sweep()
    assert cupboard.contents == [OTHER.data]
    assert await cupboard.bytes_of(kept) == OTHER.data


async def test_a_picture_that_is_kept_while_it_is_swept_stays(cupboard):
    await cupboard.keep()
    await cupboard.run("DELETE FROM messages WHERE id = 'answer'")
    cupboard.clock.forward(hours=2)
    _, (again,) = await asyncio.gather(
        cupboard.attachments.sweep(), cupboard.keep(PICTURE, owner=BOB)
    )
    assert await cupboard.bytes_of(again, "bob") == PICTURE.data


async def test_a_backup_takes_the_pictures(cupboard):
    await cupboard.keep()
    state = cupboard.folder.parent
    content = await asyncio.to_thread(state_content, state, "parlor.db", but=state / "backups")
    ((name,),) = [[file for file in content.files if file.startswith("files/")]]
    assert (state / name).read_bytes() == PICTURE.data

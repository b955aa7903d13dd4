"""What a tool gives to be seen or heard is kept beside its answer and goes with it."""

import asyncio

import orjson
import pytest

from backend.chat.events import ToolFinished
from backend.db.database import Connection
from backend.kit.errors import NotFoundError
from backend.messages import ToolReturn
from tests.attachments.samples import NOT_SHOWN, png, wav
from tests.chat.pictures.camera import heard, seen
from tests.chat.talk import shown
from tests.fakes.waiting import until


async def test_a_picture_and_a_sound_are_kept_and_the_model_is_told(camera, talk, provider):
    camera.gives(seen(), heard())
    turn = await camera.looks(talk)
    (finished,) = turn.of(ToolFinished)
    assert [one.media_type for one in finished.media] == ["image/png", "audio/wav"]
    assert [await camera.bytes_of(one) for one in finished.media] == [png(), wav()]
    told = provider.requests[1].messages[-1]
    assert isinstance(told, ToolReturn)
    assert told.content.splitlines() == [
        "The garden.",
        "[image, image/png, 1 kB: shown to the person]",
        "[audio, audio/wav, 1 kB: shown to the person]",
    ]
    assert finished.result == told.content


async def test_what_was_shown_is_there_after_a_reload(camera, talk):
    camera.gives(seen())
    turn = await camera.looks(talk)
    assert await camera.shows(talk, turn) == turn.of(ToolFinished)[0].media
    assert shown(await talk.answer(turn.turn)) == shown(turn.reduced())


async def test_x4_a_type_that_lies_is_named_to_the_model_and_the_person(camera, talk, provider):
    camera.gives(seen(NOT_SHOWN["svg"]), seen(png(), "image/gif"), seen(b"%PDF-1.7", "x/y"))
    turn = await camera.looks(talk)
    (finished,) = turn.of(ToolFinished)
    assert [one.media_type for one in finished.media] == ["image/png"]
    assert finished.result.splitlines()[1:] == [
        "[image, image/png, 1 kB: not shown, because it is not what it says, but image/svg+xml]",
        "[image, image/gif, 1 kB: shown to the person as image/png, which it is]",
        "[image, x/y, 1 kB: not shown: only usual pictures and sounds are]",
    ]


async def test_without_room_on_the_disk_the_answer_goes_on_and_says_so(camera, talk):
    await asyncio.to_thread(camera.folder.write_text, "in the way")
    camera.gives(seen())
    turn = await camera.looks(talk)
    (finished,) = turn.of(ToolFinished)
    assert (finished.status, finished.media) == ("ok", ())
    assert "1 kB: not shown, because it could not be kept]" in finished.result
    assert turn.text == "Here it is."


async def test_with_its_conversation_a_picture_goes_from_the_disk(camera, talk, services):
    camera.gives(seen())
    turn = await camera.looks(talk)
    (picture,) = await camera.shows(talk, turn)
    await services.chat.delete(talk.owner_id, turn.turn.conversation_id)
    with pytest.raises(NotFoundError):
        await camera.bytes_of(picture)
    await until(lambda: camera.is_empty)


async def test_with_its_answer_a_picture_goes_and_that_of_its_sibling_stays(
    camera, talk, services, provider
):
    camera.gives(seen())
    first = await camera.looks(talk)
    conversation_id = first.turn.conversation_id
    camera.gives(seen(png(shade=9)))
    second = await camera.looks(talk, to=conversation_id)
    (kept,) = await camera.shows(talk, first)
    (gone,) = await camera.shows(talk, second)
    await services.chat.delete_message(talk.owner_id, conversation_id, second.turn.message_id)
    assert await camera.bytes_of(kept) == png()
    with pytest.raises(NotFoundError):
        await camera.bytes_of(gone)


async def test_a_message_of_an_older_release_reads_as_before(camera, talk, services):
    camera.gives(seen())
    turn = await camera.looks(talk)

    def older(connection: Connection) -> None:
        (raw,) = connection.execute(
            "SELECT parts FROM messages WHERE id = ?", (turn.turn.message_id,)
        ).fetchone()
        parts = [{k: v for k, v in part.items() if k != "media"} for part in orjson.loads(raw)]
        connection.execute(
            "UPDATE messages SET parts = ? WHERE id = ?",
            (orjson.dumps(parts).decode(), turn.turn.message_id),
        )

    await services.database.write(older)
    assert await camera.shows(talk, turn) == ()
    assert (await talk.answer(turn.turn)).parts[-1].text == "Here it is."

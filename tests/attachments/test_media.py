"""What is shown is known by its first bytes; nothing that could run a script is ever shown."""

import pytest

from backend.attachments.media import EXTENSIONS, claimed_type, media_type_of, refusal
from tests.attachments.samples import NOT_SHOWN, SHOWN, Sample


@pytest.mark.parametrize("media_type", EXTENSIONS)
def test_every_type_that_is_shown_is_known_by_its_beginning(media_type):
    assert {media_type_of(sample) for sample in SHOWN[media_type]} == {media_type}


@pytest.mark.parametrize("name", NOT_SHOWN)
def test_x4_what_is_no_picture_and_no_sound_is_never_taken_for_one(name):
    assert media_type_of(NOT_SHOWN[name]) == ""


@pytest.mark.parametrize("length", range(0, 24))
def test_any_cut_beginning_is_looked_at_without_trouble(length):
    for media_type, samples in SHOWN.items():
        assert {media_type_of(sample[:length]) for sample in samples} <= {"", media_type}


def test_no_type_that_can_hold_a_script_is_among_them():
    assert not {"image/svg+xml", "text/html", "application/pdf", "text/xml"} & set(EXTENSIONS)


@pytest.mark.parametrize(
    ("said", "means"),
    [
        ("image/JPG", "image/jpeg"),
        ("audio/mp3", "audio/mpeg"),
        ("audio/webm; codecs=opus", "audio/webm"),
        ("audio/x-wav", "audio/wav"),
        ("text/html", "text/html"),
    ],
)
def test_types_have_many_names(said, means):
    assert claimed_type(said) == means


@pytest.mark.parametrize(
    ("said", "sample", "words"),
    [
        ("image/png", NOT_SHOWN["svg"], "it is not what it says, but image/svg+xml"),
        ("image/png", NOT_SHOWN["svg with a head"], "it is not what it says, but image/svg+xml"),
        ("image/png", NOT_SHOWN["page with a mark"], "it is not what it says, but text/html"),
        ("audio/ogg", NOT_SHOWN["pdf"], "it is not what it says, but application/pdf"),
        ("image/gif", NOT_SHOWN["text"], "it is not what it says, but something else"),
        ("image/svg+xml", NOT_SHOWN["svg"], "only usual pictures and sounds are"),
        ("image/png", b"", "it is empty"),
    ],
)
def test_x4_a_type_that_lies_is_named(said, sample, words):
    assert words in refusal(Sample(said, sample))

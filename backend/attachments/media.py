"""Which pictures and sounds are shown. Their first bytes decide, never what somebody calls them."""

from typing import Protocol

EXTENSIONS = {
    "image/png": "png",
    "image/jpeg": "jpg",
    "image/gif": "gif",
    "image/webp": "webp",
    "image/avif": "avif",
    "audio/mpeg": "mp3",
    "audio/wav": "wav",
    "audio/ogg": "ogg",
    "audio/mp4": "m4a",
    "audio/webm": "weba",
    "audio/flac": "flac",
}
"""All types that are shown: none that a browser could run a script in."""

_OTHER_NAMES = {
    "image/jpg": "image/jpeg",
    "image/pjpeg": "image/jpeg",
    "image/x-png": "image/png",
    "audio/mp3": "audio/mpeg",
    "audio/x-mpeg": "audio/mpeg",
    "audio/wave": "audio/wav",
    "audio/x-wav": "audio/wav",
    "audio/vnd.wave": "audio/wav",
    "audio/opus": "audio/ogg",
    "audio/vorbis": "audio/ogg",
    "audio/m4a": "audio/mp4",
    "audio/x-m4a": "audio/mp4",
    "audio/x-flac": "audio/flac",
}
_BEGINNINGS = (
    (b"\x89PNG\r\n\x1a\n", "image/png"),
    (b"\xff\xd8\xff", "image/jpeg"),
    (b"GIF87a", "image/gif"),
    (b"GIF89a", "image/gif"),
    (b"ID3", "audio/mpeg"),
    (b"OggS", "audio/ogg"),
    (b"fLaC", "audio/flac"),
)
_RIFF = {b"WEBP": "image/webp", b"WAVE": "audio/wav"}
_PICTURE_BRANDS = frozenset({b"avif", b"avis"})
_SOUND_BRANDS = frozenset(
    {b"M4A ", b"M4B ", b"mp41", b"mp42", b"isom", b"iso2", b"iso4", b"iso5", b"iso6", b"dash"}
)
_MATROSKA = b"\x1aE\xdf\xa3"

_NOT_SHOWN = (
    (b"%pdf-", "application/pdf"),
    (b"pk\x03\x04", "application/zip"),
    (b"<!doctype html", "text/html"),
    (b"<html", "text/html"),
    (b"<script", "text/html"),
    (b"<svg", "image/svg+xml"),
)


class Given(Protocol):
    """A picture or a sound as it came; `mime_type`: what it is said to be."""

    @property
    def mime_type(self) -> str: ...
    @property
    def data(self) -> bytes: ...


def media_type_of(data: bytes) -> str:
    """What it is, "" when that is nothing that is shown."""
    for beginning, media_type in _BEGINNINGS:
        if data.startswith(beginning):
            return media_type
    if data.startswith(b"RIFF"):
        return _RIFF.get(data[8:12], "")
    if data[4:8] == b"ftyp":
        return _boxed(data)
    if data.startswith(_MATROSKA):
        return "audio/webm" if b"webm" in data[:64] else ""
    return "audio/mpeg" if _is_mpeg_frame(data[:4]) else ""


def claimed_type(mime_type: str) -> str:
    """The name that Parlor uses for a type."""
    plain = mime_type.partition(";")[0].strip().lower()
    return _OTHER_NAMES.get(plain, plain)


def refusal(given: Given) -> str:
    """Why something is not shown, for the model and the person."""
    if not given.data:
        return "not shown, because it is empty"
    found = _looks_like(given.data)
    claimed = claimed_type(given.mime_type)
    if claimed in EXTENSIONS:
        return f"not shown, because it is not what it says, but {found or 'something else'}"
    return "not shown: only usual pictures and sounds are"


def _boxed(data: bytes) -> str:
    """By the brands of an ISO media file."""
    end = min(int.from_bytes(data[:4]), 256)
    brands = {data[8:12], *(data[at : at + 4] for at in range(16, end, 4))}
    if brands & _PICTURE_BRANDS:
        return "image/avif"
    return "audio/mp4" if data[8:12] in _SOUND_BRANDS else ""


def _is_mpeg_frame(head: bytes) -> bool:
    """The first frame of an MP3 without tags: sync bits, then no value that is reserved."""
    if len(head) < 4 or head[0] != 0xFF or head[1] & 0xE0 != 0xE0:
        return False
    is_layer = head[1] & 0x06 in (0x02, 0x04)
    is_version = head[1] & 0x18 != 0x08
    is_rate = head[2] & 0xF0 not in (0x00, 0xF0) and head[2] & 0x0C != 0x0C
    return is_layer and is_version and is_rate


def _looks_like(data: bytes) -> str:
    start = data[:1000].lstrip(b"\xef\xbb\xbf \t\r\n").lower()
    for beginning, name in _NOT_SHOWN:
        if start.startswith(beginning):
            return name
    if start.startswith((b"<?xml", b"<!--")):
        return "image/svg+xml" if b"<svg" in start else "text/xml"
    return media_type_of(data)

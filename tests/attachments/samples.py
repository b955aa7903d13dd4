"""The smallest real beginnings of pictures and sounds, and what is none of them."""

import struct
import zlib
from dataclasses import dataclass


def png(size: int = 2, shade: int = 120) -> bytes:
    """A whole grey picture, `size` by `size`."""

    def chunk(kind: bytes, data: bytes) -> bytes:
        body = kind + data
        return struct.pack(">I", len(data)) + body + struct.pack(">I", zlib.crc32(body))

    rows = b"".join(b"\x00" + bytes([shade]) * size for _ in range(size))
    head = struct.pack(">IIBBBBB", size, size, 8, 0, 0, 0, 0)
    return (
        b"\x89PNG\r\n\x1a\n"
        + chunk(b"IHDR", head)
        + chunk(b"IDAT", zlib.compress(rows, 0))
        + chunk(b"IEND", b"")
    )


def wav(samples: int = 800) -> bytes:
    """A whole silent sound."""
    data = b"\x80" * samples
    head = struct.pack("<4sIHHIIHH", b"fmt ", 16, 1, 1, 8000, 8000, 1, 8)
    body = b"WAVE" + head + b"data" + struct.pack("<I", len(data)) + data
    return b"RIFF" + struct.pack("<I", len(body)) + body


SHOWN = {
    "image/png": [png()],
    "image/jpeg": [b"\xff\xd8\xff\xe0\x00\x10JFIF\x00"],
    "image/gif": [b"GIF89a\x01\x00\x01\x00", b"GIF87a\x01\x00\x01\x00"],
    "image/webp": [b"RIFF\x24\x00\x00\x00WEBPVP8 "],
    "image/avif": [
        b"\x00\x00\x00\x1cftypavif\x00\x00\x00\x00avifmif1",
        b"\x00\x00\x00\x1cftypmif1\x00\x00\x00\x00mif1avif",
    ],
    "audio/mpeg": [b"ID3\x04\x00\x00", b"\xff\xfb\x90\x64", b"\xff\xf3\x48\xc4"],
    "audio/wav": [wav()],
    "audio/ogg": [b"OggS\x00\x02"],
    "audio/mp4": [b"\x00\x00\x00\x18ftypM4A \x00\x00\x02\x00M4A isom"],
    "audio/webm": [b"\x1aE\xdf\xa3\x9fB\x86\x81\x01B\xf7\x81\x01B\x82\x84webm"],
    "audio/flac": [b"fLaC\x00\x00\x00\x22"],
}

NOT_SHOWN = {
    "svg": b'<svg xmlns="http://www.w3.org/2000/svg"><script>alert(1)</script></svg>',
    "svg with a head": b'<?xml version="1.0"?>\n<svg xmlns="http://www.w3.org/2000/svg"/>',
    "page": b"<!DOCTYPE html><script>alert(1)</script>",
    "page with a mark": b"\xef\xbb\xbf  <html>",
    "wide page": "\ufeff<html>".encode("utf-16-le"),
    "pdf": b"%PDF-1.7\n",
    "archive": b"PK\x03\x04",
    "text": b"only words",
    "film": b"\x1aE\xdf\xa3\x9fB\x86\x81\x01B\x82\x88matroska",
    "recording": b"RIFF\x24\x00\x00\x00AVI LIST",
    "quicktime": b"\x00\x00\x00\x14ftypqt  \x00\x00\x00\x00qt  ",
    "cut": b"\x89PN",
    "one byte": b"\xff",
}


@dataclass(frozen=True)
class Sample:
    mime_type: str
    data: bytes

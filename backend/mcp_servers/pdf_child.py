"""Reads one PDF in a process of its own, so that a bomb takes nobody else along.

Run as a script without Parlor's packages: the file is standard input, the folder of pypdf the
argument, the job the environment's one entry (others could read arguments), the answer is JSON. What it may use is fixed before the
first byte is read.
"""

import json
import os
import resource
import signal
import sys
from ctypes import CDLL
from io import BytesIO
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Iterator

    from pypdf import PdfReader

_MEMORY = 448 * 1024 * 1024
_CPU_SECONDS = 15
_LARGEST_STREAM = 24_000_000
_DIE_WITH_PARENT = 1
_MOST_METADATA = 2000


def confine() -> None:
    """No more memory, time, files, processes or output than reading a document takes."""
    CDLL(None).prctl(_DIE_WITH_PARENT, signal.SIGKILL)
    for kind, most in (
        (resource.RLIMIT_AS, _MEMORY),
        (resource.RLIMIT_CPU, _CPU_SECONDS),
        (resource.RLIMIT_FSIZE, 0),
        (resource.RLIMIT_CORE, 0),
        (resource.RLIMIT_NPROC, 0),
        (resource.RLIMIT_NOFILE, 32),
    ):
        resource.setrlimit(kind, (most, most))
    sys.setrecursionlimit(2000)


def read(data: bytes, job: dict[str, Any]) -> dict[str, Any]:
    from pypdf import PdfReader, overwrite_configuration  # noqa: PLC0415  # confined first

    overwrite_configuration(
        disable_legacy_handling=True,
        jbig2dec_binary=None,
        maximum_declared_stream_length=_LARGEST_STREAM,
        array_based_stream_maximum_output_length=_LARGEST_STREAM,
        lzw_maximum_output_length=_LARGEST_STREAM,
        run_length_maximum_output_length=_LARGEST_STREAM,
        zlib_maximum_output_length=_LARGEST_STREAM,
        stream_decoding_work_maximum_length=4 * _LARGEST_STREAM,
        stream_parsing_work_maximum_count=500_000,
        xform_maximum_invocations_per_extraction=500,
        page_tree_maximum_entries=20_000,
        page_tree_maximum_page_entries=20_000,
        outline_maximum_entries=10_000,
    )
    reader = PdfReader(BytesIO(data), root_object_recovery_limit=1000)
    if reader.is_encrypted and not reader.decrypt(""):
        return {"error": "This PDF is locked with a password; ask for an unlocked copy."}
    match job["do"]:
        case "describe":
            return _described(reader)
        case "read":
            return _text(reader, job)
        case _:
            return _searched(reader, job)


def _described(reader: "PdfReader") -> dict[str, Any]:
    page = reader.pages[0] if reader.pages else None
    found: dict[str, Any] = dict(reader.metadata or {})
    return {
        "pages": len(reader.pages),
        "encrypted": reader.is_encrypted,
        "version": reader.pdf_header.removeprefix("%PDF-")[:8],
        "width_mm": round(float(page.mediabox.width) * 25.4 / 72, 1) if page else None,
        "height_mm": round(float(page.mediabox.height) * 25.4 / 72, 1) if page else None,
        "metadata": {
            key.removeprefix("/")[:60]: str(value)[:_MOST_METADATA]
            for key, value in list(found.items())[:40]
        },
    }


def _text(reader: "PdfReader", job: dict[str, Any]) -> dict[str, Any]:
    first, left = job["first"], job["characters"]
    pages: list[dict[str, Any]] = []
    following = None
    for number in range(first, min(first + job["count"], len(reader.pages) + 1)):
        text = _of(reader, number)
        if len(text) > left and pages:
            following = number
            break
        pages.append({"page": number, "text": text[:left], "cut": len(text) > left})
        left -= len(text)
    if following is None and first + job["count"] <= len(reader.pages):
        following = first + job["count"]
    return {"pages": pages, "total": len(reader.pages), "next_page": following}


def _searched(reader: "PdfReader", job: dict[str, Any]) -> dict[str, Any]:
    matches = list(_matches(reader, job["query"].casefold(), job["limit"]))
    return {"matches": matches, "total": len(reader.pages)}


def _matches(reader: "PdfReader", query: str, limit: int) -> "Iterator[dict[str, Any]]":
    for number in range(1, len(reader.pages) + 1):
        text = " ".join(_of(reader, number).split())
        place = text.casefold().find(query)
        if place >= 0:
            limit -= 1
            yield {"page": number, "snippet": text[max(0, place - 100) : place + 200]}
        if not limit:
            return


def _of(reader: "PdfReader", number: int) -> str:
    text: str = reader.pages[number - 1].extract_text()
    return text.encode("utf-8", "replace").decode()


def answer() -> dict[str, Any]:
    confine()
    job = json.loads(os.environ["JOB"])  # noqa: TID251  # no settings: what started us wrote it
    sys.path.insert(0, sys.argv[1])
    try:
        # Imported by what is imported below it, and then needs files and memory.
        return read(sys.stdin.buffer.read(job["bytes"]), job)
    except (MemoryError, RecursionError):
        return {"error": "This PDF takes more memory to read than is allowed here."}
    except Exception as error:  # noqa: BLE001  # a stranger's file may raise anything
        kind = type(error).__name__
        if kind == "LimitReachedError":
            return {"error": "This PDF holds more inside than is allowed here."}
        return {"error": f"This PDF cannot be read ({kind}); it may be damaged."}


if __name__ == "__main__":
    sys.stdout.write(json.dumps(answer()))

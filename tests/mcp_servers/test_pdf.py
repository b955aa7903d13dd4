"""PDF files: text, and what bombs do not achieve."""

import asyncio
import os
import time
from pathlib import Path

import pytest

from backend.kit.errors import InvalidInputError
from backend.mcp_servers.pdf import build
from backend.mcp_servers.pdf_reading import PdfReading
from tests.fakes.waiting import until
from tests.mcp_servers.calling import OneByOne, built
from tests.mcp_servers.conftest import WithSettings
from tests.mcp_servers.pdf_files import BOMBS, pdf
from tests.mcp_servers.sites import Site

LETTER = ["Dear Anna, the boiler is 12 years old.", "Page two: call the plumber.", "The end."]
INFO = b"<< /Title (The boiler) /Author (Karl) >>"


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    made = tmp_path / "uploads"
    made.mkdir()
    (made / "letter.pdf").write_bytes(pdf(LETTER, info=INFO))
    return made


@pytest.fixture
def reader(mcp_settings: WithSettings, folder: Path) -> OneByOne:
    return OneByOne(build(mcp_settings(pdf_dir=folder)))


def memory() -> int:
    """Of this process, in kilobytes."""
    status = Path("/proc/self/status").read_text()
    return int(status.partition("VmRSS:")[2].split()[0])


async def test_a_letter_is_described_read_and_searched(reader: OneByOne) -> None:
    assert [file["name"] for file in (await reader.ok("list_pdfs"))["files"]] == ["letter.pdf"]
    about = await reader.ok("describe_pdf", source="letter.pdf")
    assert about["pages"] == 3
    assert about["metadata"] == {"Title": "The boiler", "Author": "Karl"}
    assert (about["width_mm"], about["height_mm"]) == (209.9, 297.0)
    read = await reader.ok("read_pdf", source="letter.pdf", page_count=2)
    assert [page["text"] for page in read["pages"]] == LETTER[:2]
    assert read["next_page"] == 3
    rest = await reader.ok("read_pdf", source="letter.pdf", first_page=3)
    assert [page["text"] for page in rest["pages"]] == LETTER[2:]
    assert rest["next_page"] is None
    found = await reader.ok("search_pdf", source="letter.pdf", query="PLUMBER")
    assert found["matches"] == [{"page": 2, "snippet": LETTER[1]}]


async def test_long_text_comes_in_pieces(reader: OneByOne, folder: Path) -> None:
    (folder / "long.pdf").write_bytes(pdf(["x" * 400, "y" * 400, "z" * 900]))
    read = await reader.ok("read_pdf", source="long.pdf", characters=500)
    assert [page["page"] for page in read["pages"]] == [1]
    assert read["next_page"] == 2
    read = await reader.ok("read_pdf", source="long.pdf", first_page=3, characters=500)
    assert read["pages"] == [{"page": 3, "text": "z" * 500, "cut": True}]
    told = await reader.refused("read_pdf", source="long.pdf", first_page=4)
    assert "has 3 pages" in told


@pytest.mark.parametrize("name", BOMBS)
async def test_f4_a_bomb_hurts_nobody(reader: OneByOne, folder: Path, name: str) -> None:
    (folder / "bomb.pdf").write_bytes(BOMBS[name])
    before, begun = memory(), time.monotonic()
    told = await _whatever(reader, "read_pdf", source="bomb.pdf")
    assert len(told) < 100_000
    assert time.monotonic() - begun < 18
    assert memory() - before < 5_000
    assert await reader.ok("describe_pdf", source="letter.pdf")


async def _whatever(reader: OneByOne, tool: str, **arguments: object) -> str:
    try:
        return str(await reader.ok(tool, **arguments))
    except BaseExceptionGroup:  # the assertion, through the client's task groups
        told = await reader.refused(tool, **arguments)
        assert "PDF" in told
        assert "Traceback" not in told
        return told


async def test_f4_the_child_has_nothing_of_ours(reader: OneByOne) -> None:
    """Looked at while it waits for its input."""
    into, out = os.pipe()
    with os.fdopen(into, "rb") as given, os.fdopen(out, "wb") as keeping_it_waiting:
        reading = asyncio.create_task(PdfReading().run(given, do="describe"))
        await until(lambda: [limits(child) for child in children()] == [CONFINED])
        environment = Path(f"/proc/{children()[0]}/environ").read_bytes()  # noqa: ASYNC240
        keeping_it_waiting.close()
        with pytest.raises(InvalidInputError, match="cannot be read"):
            await reading
    assert environment.startswith(b"JOB=")
    assert environment.count(b"\0") == 1


CONFINED = {
    "Max address space": str(448 * 1024 * 1024),
    "Max cpu time": "15",
    "Max file size": "0",
    "Max core file size": "0",
    "Max processes": "0",
    "Max open files": "32",
}


def children() -> list[int]:
    """Of this process, those that read a PDF."""
    tasks = Path("/proc/self/task").iterdir()
    all_of_them = [child for task in tasks for child in (task / "children").read_text().split()]
    return [
        int(child)
        for child in all_of_them
        if b"pdf_child.py" in Path(f"/proc/{child}/cmdline").read_bytes()
    ]


def limits(process: int) -> dict[str, str]:
    lines = Path(f"/proc/{process}/limits").read_text().splitlines()[1:]
    found = {line[:26].strip(): line[26:].split()[0] for line in lines}
    return {name: found[name] for name in CONFINED}


@pytest.mark.parametrize(
    "name",
    ["../letter.pdf", "/etc/passwd", "..", ".hidden.pdf", "a/b.pdf", "a\0.pdf", "nothing.pdf"],
)
async def test_f1_only_files_of_the_folder_are_read(reader: OneByOne, name: str) -> None:
    assert "list_pdfs" in await reader.refused("describe_pdf", source=name)


async def test_f1_links_and_pipes_are_not_files(
    reader: OneByOne, folder: Path, tmp_path: Path
) -> None:
    (tmp_path / "outside.pdf").write_bytes(pdf(["secret"]))
    (folder / "link.pdf").symlink_to(tmp_path / "outside.pdf")
    os.mkfifo(folder / "pipe.pdf")
    assert [file["name"] for file in (await reader.ok("list_pdfs"))["files"]] == ["letter.pdf"]
    for name in ("link.pdf", "pipe.pdf"):
        assert "no file" in await reader.refused("describe_pdf", source=name)


async def test_s2_an_address_is_read_only_from_hosts_the_operator_named(
    mcp_settings: WithSettings, site: Site, folder: Path
) -> None:
    url = site.answers("/letter.pdf", pdf(LETTER), kind="application/pdf")
    page = site.answers("/page", "<html>", kind="text/html")
    gone = f"{site.url}/gone.pdf"
    nobody = await built(build, mcp_settings(pdf_dir=folder))
    assert "PARLOR_MCP_PDF_HOSTS" in await nobody.refused("describe_pdf", source=url)
    public_only = await built(build, mcp_settings(pdf_dir=folder, pdf_hosts=("*",)))
    assert "could not be fetched" in await public_only.refused("describe_pdf", source=url)
    assert "Only http" in await public_only.refused("describe_pdf", source="file:///etc/passwd")
    assert site.asked == []
    opened = mcp_settings(pdf_dir=folder, pdf_hosts=("127.0.0.1",), lan=(site.place,))
    allowed = await built(build, opened)
    assert (await allowed.ok("describe_pdf", source=url))["pages"] == 3
    assert "not a PDF" in await allowed.refused("describe_pdf", source=page)
    assert "answered 404" in await allowed.refused("describe_pdf", source=gone)

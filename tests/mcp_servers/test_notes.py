"""Notes: what is written is there, nothing is lost, and nothing outside the folder is touched."""

import os
import stat
import time
from pathlib import Path
from threading import Thread

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from backend.kit.errors import AppError, InvalidInputError
from backend.mcp_servers.note_folder import LARGEST, NoteFolder
from backend.mcp_servers.note_names import existing_note, new_note
from backend.mcp_servers.note_search import NoteSearch
from backend.mcp_servers.notes import build
from tests.mcp_servers.calling import OneByOne
from tests.mcp_servers.conftest import WithSettings


@pytest.fixture
def vault(tmp_path: Path) -> Path:
    return tmp_path / "vault"


@pytest.fixture
def notes(mcp_settings: WithSettings, vault: Path) -> OneByOne:
    return OneByOne(build(mcp_settings(notes_dir=vault)))


async def test_a_note_is_written_read_searched_renamed_and_deleted(
    notes: OneByOne, vault: Path
) -> None:
    made = await notes.ok("create_note", name="recipes/Crème brûlée", text="# Sweet\nTake cream.")
    assert made["name"] == "recipes/Crème brûlée.md"
    assert (vault / "recipes/Crème brûlée.md").read_text() == "# Sweet\nTake cream."
    appended = await notes.ok("append_to_note", name="recipes/Crème brûlée", text="Then sugar.")
    read = await notes.ok("read_note", name="recipes/Crème brûlée.md")
    assert read["text"] == "# Sweet\nTake cream.\nThen sugar."
    assert read["version"] == appended["version"] != made["version"]
    found = await notes.ok("search_notes", query="creme SUGAR")
    assert found["matches"][0]["name"] == "recipes/Crème brûlée.md"
    assert found["matches"][0]["line"] == 3
    await notes.ok("replace_note", name=made["name"], text="new", version=read["version"])
    moved = await notes.ok("rename_note", name=made["name"], new_name="old/brulee")
    assert moved["name"] == "old/brulee.md"
    deleted = await notes.ok("delete_note", name="old/brulee")
    assert (vault / deleted["trash"]).read_text() == "new"
    assert (await notes.ok("list_notes"))["total"] == 0
    assert "no note" in await notes.refused("read_note", name="old/brulee")


@pytest.mark.parametrize("name", ["What?", "Cre\u0300me", " blank"])
async def test_a_note_that_somebody_else_named_is_deleted_like_any_other(
    notes: OneByOne, vault: Path, name: str
) -> None:
    """Other programs write into the folder too, and other systems spell accents apart."""
    (vault / f"{name}.md").write_text("old")
    [listed] = (await notes.ok("list_notes"))["notes"]
    deleted = await notes.ok("delete_note", name=listed["name"])
    assert (vault / deleted["trash"]).read_text() == "old"
    assert not (vault / f"{name}.md").exists()


async def test_what_is_no_text_stays_as_it_is_when_something_is_added(
    notes: OneByOne, vault: Path
) -> None:
    (vault / "old.md").write_bytes("café\n".encode("latin-1"))
    await notes.ok("append_to_note", name="old", text="tea")
    assert (vault / "old.md").read_bytes() == b"caf\xe9\ntea"


def test_notes_that_vanish_while_they_are_listed_are_left_out(tmp_path: Path) -> None:
    """Other programs delete and rename in the same folder."""
    folder, until = NoteFolder(tmp_path), time.monotonic() + 0.5

    def come_and_go() -> None:
        while time.monotonic() < until:
            for number in range(50):
                (tmp_path / f"{number}.md").write_text("here")
            for number in range(50):
                (tmp_path / f"{number}.md").unlink()

    busy = Thread(target=come_and_go)
    busy.start()
    while time.monotonic() < until:
        assert len(folder.entries()) <= 50
    busy.join()


async def test_what_changed_meanwhile_is_not_overwritten(notes: OneByOne, vault: Path) -> None:
    made = await notes.ok("create_note", name="plan", text="one")
    (vault / "plan.md").write_text("somebody else's")
    for tool, more in (
        ("replace_note", {"text": "two"}),
        ("append_to_note", {"text": "two"}),
        ("delete_note", {}),
    ):
        told = await notes.refused(tool, name="plan", version=made["version"], **more)
        assert "changed meanwhile" in told
    assert (vault / "plan.md").read_text() == "somebody else's"
    assert "version" in await notes.refused("replace_note", name="plan", text="two")


async def test_a_name_that_is_taken_stays_as_it_is(notes: OneByOne, vault: Path) -> None:
    await notes.ok("create_note", name="a", text="first")
    await notes.ok("create_note", name="b", text="second")
    assert "exists already" in await notes.refused("create_note", name="a", text="x")
    assert "exists already" in await notes.refused("rename_note", name="b", new_name="a")
    assert (vault / "a.md").read_text() == "first"
    assert (vault / "b.md").read_text() == "second"


async def test_long_notes_and_lists_come_in_pages(notes: OneByOne, vault: Path) -> None:
    text = "".join(f"line {number}\n" for number in range(4000))
    await notes.ok("create_note", name="long", text=text)
    read, start = "", 0
    while start is not None:
        page = await notes.ok("read_note", name="long", start=start)
        read, start = read + page["text"], page["next_start"]
    assert read == text
    for number in range(12):
        (vault / f"note {number:02}.md").write_text("x")
        os.utime(vault / f"note {number:02}.md", (number, number))
    page = await notes.ok("list_notes", limit=5, start=10)
    assert [note["name"] for note in page["notes"]] == ["note 09.md", "note 10.md", "note 11.md"]
    newest = await notes.ok("list_notes", limit=2, order="newest")
    assert [note["name"] for note in newest["notes"]] == ["long.md", "note 11.md"]
    assert newest["next_start"] == 2


async def test_what_is_too_large_is_refused(notes: OneByOne, vault: Path) -> None:
    await notes.ok("create_note", name="a", text="x" * (LARGEST - 1))
    told = await notes.refused("append_to_note", name="a", text="yy")
    assert f"{LARGEST} bytes" in told
    (vault / "huge.md").write_bytes(b"x" * (LARGEST + 1))
    assert "too large" in await notes.refused("read_note", name="huge")
    assert (await notes.ok("search_notes", query="huge"))["total"] == 1
    assert (vault / "a.md").stat().st_size == LARGEST - 1
    assert [path for path in everything(vault) if path.name.startswith(".")] == []


async def test_notes_that_others_named_can_be_read_but_not_made(
    notes: OneByOne, vault: Path
) -> None:
    (vault / "Call: what?.md").write_text("hello")
    (vault / "aux.md").write_text("reserved elsewhere")
    (vault / "cafe\u0301.md").write_text("apart")
    os.mkfifo(vault / "pipe.md")
    assert (await notes.ok("read_note", name="Call: what?"))["text"] == "hello"
    listed = await notes.ok("list_notes")
    assert [note["name"] for note in listed["notes"]] == [
        "Call: what?.md",
        "aux.md",
        "cafe\u0301.md",
    ]
    assert (await notes.ok("read_note", name="cafe\u0301"))["text"] == "apart"
    assert "no note" in await notes.refused("read_note", name="pipe")
    assert "cannot be in a name" in await notes.refused("create_note", name="a: b", text="x")


def everything(folder: Path) -> list[Path]:
    return sorted(folder.rglob("*"))


NASTY = [
    "../x",
    "a/../../x",
    "/etc/passwd",
    "//etc/passwd",
    "a//b",
    "./x",
    ".",
    "..",
    ".hidden",
    ".trash/x",
    "a/.trash/x",
    "a\0b",
    "a\nb",
    "a\\..\\b",
    "C:x",
    "con",
    "CON.txt",
    "aux",
    "lpt1",
    "com\u00b9",
    "x ",
    " x",
    "x/ y",
    "x./y",
    "x\u202egnp",
    "x\u200b",
    "a*b",
    "a?b",
    'a"b',
    "a<b",
    "a|b",
    "x" * 253,
    "é" * 127,
    "/".join("abcdefghij"),
    "a/" * 600 + "b",
    "\ufeffx",
    "\ue000",
]


@pytest.mark.parametrize("name", NASTY, ids=range(len(NASTY)))
async def test_f1_a_nasty_name_makes_nothing_anywhere(
    notes: OneByOne, vault: Path, tmp_path: Path, name: str
) -> None:
    before = everything(tmp_path)
    await notes.ok("create_note", name="fine", text="x")
    assert await notes.refused("create_note", name=name, text="evil")
    assert await notes.refused("rename_note", name="fine", new_name=name)
    (vault / "fine.md").unlink()
    assert everything(tmp_path) == before


@settings(max_examples=300, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    name=st.text(max_size=40)
    | st.lists(st.sampled_from(["..", ".", "", "a", "b.md", "con", "/", "\0", "é"])).map("/".join)
)
def test_f1_whatever_the_name_a_note_lies_in_the_folder_or_is_refused(
    tmp_path: Path, name: str
) -> None:
    vault = tmp_path / "vault"
    folder = NoteFolder(vault)
    outside = {path for path in tmp_path.iterdir() if path != vault}
    try:
        made = folder.create(name, "text")
    except AppError:
        made = None
    if made:
        path = vault / made.name
        assert path.resolve().is_relative_to(vault.resolve())
        assert path.read_text() == "text"
        assert folder.read(made.name).text == "text"
        path.unlink()
    assert {path for path in tmp_path.iterdir() if path != vault} == outside


@given(st.text(max_size=60))
def test_f1_names_have_no_part_that_leads_elsewhere(name: str) -> None:
    for read in (existing_note, new_note):
        try:
            parts = read(name)
        except InvalidInputError:
            continue
        assert all(part and not part.startswith(".") for part in parts)
        assert not any("/" in part or "\0" in part for part in parts)
        assert parts[-1].lower().endswith(".md")


async def test_f1_links_are_never_followed(notes: OneByOne, vault: Path, tmp_path: Path) -> None:
    secret = tmp_path / "secret"
    secret.mkdir()
    (secret / "key.md").write_text("the secret")
    (vault / "link.md").symlink_to(secret / "key.md")
    (vault / "folder").symlink_to(secret)
    (vault / "nowhere.md").symlink_to(tmp_path / "made-by-a-tool.md")
    assert (await notes.ok("list_notes"))["total"] == 0
    assert (await notes.ok("search_notes", query="secret"))["total"] == 0
    assert "no note" in await notes.refused("read_note", name="link")
    assert "no folder" in await notes.refused("read_note", name="folder/key")
    assert "no folder" in await notes.refused("create_note", name="folder/new", text="x")
    assert "exists already" in await notes.refused("create_note", name="nowhere", text="x")
    assert "no note" in await notes.refused("delete_note", name="link")
    assert everything(secret) == [secret / "key.md"]
    assert not (tmp_path / "made-by-a-tool.md").exists()


async def test_new_notes_are_private_and_old_ones_keep_their_mode(
    notes: OneByOne, vault: Path
) -> None:
    made = await notes.ok("create_note", name="a", text="x")
    path = vault / "a.md"
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    path.chmod(0o644)
    await notes.ok("replace_note", name="a", text="y", version=made["version"])
    assert stat.S_IMODE(path.stat().st_mode) == 0o644


def test_two_thousand_notes_are_searched_in_no_time(tmp_path: Path) -> None:
    folder = NoteFolder(tmp_path)
    words = [
        "lorem",
        "ipsum",
        "dolor",
        "sit",
        "amet",
        "consectetur",
        "adipiscing",
        "elit",
        "sed",
        "do",
        "eiusmod",
        "tempor",
    ]
    for number in range(2000):
        text = " ".join(words[(number + at) % 12] for at in range(500))
        (tmp_path / f"note {number}.md").write_text(f"{text}\nunique{number}x")
    search = NoteSearch(folder)
    begun = time.process_time()
    search.find("lorem", 1)
    reading = time.process_time() - begun
    begun = time.process_time()
    total, found = search.find("unique777x lorem", 10)
    took = time.process_time() - begun
    assert found[0].entry.name == "note 777.md"
    assert total == 2000
    assert took < reading / 2  # nothing that has not changed is read again


def test_search_sees_what_changed(tmp_path: Path) -> None:
    folder = NoteFolder(tmp_path)
    search = NoteSearch(folder)
    note = folder.create("a", "apple pie")
    assert search.find("apple", 5)[0] == 1
    folder.replace("a", "plum pie!", version=note.version)
    assert search.find("apple", 5)[0] == 0
    assert search.find('"plum pie"', 5)[0] == 1
    (tmp_path / "a.md").unlink()
    assert search.find("plum", 5)[0] == 0


def test_all_the_words_count_more_than_one_of_them_often(tmp_path: Path) -> None:
    folder = NoteFolder(tmp_path)
    folder.create("one", "bread " * 100)
    folder.create("both", "bread and, far below, butter")
    folder.create("butter", "nothing")
    total, found = NoteSearch(folder).find("bread butter", 5)
    assert total == 3
    assert [match.entry.name for match in found] == ["both.md", "butter.md", "one.md"]

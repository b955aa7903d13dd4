"""Notes: a folder of Markdown files, which may be an Obsidian vault."""

from datetime import UTC, datetime
from typing import Annotated, Any, Literal

from mcp.server import MCPServer
from pydantic import BaseModel, Field

from backend.kit.clock import Clock, SystemClock
from backend.mcp_servers.note_folder import LARGEST, Entry, Note, NoteFolder
from backend.mcp_servers.note_names import existing_folder
from backend.mcp_servers.note_search import NoteSearch
from backend.mcp_servers.stdio import run_as_module
from backend.mcp_servers.toolset import ADDS, CHANGES, READS, Toolset
from backend.settings import Settings

_PAGE_CHARACTERS = 20_000

type Name = Annotated[
    str,
    Field(
        min_length=1,
        max_length=1000,
        description="name of a note from the top folder, for example recipes/pancakes (.md is added)",
    ),
]
type Text = Annotated[
    str, Field(max_length=LARGEST, description=f"Markdown; a note may have {LARGEST // 1024} KiB")
]
type Version = Annotated[
    str,
    Field(
        max_length=16,
        description="the version that was read; the call fails if the note has changed since",
    ),
]


class Listed(BaseModel):
    name: str
    bytes: int
    modified: str


class Listing(BaseModel):
    notes: list[Listed]
    total: int
    next_start: int | None = Field(description="pass as `start` for more; absent at the end")


class Content(BaseModel):
    name: str
    text: str
    version: str = Field(description="needed to replace the note")
    characters: int = Field(description="of the whole note")
    next_start: int | None = Field(description="pass as `start` for the rest; absent at the end")


class Match(BaseModel):
    name: str
    line: int
    snippet: str
    modified: str


class Matches(BaseModel):
    matches: list[Match]
    total: int = Field(description="notes with at least one of the words")


class Written(BaseModel):
    name: str
    version: str


class Deleted(BaseModel):
    name: str
    trash: str = Field(description="where in the notes' folder it is kept")


def build(settings: Settings, *, clock: Clock | None = None) -> MCPServer[Any]:
    folder = NoteFolder(settings.mcp_servers.notes_dir or settings.server.state_dir / "notes")
    tools = Toolset()
    _add_reading(tools, folder)
    _add_writing(tools, folder)
    _add_moving(tools, folder, clock or SystemClock())
    return tools.server(
        "notes",
        title="Notes",
        instructions="The household's Markdown notes. Search before creating; read before replacing.",
        token=settings.mcp_servers.token,
    )


def _add_reading(tools: Toolset, folder: NoteFolder) -> None:
    search = NoteSearch(folder)

    @tools.tool(READS, title="List notes")
    def list_notes(
        folder_name: Annotated[
            str,
            Field(max_length=1000, description="only this folder and below, for example recipes"),
        ] = "",
        order: Literal["name", "newest"] = "name",
        limit: Annotated[int, Field(ge=1, le=200)] = 50,
        start: Annotated[int, Field(ge=0, le=1_000_000)] = 0,
    ) -> Listing:
        """List notes with their size in bytes and the time of their last change (UTC)."""
        entries = folder.entries(existing_folder(folder_name))
        if order == "newest":
            entries.sort(key=lambda entry: (-entry.modified, entry.parts))
        page = entries[start : start + limit]
        more = start + limit < len(entries)
        return Listing(
            notes=[
                Listed(name=entry.name, bytes=entry.bytes, modified=_time(entry)) for entry in page
            ],
            total=len(entries),
            next_start=start + limit if more else None,
        )

    @tools.tool(READS, title="Read a note")
    def read_note(name: Name, start: Annotated[int, Field(ge=0, le=1_000_000)] = 0) -> Content:
        """Read a note, 20,000 characters at a time. The version is needed to replace it."""
        note = folder.read(name)
        end = start + _PAGE_CHARACTERS
        return Content(
            name=note.name,
            text=note.text[start:end],
            version=note.version,
            characters=len(note.text),
            next_start=end if end < len(note.text) else None,
        )

    @tools.tool(READS, title="Search notes")
    def search_notes(
        query: Annotated[
            str,
            Field(
                min_length=1,
                max_length=200,
                pattern=r"\S",
                description='words, or a "phrase in quotes"; case and accents do not matter',
            ),
        ],
        limit: Annotated[int, Field(ge=1, le=50)] = 10,
    ) -> Matches:
        """Search names and texts. Notes with all the words come first; each with its best line."""
        total, found = search.find(query, limit)
        matches = [
            Match(
                name=match.entry.name,
                line=match.line,
                snippet=match.snippet,
                modified=_time(match.entry),
            )
            for match in found
        ]
        return Matches(matches=matches, total=total)


def _add_writing(tools: Toolset, folder: NoteFolder) -> None:
    @tools.tool(ADDS, title="Create a note")
    def create_note(name: Name, text: Text) -> Written:
        """Create a note; folders in its name are made. Fails if there is one of that name."""
        return _written(folder.create(name, text))

    @tools.tool(ADDS, title="Append to a note")
    def append_to_note(name: Name, text: Text, version: Version = "") -> Written:
        """Add text at the end of a note, on a line of its own."""
        return _written(folder.append(name, text, version=version))

    @tools.tool(CHANGES, title="Replace a note")
    def replace_note(
        name: Name, text: Text, version: Annotated[Version, Field(min_length=16)]
    ) -> Written:
        """Replace the whole text of a note. Read it first: its version is required."""
        return _written(folder.replace(name, text, version=version))


def _add_moving(tools: Toolset, folder: NoteFolder, clock: Clock) -> None:
    @tools.tool(CHANGES, title="Rename a note")
    def rename_note(name: Name, new_name: Name) -> Written:
        """Give a note another name or folder. Links to it in other notes are not changed."""
        return _written(folder.rename(name, new_name))

    @tools.tool(CHANGES, title="Delete a note")
    def delete_note(name: Name, version: Version = "") -> Deleted:
        """Move a note to the trash folder, from which a person can take it back."""
        return Deleted(name=name, trash=folder.delete(name, clock.now(), version=version))


def _written(note: Note) -> Written:
    return Written(name=note.name, version=note.version)


def _time(entry: Entry) -> str:
    return datetime.fromtimestamp(entry.modified, UTC).isoformat(timespec="seconds")


if __name__ == "__main__":
    run_as_module("notes")

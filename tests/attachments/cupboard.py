"""Kept pictures on a real disk and in a real database, and people whose they are."""

from pathlib import Path

from backend.attachments.records import Owner
from backend.attachments.service import Attachments
from backend.attachments.store import FileStore
from backend.db.database import Database
from backend.kit.background import Background
from backend.messages import Media
from tests.attachments.samples import Sample, png
from tests.fakes.clock import StillClock

_PERSON = (
    "INSERT INTO users (id, username, display_name, password_hash, role, created_at)"
    " VALUES (?, ?, ?, '', 'adult', 0)"
)
_CONVERSATION = (
    "INSERT INTO conversations (id, owner_id, title, title_source, created_at, updated_at)"
    " VALUES (?, ?, '', 'auto', 0, 0)"
)
_MESSAGE = (
    "INSERT INTO messages (id, conversation_id, parent_id, role, status, parts, created_at)"
    " VALUES (?, ?, ?, 'assistant', 'complete', '[]', 0)"
)
ANNA = Owner("anna", "talk", "answer")
BOB = Owner("bob", "chat", "reply")
PICTURE = Sample("image/png", png())


class Cupboard:
    def __init__(self, database: Database, state: Path, clock: StillClock, spared: int = 0) -> None:
        self.database = database
        self.folder = state / "files"
        self.clock = clock
        self.background = Background()
        self.attachments = Attachments(
            FileStore(database, clock),
            self.folder,
            background=self.background,
            clock=clock,
            spared=spared,
        )

    async def fill(self) -> None:
        """Two people, a conversation each, an answer in each."""
        for owner in (ANNA, BOB):
            await self.run(_PERSON, owner.user_id, owner.user_id, owner.user_id)
            await self.run(_CONVERSATION, owner.conversation_id, owner.user_id)
            await self.run(_MESSAGE, owner.message_id, owner.conversation_id, None)

    async def run(self, statement: str, *values: object) -> None:
        await self.database.write(lambda c: c.execute(statement, values))

    async def keep(self, *samples: Sample, owner: Owner = ANNA) -> list[Media]:
        """All of which must be kept."""
        kept = [media for media, _ in await self.attachments.keep(owner, samples or [PICTURE])]
        assert None not in kept
        return [media for media in kept if media]

    async def words(self, *samples: Sample, owner: Owner = ANNA) -> list[str]:
        return [words for _, words in await self.attachments.keep(owner, samples)]

    async def bytes_of(self, media: Media, user_id: str = "anna") -> bytes:
        file = await self.attachments.find(user_id, media.file_id)
        return b"".join([piece async for piece in self.attachments.read(file, 0, file.bytes)])

    @property
    def contents(self) -> list[bytes]:
        """What lies on disk, finished or not."""
        return sorted(path.read_bytes() for path in self.folder.rglob("*") if path.is_file())

    @property
    def modes(self) -> set[int]:
        return {path.stat().st_mode & 0o777 for path in self.folder.rglob("*")}

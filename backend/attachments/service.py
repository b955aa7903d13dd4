"""Pictures and sounds that tools gave: kept for those who own the conversation, shown, let go."""

import asyncio
from collections.abc import AsyncGenerator, Sequence
from datetime import timedelta
from itertools import batched
from pathlib import Path

import structlog

from backend.attachments.folder import FileFolder
from backend.attachments.media import Given, claimed_type, media_type_of, refusal
from backend.attachments.records import KeptFile, Owner
from backend.attachments.store import FileStore
from backend.db.database import StorageError
from backend.kit.background import Background
from backend.kit.clock import Clock, to_millis
from backend.kit.errors import NotFoundError
from backend.kit.ids import new_id
from backend.messages import Media

_CHUNK = 256_000
_BATCH = 500
_YOUNG = timedelta(hours=1)
"""A file without a row may be one whose row is about to be written."""
_SPARED = 200_000_000
_NOT_KEPT = "not shown, because it could not be kept"

_log = structlog.get_logger()


class Attachments:
    """`folder`: where the bytes lie; backups take it with the rest of the state."""

    def __init__(
        self,
        store: FileStore,
        folder: Path,
        *,
        background: Background,
        clock: Clock,
        spared: int = _SPARED,
    ) -> None:
        self._store = store
        self._folder = FileFolder(folder, spared=spared)
        self._background = background
        self._clock = clock
        # A content that is being removed must not become somebody's meanwhile.
        self._changing = asyncio.Lock()

    # --- to keep and to show --------------------------------------------------------------------

    async def keep(self, owner: Owner, given: Sequence[Given]) -> list[tuple[Media | None, str]]:
        """For each of them, what is kept and words about it. Nothing is raised: an answer goes on
        without its pictures."""
        async with self._changing:
            found = [await asyncio.to_thread(self._written, one) for one in given]
            files = [file for file, _ in found if file]
            try:
                if files:
                    await self._store.add(owner, files)
            except (StorageError, NotFoundError) as error:
                _log.warning("files_not_kept", count=len(files), why=error.detail)
                return [(None, _NOT_KEPT if file else words) for file, words in found]
        return [
            (Media(file.id, file.media_type, file.bytes) if file else None, words)
            for file, words in found
        ]

    async def find(self, user_id: str, file_id: str) -> KeptFile:
        """Raises NotFoundError, also where the bytes are missing."""
        file = await self._store.find(user_id, file_id)
        if await asyncio.to_thread(self._folder.size, file.sha256) != file.bytes:
            _log.error("file_damaged", file=file_id)
            raise NotFoundError("The bytes of this file are missing.")
        return file

    async def read(self, file: KeptFile, start: int, end: int) -> AsyncGenerator[bytes]:
        """The bytes from `start` to before `end`, a piece at a time."""
        handle = await asyncio.to_thread(self._folder.place(file.sha256).open, "rb")
        try:
            await asyncio.to_thread(handle.seek, start)
            while start < end:
                piece = await asyncio.to_thread(handle.read, min(_CHUNK, end - start))
                if not piece:  # whoever reads was promised more: this answer must not look whole
                    raise OSError(f"{file.id} ends early")
                start += len(piece)
                yield piece
        finally:
            handle.close()

    def _written(self, given: Given) -> tuple[KeptFile | None, str]:
        media_type = media_type_of(given.data)
        if not media_type:
            return None, refusal(given)
        try:
            sha256 = self._folder.write(given.data, self._clock.now().timestamp())
        except OSError:
            _log.exception("file_not_written")
            return None, _NOT_KEPT
        is_honest = claimed_type(given.mime_type) == media_type
        words = "shown to the person" + ("" if is_honest else f" as {media_type}, which it is")
        return KeptFile(new_id("file", self._clock), sha256, media_type, len(given.data)), words

    # --- to let go ------------------------------------------------------------------------------

    def tidy(self) -> None:
        """Something was deleted; what only that had goes now."""
        self._background.start(self.remove_gone(), name="remove files")

    async def remove_gone(self) -> None:
        """Raises StorageError, OSError; what is left then goes the next time."""
        while gone := await self._remove_some():
            if len(gone) < _BATCH:
                return

    async def _remove_some(self) -> list[str]:
        async with self._changing:
            gone = await self._store.gone()
            if gone:
                used = await self._store.used(gone)
                await asyncio.to_thread(self._remove, [one for one in gone if one not in used])
                await self._store.settle(gone)
        return gone

    async def sweep(self) -> None:
        """Remove what no answer shows: after a crash, a full disk, an answer nobody stored."""
        before = self._clock.now() - _YOUNG
        await self._store.drop_unsaid(to_millis(before))
        await self.remove_gone()
        old = await asyncio.to_thread(self._folder.older_than, before.timestamp())
        for some in batched(old, _BATCH, strict=False):
            async with self._changing:
                used = await self._store.used(some)
                unused = [one for one in some if one not in used]
                await asyncio.to_thread(self._remove, unused, before.timestamp())

    def _remove(self, contents: Sequence[str], before: float | None = None) -> None:
        for one in contents:
            self._folder.remove(one, before)

from collections.abc import AsyncGenerator
from pathlib import Path

import pytest

from backend.db.database import open_database
from tests.attachments.cupboard import Cupboard
from tests.fakes.clock import StillClock


@pytest.fixture
async def cupboard(tmp_path: Path, clock: StillClock) -> AsyncGenerator[Cupboard]:
    async with open_database(tmp_path / "parlor.db") as database:
        opened = Cupboard(database, tmp_path, clock)
        await opened.fill()
        yield opened
        await opened.background.aclose()

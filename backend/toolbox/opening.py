"""The doors to servers, loaded when the first one is wanted: the SDK takes a second to import."""

import asyncio
import sys
from pathlib import Path
from typing import TYPE_CHECKING

from backend.kit.outbound import Outbound
from backend.toolbox.oauth_grants import Grants

if TYPE_CHECKING:
    from backend.toolbox.dialling import Doors


def is_loaded() -> bool:
    """Whether the second has passed: whatever connects then holds nothing up."""
    return "backend.toolbox.session" in sys.modules


class LateDoors:
    def __init__(self, outbound: Outbound | None, homes: Path, grants: Grants | None) -> None:
        self._parts = (outbound, homes, grants)
        self._doors: Doors | None = None
        self._opening = asyncio.Lock()

    async def open(self) -> "Doors":
        async with self._opening:
            if self._doors is None:
                self._doors = await asyncio.to_thread(_load, *self._parts)
        return self._doors

    async def aclose(self) -> None:
        if self._doors is not None:
            await self._doors.aclose()


def _load(outbound: Outbound | None, homes: Path, grants: Grants | None) -> "Doors":
    import backend.toolbox.session  # noqa: PLC0415  # start-up: the SDK, a second
    import backend.toolbox.troubles  # noqa: F401, PLC0415  # as above
    from backend.toolbox.dialling import Doors  # noqa: PLC0415  # as above

    return Doors(outbound, homes, grants)

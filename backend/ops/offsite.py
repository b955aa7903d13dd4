"""Copies of backups elsewhere: what is missing goes there, what is too many goes away there."""

import asyncio
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import urlsplit

from backend.kit.clock import SystemClock
from backend.ops.backup import Say
from backend.ops.backup_folder import SEALED, backups_in, made_at, too_many
from backend.ops.offsite_place import (
    FolderPlace,
    OffsiteError,
    OffsiteMissingError,
    OffsiteRefusedError,
    Place,
)
from backend.ops.retention import Keep
from backend.ops.sealed_file import is_sealed
from backend.settings.backup import BackupSettings

_SECONDS = 60.0


@dataclass(frozen=True, slots=True)
class Copied:
    newest: str
    words: str


def copy_backups(settings: BackupSettings, folder: Path, *, say: Say = print) -> Copied:
    """Raises OffsiteError, OSError."""

    async def run() -> Copied:
        async with _place(settings) as place:
            return await bring_there(place, folder, Keep.parse(settings.keep), say)

    if settings.key is None:
        raise OffsiteRefusedError(
            "Only encrypted backups are copied elsewhere: set PARLOR_BACKUP_KEY"
            " (`parlor backup key` makes one)."
        )
    say(f"Copying to {settings.copy_to}.")
    return asyncio.run(run())


def fetch_backup(settings: BackupSettings, name: str, folder: Path, *, say: Say = print) -> Path:
    """The newest where none is named. Raises OffsiteError, OSError."""

    async def run() -> Path:
        async with _place(settings) as place:
            return await bring_here(place, name, folder)

    folder.mkdir(parents=True, exist_ok=True, mode=0o700)
    found = asyncio.run(run())
    say(f"Fetched {found}.")
    return found


async def bring_there(place: Place, folder: Path, keep: Keep, say: Say) -> Copied:
    """The newest first. Nothing is removed there before the newest is there."""
    here = await asyncio.to_thread(_sealed_in, folder)
    if not here:
        raise OffsiteMissingError(f"There is no encrypted backup in {folder} yet: `parlor backup`.")
    newest = here[0].name
    there = await place.names()
    all_names = {*there, *(path.name for path in here)}
    surplus = set(too_many(all_names, keep, newest=newest))
    sent = 0
    for path in here:
        size = (await asyncio.to_thread(path.stat)).st_size
        if path.name not in surplus and there.get(path.name) != size:
            await place.put(path)
            say(f"Copied {path.name}.")
            sent += 1
    for name in sorted(surplus & there.keys()):
        await place.remove(name)
        say(f"Removed {name} there.")
    await place.tidy({path.name for path in here})
    number = sum(made_at(name) is not None for name in all_names - surplus)
    return Copied(newest, f"{number} backups lie there, {sent} of them new.")


async def bring_here(place: Place, name: str, folder: Path) -> Path:
    there = [found for found in await place.names() if made_at(found)]
    wanted = name or max(there, default="")
    if wanted not in there:
        raise OffsiteMissingError(f"There is no backup {wanted or 'at all'} there.")
    target = folder / wanted
    if await asyncio.to_thread(target.exists):
        raise OffsiteError(f"{target} is here already.")
    await place.get(wanted, target)
    await asyncio.to_thread(target.chmod, 0o600)
    return target


def _sealed_in(folder: Path) -> list[Path]:
    """Newest first; by what is in them, not by their names alone."""
    return [path for path in backups_in(folder) if path.name.endswith(SEALED) and is_sealed(path)]


@asynccontextmanager
async def _place(settings: BackupSettings) -> AsyncGenerator[Place]:
    place = settings.copy_to or ""
    if place.startswith("/"):
        yield FolderPlace(Path(place))
        return
    if settings.s3_secret is None:
        raise OffsiteRefusedError("A bucket needs PARLOR_BACKUP_S3_SECRET.")
    import ssl  # noqa: PLC0415  # start-up: only where there is a bucket

    import httpx2  # noqa: PLC0415  # as above

    from backend.ops.offsite_bucket import Bucket  # noqa: PLC0415  # as above
    from backend.ops.s3_service import S3Service  # noqa: PLC0415  # as above
    from backend.ops.s3_signing import AccessKey  # noqa: PLC0415  # as above

    where = urlsplit(place)
    secret = settings.s3_secret.get_secret_value()
    key = AccessKey(settings.s3_key_id, secret, settings.s3_region)
    context = ssl.create_default_context()  # the machine's, and what its owner added to them
    async with httpx2.AsyncClient(verify=context, trust_env=False, timeout=_SECONDS) as client:
        service = S3Service(client, (str(settings.s3_url), where.netloc), key, SystemClock())
        yield Bucket(service, where.path.strip("/"))

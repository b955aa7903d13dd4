"""`parlor doctor`: is everything there that a chat needs, and if not, what to do."""

import asyncio
import sys

from backend.container import DATABASE_NAME, providers_from
from backend.db.database import StorageError, open_database
from backend.db.in_use import InUseError
from backend.db.migrate import MigrationError
from backend.kit.clock import SystemClock
from backend.ops.host_checks import (
    backup_problem,
    certificate_end,
    certificate_problem,
    disk_problem,
    keys_problem,
)
from backend.providers.base import ProviderError
from backend.settings import Settings

type _Finding = tuple[bool, str, str]
"""(well, what, words)"""


def run_doctor(settings: Settings) -> None:
    """Prints a line a check; exits with 1 when something is wrong."""
    findings = asyncio.run(_examine(settings))
    for well, what, words in findings:
        print(f"{'ok   ' if well else 'WRONG'}  {what:22} {words}")
    if not all(well for well, _, _ in findings):
        sys.exit(1)


async def _examine(settings: Settings) -> list[_Finding]:
    return [
        _settings(settings),
        await _database(settings),
        *await asyncio.to_thread(_host, settings),
        *await _providers(settings),
    ]


def _settings(settings: Settings) -> _Finding:
    if unknown := settings.unknown_names:
        return False, "settings", f"Parlor knows no {', '.join(unknown)}: remove or correct them."
    return True, "settings", "all readable"


async def _database(settings: Settings) -> _Finding:
    path = settings.server.state_dir / DATABASE_NAME
    if not await asyncio.to_thread(path.exists):  # whoever asks must not become its owner
        return True, "database", f"{path} does not exist yet; `parlor serve` makes it"
    try:
        async with open_database(path) as database:
            verdict = await database.read(lambda c: c.execute("PRAGMA quick_check").fetchone()[0])
            people = await database.read(
                lambda c: c.execute("SELECT count(*) FROM users").fetchone()[0]
            )
    except (MigrationError, InUseError, StorageError, OSError) as error:
        return False, "database", f"{path}: {error}. Check the disk and who owns the folder."
    if verdict != "ok":
        return False, "database", f"{path} is damaged ({verdict}); restore a backup."
    words = (
        f"{path}, {people} people" if people else f"{path}, not set up: `parlor users setup-link`"
    )
    return True, "database", words


def _host(settings: Settings) -> list[_Finding]:
    server, clock = settings.server, SystemClock()
    state, cert, backups = server.state_dir, server.tls_cert, server.backup_dir
    findings = []
    for name, problem, well in (
        ("keys", keys_problem(state, clock), "readable"),
        ("disk", disk_problem(state), "enough room"),
    ):
        findings.append((not problem, name, problem or well))
    if cert:
        problem = certificate_problem(cert, clock)
        words = problem or f"good until {certificate_end(cert):%Y-%m-%d}"
        findings.append((not problem, "certificate", words))
    if backups:
        problem = backup_problem(backups, clock)
        findings.append((not problem, "backup", problem or f"recent, in {backups}"))
    return findings


async def _providers(settings: Settings) -> list[_Finding]:
    findings = []
    async with providers_from(settings) as providers:
        for provider_id, offered in (await providers.models()).items():
            name = f"provider {provider_id}"
            if isinstance(offered, ProviderError):
                findings.append((False, name, f"{offered.detail} ({offered.code})"))
            else:
                findings.append((True, name, f"{len(offered)} models"))
        if providers.is_demo:
            findings.append((True, "hint", "only the demo answers; set OPENROUTER_API_KEY"))
    return findings

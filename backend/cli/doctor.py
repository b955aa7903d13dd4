"""`parlor doctor`: is everything there that a chat needs, and if not, what to do."""

import asyncio
import sys

import httpx2

from backend.cli import doctor_outside as outside
from backend.cli.doctor_finding import Finding
from backend.cli.terminal import harmless
from backend.container import DATABASE_NAME
from backend.db.database import Database, StorageError, open_database
from backend.db.in_use import InUseError
from backend.db.migrate import MigrationError
from backend.kit.clock import Clock, SystemClock
from backend.ops.finding import Finding as Found
from backend.ops.findings import care_findings, host_findings
from backend.settings import Settings
from backend.toolbox.records import ServerDefinition

_PATIENCE = 8.0


def run_doctor(settings: Settings) -> None:
    """Prints a line a check; exits with 1 when something is wrong."""
    findings = asyncio.run(_examine(settings))
    for finding in findings:
        print(harmless(str(finding)))
    if any(finding.well is False for finding in findings):
        sys.exit(1)


async def _examine(settings: Settings) -> list[Finding]:
    clock = SystemClock()
    database, servers = await _database_and_tools(settings, clock)
    tools = [finding for finding in database if finding.what != "database"]
    times = outside.Times(clock)
    client = httpx2.AsyncClient(
        trust_env=False, timeout=_PATIENCE, event_hooks={"response": [times.hear]}
    )
    async with client:
        names, providers, way_in, host, care = await asyncio.gather(
            outside.check_names(outside.names_asked_for(settings, servers)),
            outside.check_providers(client, settings),
            outside.check_way_in(client, settings),
            asyncio.to_thread(_host, settings, clock),
            asyncio.to_thread(_care, settings, clock),
        )
    return [
        _settings(settings),
        *(finding for finding in database if finding.what == "database"),
        *(*host, names, times.finding(), *providers, *tools, way_in, *care),
    ]


def _settings(settings: Settings) -> Finding:
    if unknown := settings.unknown_names:
        words = f"Parlor knows no {', '.join(unknown)}: remove or correct them."
        return Finding(False, "settings", words)
    return Finding(True, "settings", "all readable")


async def _database_and_tools(
    settings: Settings, clock: Clock
) -> tuple[list[Finding], list[ServerDefinition]]:
    path = settings.server.state_dir / DATABASE_NAME
    if not await asyncio.to_thread(path.exists):  # whoever asks must not become its owner
        words = f"{path} does not exist yet; `parlor serve` makes it"
        return [Finding(True, "database", words)], []
    try:
        async with open_database(path) as database:
            servers, tools = await outside.tool_servers(settings, database, clock)
            return [await _database(settings, database), *tools], servers
    except (MigrationError, InUseError, StorageError, OSError) as error:
        words = f"{path}: {error}. Check the disk and who owns the folder."
        return [Finding(False, "database", words)], []


async def _database(settings: Settings, database: Database) -> Finding:
    path = settings.server.state_dir / DATABASE_NAME
    verdict = await database.read(lambda c: c.execute("PRAGMA quick_check").fetchone()[0])
    if verdict != "ok":
        words = f"{path} is damaged ({verdict}); restore a backup: `parlor restore`."
        return Finding(False, "database", words)
    people = await database.read(lambda c: c.execute("SELECT count(*) FROM users").fetchone()[0])
    words = (
        f"{path}, {people} people" if people else f"{path}, not set up: `parlor users setup-link`"
    )
    return Finding(True, "database", words)


def _host(settings: Settings, clock: Clock) -> list[Finding]:
    found = host_findings(settings.server, clock)
    return [_line(one) for one in found if one.state != "off"]


def _care(settings: Settings, clock: Clock) -> list[Finding]:
    """Backups, their copies, and whether one was tried out."""
    found = care_findings(settings.backup, settings.server.state_dir, clock)
    return [_line(one) for one in found]


def _line(found: Found) -> Finding:
    well = {"ok": True, "attention": False, "off": None}[found.state]
    words = f"{found.words} {found.fix}".strip()
    return Finding(
        well, found.title.lower(), words if well is False else words[0].lower() + words[1:]
    )

"""How this Parlor is, for its owner: what `readiness` judges, in words, and a few numbers."""

import asyncio
import sys
from dataclasses import dataclass, replace
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING

from backend.condition import measures
from backend.condition.readiness import Readiness, readiness
from backend.container import Services
from backend.db.database import Connection as DatabaseConnection
from backend.db.database import StorageError
from backend.kit.version import VERSION
from backend.ops.finding import Finding, Problem, judged
from backend.toolbox.connection import Connection

if TYPE_CHECKING:
    from backend.ops.care import Note

_TOOLS_WELL = {
    "ready": "Connected.",
    "needs_sign_in": "Each person signs in for themselves.",
    "connecting": "Connecting.",
}


@dataclass(frozen=True, slots=True)
class Duty:
    """How something went when it was last done, and when it last went well."""

    at: datetime
    ok: bool
    words: str
    good_at: datetime | None


@dataclass(frozen=True, slots=True)
class Backups:
    """`last` is without words where only the file is left to tell of it."""

    configured: bool
    last: Duty | None
    copy: Duty | None
    rehearsal: Duty | None


@dataclass(frozen=True, slots=True)
class Room:
    free_bytes: int
    total_bytes: int


@dataclass(frozen=True, slots=True)
class Certificate:
    ends_at: datetime


@dataclass(frozen=True, slots=True)
class Overview:
    """`release`: the deployed one's name. What cannot be found out is null."""

    version: str
    release: str | None
    started_at: datetime | None
    checks: list[Finding]
    backup: Backups
    disk: Room | None
    certificate: Certificate | None
    database_bytes: int
    people: int | None
    conversations: int | None


async def overview(services: Services) -> Overview:
    found = await readiness(services)
    people, conversations = await _counted(services)
    measured = await asyncio.to_thread(_measured, services)
    checks = _checks(services, found)
    return replace(measured, checks=checks, people=people, conversations=conversations)


def _checks(services: Services, found: Readiness) -> list[Finding]:
    database = Problem(found.database, "`parlor doctor` says more.") if found.database else None
    servers = services.tool_servers.connections.items()
    return [
        judged("database", "Database", database, "It can be read."),
        *found.host,
        *found.care,
        *_providers(services, found),
        *(
            _tools(server_id, server, found.tools.get(server_id, ""))
            for server_id, server in servers
        ),
        _settings(services.settings.unknown_names),
    ]


def _providers(services: Services, found: Readiness) -> list[Finding]:
    if services.catalog.is_demo:
        return [
            Finding(
                *("providers/demo", "Models", "off", "Only the demo answers."),
                "Set `OPENROUTER_API_KEY`, or the address of another server of models.",
            )
        ]
    fix = "Check its key and address. It is asked again by itself."
    return [
        judged(
            f"providers/{name}",
            f"Models of {name}",
            Problem(problem, fix) if problem else None,
            "They can be asked.",
        )
        for name, problem in found.providers.items()
    ]


def _tools(server_id: str, server: Connection, problem: str) -> Finding:
    """What connects just now is neither well nor ill."""
    name, title = f"tools/{server_id}", f"Tools: {server.definition.name}"
    if server.state.name == "off":
        return Finding(name, title, "off", "Switched off.", "")
    if well := _TOOLS_WELL.get(server.state.name):
        return judged(name, title, None, well)
    return judged(name, title, Problem(problem, "See its page under Tools."), "")


def _settings(unknown: tuple[str, ...]) -> Finding:
    words = f"Parlor knows no {', '.join(unknown)}."
    problem = Problem(words, "Remove or correct them.") if unknown else None
    return judged("settings", "Settings", problem, "All are known.")


async def _counted(services: Services) -> tuple[int | None, int | None]:
    def count(connection: DatabaseConnection) -> tuple[int, int]:
        people, conversations = connection.execute(
            "SELECT (SELECT count(*) FROM users), (SELECT count(*) FROM conversations)"
        ).fetchone()
        return people, conversations

    try:
        return await services.database.read(count)
    except StorageError:
        return None, None


def _measured(services: Services) -> Overview:
    """Reads files."""
    from backend.ops.care import noted  # noqa: PLC0415  # start-up: for whoever looks after it

    server, backup = services.settings.server, services.settings.backup
    state = server.state_dir
    made = measures.newest_backup_made(backup.dir)
    last = _duty(noted(state, "backup"))
    if last is None and made is not None:  # a restored folder has no notes
        last = Duty(made, ok=True, words="", good_at=made)
    room, ends = measures.disk(state), measures.certificate_ends(server.tls_cert)
    return Overview(
        version=VERSION,
        release=measures.release_of(Path(sys.argv[0])),
        started_at=measures.started_at(services.clock.now()),
        checks=[],
        backup=Backups(
            configured=backup.dir is not None,
            last=last,
            copy=_duty(noted(state, "copy")),
            rehearsal=_duty(noted(state, "rehearsal")),
        ),
        disk=Room(*room) if room else None,
        certificate=Certificate(ends) if ends else None,
        database_bytes=measures.database_bytes(state),
        people=None,
        conversations=None,
    )


def _duty(note: "Note | None") -> Duty | None:
    return Duty(note.at, note.ok, note.words, note.good_at) if note else None

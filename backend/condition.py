"""How this Parlor is: what is ready and what is not, and the numbers for whoever watches it."""

import asyncio
import resource
from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING

from backend.container import DATABASE_NAME, Services
from backend.db.database import StorageError
from backend.kit.version import VERSION

if TYPE_CHECKING:
    from backend.ops.metrics import Family

_OK = {"ready", "off", "needs_sign_in"}
"""Of a tool server: each person signs in for themselves."""


@dataclass(frozen=True, slots=True)
class Readiness:
    """Part -> what is wrong with it, "" when nothing is."""

    database: str
    host: Mapping[str, str]
    providers: Mapping[str, str]
    tools: Mapping[str, str]

    @property
    def can_answer(self) -> bool:
        """Whoever asks is answered: by the database and one provider. The rest is for repair."""
        return not self.database and any(not problem for problem in self.providers.values())

    @property
    def all(self) -> dict[str, str]:
        servers = {f"tools/{name}": problem for name, problem in self.tools.items()}
        return {"database": self.database, **self.host, **self.providers, **servers}


async def readiness(services: Services) -> Readiness:
    try:
        await services.database.read(lambda c: c.execute("SELECT 1").fetchone())
        database = ""
    except StorageError as error:
        database = error.detail
    return Readiness(
        database,
        await asyncio.to_thread(_host_problems, services),
        services.catalog.failures,
        {
            server_id: "" if server.state.name in _OK else server.state.reason or server.state.name
            for server_id, server in services.tool_servers.connections.items()
        },
    )


async def metrics(services: Services) -> str:
    """Text for Prometheus. Reads files, and nothing of the database but its size."""
    from backend.ops.metrics import Family, rendered  # noqa: PLC0415  # start-up: for watchers

    tally, connections = services.tally, services.tool_servers.connections.values()
    servers = Counter("up" if server.session else "down" for server in connections if server.is_on)
    counters = [
        Family("build_info", "gauge", "Which release this is.", (({"version": VERSION}, 1),)),
        Family.by(
            "status",
            {status: tally.turns[status] for status in _STATUSES},
            "turns_total",
            "Turns that ended, since this process started.",
            "counter",
        ),
        Family.by("kind", tally.tokens, "tokens_total", "Tokens, as providers count.", "counter"),
        Family.one("cost_dollars_total", "counter", "What turns cost.", tally.cost),
        Family.by(
            "outcome",
            {outcome: tally.tool_calls[outcome] for outcome in ("ok", "error")},
            "tool_calls_total",
            "Calls of tools.",
            "counter",
        ),
        Family.by(
            "state",
            {state: servers[state] for state in ("up", "down")},
            "tool_servers",
            "Tool servers that are switched on.",
            "gauge",
        ),
        Family.one("turns_running", "gauge", "Turns right now.", services.turns.running_count),
        Family.one("streams_open", "gauge", "Open answers and pages.", len(services.streams)),
    ]
    return rendered([*counters, *await asyncio.to_thread(_host_families, services)])


_STATUSES = ("completed", "stopped", "interrupted", "failed")


def _host_problems(services: Services) -> dict[str, str]:
    from backend.ops.care import (  # noqa: PLC0415  # start-up: for whoever looks after it
        backup_problem,
        copy_problem,
        rehearsal_problem,
    )
    from backend.ops.host_checks import certificate_problem, disk_problem  # noqa: PLC0415

    server, backup, clock = services.settings.server, services.settings.backup, services.clock
    state = server.state_dir
    found = {
        "disk": disk_problem(state),
        "certificate": certificate_problem(server.tls_cert, clock),
    }
    if backup.dir:
        found["backup"] = backup_problem(backup.dir, state, clock)
        found["rehearsal"] = rehearsal_problem(state, clock)
    if backup.copy_to:
        found["copy"] = copy_problem(backup.copy_to, state, clock)
    return found


def _host_families(services: Services) -> "list[Family]":
    from backend.ops.care import noted  # noqa: PLC0415  # as above
    from backend.ops.metrics import Family  # noqa: PLC0415  # as above

    server, backup = services.settings.server, services.settings.backup
    now = services.clock.now()

    def age(moment: datetime | None) -> float | None:
        return None if moment is None else round((now - moment).total_seconds())

    copy, rehearsal = noted(server.state_dir, "copy"), noted(server.state_dir, "rehearsal")
    made = _newest(backup.dir)
    return [
        Family.one(
            "database_bytes",
            "gauge",
            "Size of the database and its log.",
            sum(_size(server.state_dir / f"{DATABASE_NAME}{end}") for end in ("", "-wal")),
        ),
        Family.one("memory_bytes", "gauge", "Memory of this process.", _memory()),
        Family.one(
            "certificate_end_timestamp_seconds",
            "gauge",
            "When the certificate ends.",
            _certificate_end(server.tls_cert),
        ),
        Family.one("backup_age_seconds", "gauge", "Age of the newest backup.", age(made)),
        Family.one(
            "backup_copy_age_seconds",
            "gauge",
            "Since the last good copy elsewhere.",
            age(copy.good_at) if copy else None,
        ),
        Family.one(
            "rehearsal_age_seconds",
            "gauge",
            "Since a restore was last tried out and went well.",
            age(rehearsal.good_at) if rehearsal else None,
        ),
    ]


def _newest(folder: Path | None) -> datetime | None:
    from backend.ops.backup_folder import made_at, newest_backup  # noqa: PLC0415  # as above

    try:
        newest = newest_backup(folder) if folder else None
    except OSError:
        return None
    return made_at(newest.name) if newest else None


def _certificate_end(certificate: Path | None) -> float | None:
    from backend.ops.host_checks import certificate_end  # noqa: PLC0415  # as above

    try:
        return certificate_end(certificate).timestamp() if certificate else None
    except (OSError, ValueError):
        return None


def _size(path: Path) -> int:
    try:
        return path.stat().st_size
    except OSError:
        return 0


def _memory() -> float | None:
    """Resident, as the kernel counts it."""
    try:
        pages = int(Path("/proc/self/statm").read_text("ascii").split()[1])
    except (OSError, ValueError, IndexError):
        return None
    return pages * resource.getpagesize()

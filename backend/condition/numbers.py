"""Numbers for whoever watches, as Prometheus reads them."""

import asyncio
import resource
from collections import Counter
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING

from backend.condition.measures import certificate_ends, database_bytes, newest_backup_made
from backend.container import Services
from backend.kit.version import VERSION

if TYPE_CHECKING:
    from backend.ops.metrics import Family


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


def _host_families(services: Services) -> "list[Family]":
    from backend.ops.care import noted  # noqa: PLC0415  # as above
    from backend.ops.metrics import Family  # noqa: PLC0415  # as above

    server, backup = services.settings.server, services.settings.backup
    now = services.clock.now()

    def age(moment: datetime | None) -> float | None:
        return None if moment is None else round((now - moment).total_seconds())

    copy, rehearsal = noted(server.state_dir, "copy"), noted(server.state_dir, "rehearsal")
    made = newest_backup_made(backup.dir)
    ends = certificate_ends(server.tls_cert)
    return [
        Family.one(
            "database_bytes",
            "gauge",
            "Size of the database and its log.",
            database_bytes(server.state_dir),
        ),
        Family.one("memory_bytes", "gauge", "Memory of this process.", _memory()),
        Family.one(
            "certificate_end_timestamp_seconds",
            "gauge",
            "When the certificate ends.",
            ends.timestamp() if ends else None,
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


def _memory() -> float | None:
    """Resident, as the kernel counts it."""
    try:
        pages = int(Path("/proc/self/statm").read_text("ascii").split()[1])
    except (OSError, ValueError, IndexError):
        return None
    return pages * resource.getpagesize()

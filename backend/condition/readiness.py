"""What is ready and what is not."""

import asyncio
from collections.abc import Mapping
from dataclasses import dataclass

from backend.container import Services
from backend.db.database import StorageError
from backend.ops.finding import Finding
from backend.toolbox.connection import Connection

_OK = {"ready", "off", "needs_sign_in"}
"""Of a tool server: each person signs in for themselves."""


@dataclass(frozen=True, slots=True)
class Readiness:
    """Part -> what is wrong with it, "" when nothing is."""

    database: str
    host: list[Finding]
    care: list[Finding]
    """Of backups. Here too is what is not configured."""
    providers: Mapping[str, str]
    tools: Mapping[str, str]

    @property
    def can_answer(self) -> bool:
        """Whoever asks is answered: by the database and one provider. The rest is for repair."""
        return not self.database and any(not problem for problem in self.providers.values())

    @property
    def all(self) -> dict[str, str]:
        cared = [found for found in self.care if found.state != "off"]
        host = {found.id: found.problem for found in (*self.host, *cared)}
        servers = {f"tools/{name}": problem for name, problem in self.tools.items()}
        return {"database": self.database, **host, **self.providers, **servers}


async def readiness(services: Services) -> Readiness:
    try:
        await services.database.read(lambda c: c.execute("SELECT 1").fetchone())
        database = ""
    except StorageError as error:
        database = error.detail
    host, care = await asyncio.to_thread(_found, services)
    connections = services.tool_servers.connections
    return Readiness(
        database,
        host,
        care,
        services.catalog.failures,
        {server_id: tool_problem(server) for server_id, server in connections.items()},
    )


def tool_problem(server: Connection) -> str:
    return "" if server.state.name in _OK else server.state.reason or server.state.name


def _found(services: Services) -> tuple[list[Finding], list[Finding]]:
    from backend.ops.findings import (  # noqa: PLC0415  # start-up: for whoever looks after it
        care_findings,
        host_findings,
    )

    server, backup, clock = services.settings.server, services.settings.backup, services.clock
    care = care_findings(backup, server.state_dir, clock, server.zone)
    return host_findings(server, clock), care

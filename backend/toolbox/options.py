"""What the operator decides about tool servers, as the registry takes it."""

import sys
from dataclasses import dataclass, field
from datetime import UTC, tzinfo
from pathlib import Path

from backend.settings import Settings


@dataclass(frozen=True, slots=True)
class ServersOptions:
    """`program`: how Parlor is started, for definitions that name a server of its own."""

    definitions: Path
    homes: Path
    program: tuple[str, ...]
    hosts: tuple[str, ...] = ()
    """Where to look for servers, besides the hosts that the file names."""
    ports: tuple[int, ...] = ()
    zone: tzinfo = field(default=UTC)


def servers_options(settings: Settings) -> ServersOptions:
    """Reads files. A server of ours is started as this process was."""
    state, given = settings.server.state_dir.absolute(), settings.mcp_client
    itself = Path(sys.argv[0])
    program = (str(itself.absolute()),) if itself.suffix == ".pyz" else ("-m", "backend")
    return ServersOptions(
        definitions=given.definitions or state / "mcp_servers.json",
        homes=state / "tool_servers",
        program=(sys.executable, *program),
        hosts=given.discovery_hosts,
        ports=given.discovery_ports,
        zone=settings.server.zone,
    )

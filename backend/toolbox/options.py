"""What the operator decides about tool servers, as the registry takes it."""

import sys
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, tzinfo
from pathlib import Path

import backend
from backend.settings import Settings


@dataclass(frozen=True, slots=True)
class ServersOptions:
    """`program`: how Parlor is started, for definitions that name a server of its own;
    `program_env`: what that wants in its environment."""

    definitions: Path
    homes: Path
    program: tuple[str, ...]
    hosts: tuple[str, ...] = ()
    """Where to look for servers, besides the hosts that the file names."""
    ports: tuple[int, ...] = ()
    zone: tzinfo = field(default=UTC)
    program_env: Mapping[str, str] = field(default_factory=dict)


def servers_options(settings: Settings) -> ServersOptions:
    """Reads files. A server of ours is started as this process was."""
    state, given = settings.server.state_dir.absolute(), settings.mcp_client
    itself = Path(sys.argv[0])
    program: tuple[str, ...] = ("-m", "backend")
    program_env = {"PARLOR_STATE_DIR": str(state)}  # the same notes and uploads as ours
    if itself.suffix == ".pyz":
        program = (str(itself.absolute()),)
        # It runs from where this process runs, instead of unpacking itself into a home of its own.
        program_env["PARLOR_UNPACK_DIR"] = str(Path(backend.__file__).parents[2])
    return ServersOptions(
        definitions=given.definitions or state / "mcp_servers.json",
        homes=state / "tool_servers",
        program=(sys.executable, *program),
        hosts=given.discovery_hosts,
        ports=given.discovery_ports,
        zone=settings.server.zone,
        program_env=program_env,
    )

"""One server over standard input and output."""

import asyncio

from backend.kit.log import configure_logging
from backend.mcp_servers.shipped import named
from backend.settings import Settings


def run_stdio(server_id: str, settings: Settings) -> None:
    """Serve until the input ends. Raises AppError or OSError when the server cannot run here."""
    server = named(server_id).build(settings)
    # After building: the SDK gives the root logger a handler of its own.
    configure_logging(settings.server.log_level)
    asyncio.run(server.run_stdio_async())


def run_as_module(server_id: str) -> None:
    """For `python -m backend.mcp_servers.NAME`, as definitions by module start a server."""
    run_stdio(server_id, Settings.load())

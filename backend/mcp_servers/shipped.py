"""The servers we ship, one line each."""

from collections.abc import Callable
from dataclasses import dataclass
from importlib import import_module
from typing import TYPE_CHECKING, Any

from backend.kit.errors import NotFoundError
from backend.settings import Settings

if TYPE_CHECKING:
    from mcp.server import MCPServer

type Build = Callable[[Settings], MCPServer[Any]]


@dataclass(frozen=True, slots=True)
class Shipped:
    id: str
    offset: int
    """From PARLOR_MCP_BASE_PORT."""
    module: str
    about: str
    needs: str = ""
    """What it wants set, for people. Without it the server says so, here or in the tool."""

    def build(self, settings: Settings) -> "MCPServer[Any]":
        """Raises AppError or OSError with the reason it cannot run here."""
        build: Build = import_module(f"backend.mcp_servers.{self.module}").build
        return build(settings)

    def port(self, base: int) -> int:
        """0, any free one, when the base is 0."""
        return base + self.offset if base else 0


SHIPPED = (
    Shipped("housekeeping", 1, "housekeeping", "time, dates, units, this host's health"),
    Shipped("notes", 2, "notes", "a folder of Markdown notes", "a folder it may write to"),
    Shipped("calculator", 3, "calculator", "exact arithmetic"),
    Shipped("pdf", 7, "pdf", "text and metadata of PDF files", "PARLOR_MCP_PDF_HOSTS for URLs"),
    Shipped("weather", 9, "weather", "forecast and places (Open-Meteo)", "the internet"),
    Shipped(
        "web",
        11,
        "web",
        "search, and pages as text",
        "PARLOR_MCP_SEARXNG_URL or PARLOR_MCP_BRAVE_KEY to search",
    ),
    Shipped("test-toolkit", 13, "test_toolkit", "every behaviour a client must bear"),
)

RESERVED = {4: "calendar", 5: "gmail", 6: "drive", 8: "monarch", 10: "spotify", 12: "hue"}
"""Offsets of servers to come; nothing else is given their ports."""


def named(server_id: str) -> Shipped:
    for server in SHIPPED:
        if server.id == server_id:
            return server
    known = ", ".join(server.id for server in SHIPPED)
    raise NotFoundError(f"there is no server {server_id!r}; there are {known}")

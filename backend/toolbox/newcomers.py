"""Servers that are new here: whether they are known already, and what they will be called."""

from collections.abc import Container, Mapping

from backend.toolbox.connection import Connection
from backend.toolbox.naming import server_id_of
from backend.toolbox.records import Address


def server_at(servers: Mapping[str, Connection], url: str) -> Connection | None:
    for server in servers.values():
        where = server.definition.where
        if isinstance(where, Address) and where.url.rstrip("/") == url.rstrip("/"):
            return server
    return None


def id_for(name: str, url: str, taken: Container[str]) -> str:
    """By what it calls itself, else by where it is."""
    place = url.partition("://")[2].partition("/")[0]
    wanted = server_id_of(name) or server_id_of(place) or "server"
    number, server_id = 2, wanted
    while server_id in taken:
        server_id, number = f"{wanted[:36]}-{number}", number + 1
    return server_id

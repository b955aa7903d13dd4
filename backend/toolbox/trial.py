"""Is each tool server there? Asked once, by connections of one's own, beside a Parlor that runs."""

import asyncio
import shutil
from collections.abc import Iterable
from pathlib import Path

from backend.db.database import Database
from backend.kit.clock import Clock
from backend.kit.outbound import Outbound
from backend.toolbox.choices import Choices
from backend.toolbox.connection import Connection
from backend.toolbox.definitions import read_definitions
from backend.toolbox.dialling import Doors
from backend.toolbox.options import ServersOptions
from backend.toolbox.records import Address, Command, ServerDefinition, ServerState
from backend.toolbox.store import ToolboxStore

_SECONDS = 12.0


async def known_servers(
    database: Database, clock: Clock, options: ServersOptions
) -> tuple[list[ServerDefinition], list[str]]:
    """Those that are switched on, and what is wrong with the operator's file. Raises StorageError."""
    found = await asyncio.to_thread(
        read_definitions, options.definitions, options.program, options.program_env
    )
    store = ToolboxStore(database, clock)
    choices = Choices(store)
    await choices.load()
    listed = {
        server.id: ServerDefinition(
            server.id, server.source, Address(server.url), title=server.title
        )
        for server in await store.servers()
    } | {definition.id: definition for definition in found.servers}
    on = [definition for definition in listed.values() if choices.is_server_on(definition)]
    return on, [str(problem) for problem in found.problems]


async def try_servers(
    definitions: Iterable[ServerDefinition], homes: Path, clock: Clock, outbound: Outbound
) -> dict[str, ServerState]:
    """State of each after one try. Commands are not started a second time: it is only looked
    whether their program is there."""
    doors = Doors(outbound, homes)
    wanted = list(definitions)
    try:
        states = await asyncio.gather(*(_try(one, doors, clock) for one in wanted))
    finally:
        await doors.aclose()
    return {one.id: state for one, state in zip(wanted, states, strict=True)}


async def _try(definition: ServerDefinition, doors: Doors, clock: Clock) -> ServerState:
    if isinstance(definition.where, Command):
        program = definition.where.argv[0]
        if await asyncio.to_thread(shutil.which, program):
            return ServerState("off", clock.now(), "Parlor starts it")
        return ServerState("failed", clock.now(), f"there is no program {program}")

    async def opened() -> Doors:
        return doors

    connection = Connection(definition, opened, clock, lambda _: None)
    connection.start()
    try:
        await connection.settlement(_SECONDS)
        return connection.state
    finally:
        await connection.aclose()

"""Connections in the name of people: one for each who signed in at a server."""

import asyncio
from collections.abc import Callable, Iterable, Mapping
from dataclasses import replace

from backend.kit.errors import ConflictError
from backend.toolbox.connection import Connection
from backend.toolbox.oauth_grants import Grants
from backend.toolbox.oauth_sign_in import Wish
from backend.toolbox.records import Listing, ServerDefinition

FOLLOW_SECONDS = 60.0
"""People who were deleted, servers that left the operator's file: noticed within this time."""

type Connect = Callable[[ServerDefinition, Callable[[Connection], None]], Connection]


class Accounts:
    """`servers`: those of the household. Methods that wait raise StorageError."""

    def __init__(
        self,
        grants: Grants,
        servers: Mapping[str, Connection],
        connect: Connect,
        on_change: Callable[[Connection], None],
    ) -> None:
        self._grants = grants
        self._servers = servers
        self._connect = connect
        self._on_change = on_change
        self._own: dict[str, dict[str, Connection]] = {}
        """Person -> server -> connection."""
        self._following = asyncio.Lock()

    async def aclose(self) -> None:
        closing = [one.aclose() for owned in self._own.values() for one in owned.values()]
        await asyncio.gather(*closing)
        await self._grants.aclose()

    def of(self, user_id: str) -> Mapping[str, Connection]:
        """The servers where this person signed in."""
        return self._own.get(user_id, {})

    def wish(self, server: Connection, user_id: str) -> Wish:
        """For a sign-in. Raises ConflictError when the server asks for none."""
        server_id = server.definition.id
        own = self.of(user_id).get(server_id)
        challenge = (own.challenge if own is not None else "") or server.challenge
        if own is None and not challenge and server.state.name != "needs_sign_in":
            raise ConflictError(f"{server.definition.name} asks nobody to sign in.")
        return Wish(user_id, server.definition, challenge)

    def reason(self, user_id: str, server_id: str) -> str:
        """Why this person should sign in once more though all is well, "" where they need not."""
        lacking = self._grants.lacking(user_id, server_id)
        if not lacking:
            return ""
        return f"it needs rights that it was not given: {', '.join(lacking)}; sign in again"

    async def signed_in(self, server_id: str, user_id: str) -> None:
        await self.follow()
        own = self.of(user_id).get(server_id)
        if own is not None:
            own.nudge()
            own.retold()

    async def sign_out(self, server_id: str, user_id: str) -> bool | None:
        """Whether the tokens were revoked there, None where that is not offered."""
        revoked = await self._grants.forget(user_id, server_id)
        await self.follow()
        return revoked

    async def forget_server(self, server_id: str) -> None:
        """It was removed."""
        await self._grants.forget_server(server_id)
        await self.follow()

    async def follow(self) -> None:
        """Connect where somebody is signed in at a server that is on, and nowhere else."""
        async with self._following:
            await self._grants.prune()
            wanted: dict[tuple[str, str], ServerDefinition] = {}
            for one in await self._grants.sign_ins():
                server = self._servers.get(one.server_id)
                if server is not None and server.is_on:
                    definition = replace(server.definition, person=one.user_id)
                    wanted[one.user_id, one.server_id] = definition
            for user_id, owned in list(self._own.items()):
                for server_id, connection in list(owned.items()):
                    if wanted.get((user_id, server_id)) != connection.definition:
                        del owned[server_id]
                        await connection.aclose()
                        self._on_change(connection)
            for (user_id, server_id), definition in wanted.items():
                owned = self._own.setdefault(user_id, {})
                if server_id not in owned:
                    owned[server_id] = self._connect(definition, self._changed)
                    owned[server_id].start()

    def _changed(self, connection: Connection) -> None:
        """Names and approvals of tools are the household's: it knows all that anybody sees."""
        server_id = connection.definition.id
        server = self._servers.get(server_id)
        if server is not None and server.session is None:
            server.listing = _together(
                owned[server_id].listing for owned in self._own.values() if server_id in owned
            )
        self._on_change(connection)


def _together(listings: Iterable[Listing]) -> Listing:
    found = list(listings)
    return Listing(
        tools=tuple({tool.name: tool for one in found for tool in one.tools}.values()),
        prompts=tuple({prompt.name: prompt for one in found for prompt in one.prompts}.values()),
        resources=tuple({item.uri: item for one in found for item in one.resources}.values()),
    )

"""What servers offer to people besides tools: prompts to begin with, resources to put beside a
message. Both are chosen by a person and shown to them before anything is sent."""

import asyncio
from collections.abc import Awaitable, Callable, Iterator, Mapping
from dataclasses import replace
from itertools import islice
from typing import TYPE_CHECKING, ClassVar

from backend.auth.limits import allows
from backend.kit.errors import AppError, NotFoundError, UnavailableError
from backend.toolbox.attempt import Attempt
from backend.toolbox.calls import Calls
from backend.toolbox.choices import Choices
from backend.toolbox.connection import Connection
from backend.toolbox.context import Who
from backend.toolbox.records import (
    CallFailedError,
    PromptText,
    RemotePrompt,
    RemoteResource,
    ResourceText,
    UnreachableError,
)

if TYPE_CHECKING:
    from backend.toolbox.session import Session

LONGEST_TEXT = 24_000
"""Characters of a resource that go beside a message."""
_SECONDS = 30.0
"""A person waits for these, so a call's long deadline is not theirs."""
_MOST = 2000
"""More than anybody looks through on a screen."""
_LONGEST_NAME = 300
_LONGEST_ADDRESS = 2000

type ServersOf = Callable[[str], Mapping[str, Connection]]
"""Person -> server id -> the connection that they use."""


class ServerRefusedError(AppError):
    """The server said no, or something that nobody can use."""

    code: ClassVar[str] = "tool_server_failed"
    status = 502


class NotTextError(AppError):
    code = "not_text"
    status = 415


class Offers:
    def __init__(self, servers_of: ServersOf, choices: Choices, calls: Calls) -> None:
        self._servers_of = servers_of
        self._choices = choices
        self._calls = calls

    def prompts(self, who: Who) -> list[tuple[Connection, RemotePrompt]]:
        """Of the servers that are there and that this person wants on this surface."""
        found = (
            (server, prompt)
            for server in self._wanted(who)
            for prompt in server.listing.prompts
            if len(prompt.name) <= _LONGEST_NAME and _may(who, server, prompt.name)
        )
        return list(islice(found, _MOST))

    def resources(self, who: Who) -> list[tuple[Connection, RemoteResource]]:
        found = (
            (server, resource)
            for server in self._wanted(who)
            for resource in server.listing.resources
            if len(resource.uri) <= _LONGEST_ADDRESS and _may(who, server, resource.uri)
        )
        return list(islice(found, _MOST))

    async def prompt(
        self, who: Who, server_id: str, name: str, arguments: dict[str, str]
    ) -> PromptText:
        """Filled in. Raises NotFoundError, UnavailableError, ServerRefusedError."""
        server = self._server(who, server_id, name)
        if not any(prompt.name == name for prompt in server.listing.prompts):
            raise NotFoundError(f"{server.definition.name} has no prompt {name[:60]!r}.")

        async def work(session: "Session", attempt: Attempt) -> PromptText:
            return await session.prompt(name, arguments, attempt)

        return await self._ask(server, work)

    async def read(self, who: Who, server_id: str, uri: str) -> ResourceText:
        """Its text. Raises NotFoundError, UnavailableError, ServerRefusedError, NotTextError."""
        server = self._server(who, server_id, uri)

        async def work(session: "Session", attempt: Attempt) -> ResourceText:
            return await session.resource(uri, attempt)

        found = await self._ask(server, work)
        if found.binary:
            raise NotTextError(f"This is not text but {found.binary}; it cannot be attached yet.")
        listed = next((one for one in server.listing.resources if one.uri == uri), None)
        title = (listed.title or listed.name) if listed else ""
        return replace(found, title=title or uri.rstrip("/").rpartition("/")[2] or uri)

    async def _ask[T](
        self, server: Connection, work: "Callable[[Session, Attempt], Awaitable[T]]"
    ) -> T:
        try:
            async with asyncio.timeout(_SECONDS):
                return await self._calls.use(server, work)
        except TimeoutError:
            words = f"{server.definition.name} gave no answer within {_SECONDS:g} seconds."
            raise UnavailableError(words) from None
        except UnreachableError as error:
            raise UnavailableError(str(error)) from error
        except CallFailedError as error:
            raise ServerRefusedError(str(error)) from error

    def _wanted(self, who: Who) -> Iterator[Connection]:
        for server_id, server in sorted(self._servers_of(who.user_id).items()):
            if server.session is not None and self._choices.wants(who, server_id):
                yield server

    def _server(self, who: Who, server_id: str, name: str) -> Connection:
        server = self._servers_of(who.user_id).get(server_id)
        if server is None or not _may(who, server, name):
            raise NotFoundError(f"There is no tool server {server_id[:40]!r}.")
        return server


def _may(who: Who, server: Connection, name: str) -> bool:
    """A person's limits name tools; `notes/*` means all that this server has."""
    return allows(who.tools, f"{server.definition.id}/{name}")

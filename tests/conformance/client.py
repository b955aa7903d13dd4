"""Parlor's own client as the suite runs one: `python -m tests.conformance.client URL`.

The server stands in a registry file and is found, signed in at and called by the parts that serve
people; this program only plays the browser, the person and the model."""

import asyncio
import os
import sys
import tempfile
from pathlib import Path
from typing import Any, override

import orjson
import uvloop

from backend.kit.errors import AppError
from backend.kit.log import configure_logging
from backend.toolbox.oauth_sign_in import Home
from backend.toolbox.records import CallFailedError
from backend.toolbox.service import ServerTool
from tests.conformance.household import PATIENCE, SAMPLES, Household, household

SERVER = "suite"
SIGN_INS = 3
"""As often as a person would try."""


class SuitesHome(Home):
    """A Parlor with a public name; the suite fixes the address of its description."""

    @property
    @override
    def document_address(self) -> str:
        return "https://conformance-test.local/client-metadata.json"


class Visit:
    """Everything the server offers, used once. `wanted`: calls that the scenario names."""

    def __init__(self, ours: Household, wanted: list[dict[str, Any]]) -> None:
        self._ours = ours
        self._wanted = wanted
        self._signed_in = 0

    async def settle(self) -> None:
        """Until there is a session, or nothing that a person could do about it."""
        async with asyncio.timeout(PATIENCE):
            while (server := self._ours.connection(SERVER)).session is None:
                if server.state.name == "failed":
                    sys.exit(f"The server: {server.state.reason}.")
                if server.state.name == "needs_sign_in":
                    await self._enter()
                await asyncio.sleep(0.01)

    async def _enter(self) -> None:
        if self._signed_in == SIGN_INS:
            sys.exit("The person gives up.")
        self._signed_in += 1
        before = self._ours.connection(SERVER)
        await self._ours.sign_in(SERVER)
        async with asyncio.timeout(PATIENCE):  # the person's own connection takes a moment
            while (now := self._ours.connection(SERVER)).state.name == "needs_sign_in":
                if now is not before and now.session is not None:
                    return
                await asyncio.sleep(0.01)

    async def use(self) -> None:
        tools = self._ours.tools(SERVER)
        calls = [(one["name"], one["arguments"]) for one in self._wanted]
        named = dict(calls)
        calls += [(name, arguments_of(tools, name)) for name in tools if name not in named]
        for name, arguments in calls:
            if name in tools:
                await self._call(tools[name], arguments)
        server = self._ours.connection(SERVER)
        for resource in server.listing.resources:
            await self._ours.calls.use(
                server, lambda session, attempt, uri=resource.uri: session.resource(uri, attempt)
            )
        for prompt in server.listing.prompts:
            await self._ours.calls.use(
                server,
                lambda session, attempt, name=prompt.name: session.prompt(name, {}, attempt),
            )

    async def _call(self, tool: ServerTool, arguments: dict[str, Any]) -> None:
        for _ in range(SIGN_INS):
            returned = await self._ours.call(tool, arguments)
            print(f"{tool.remote.name}: {returned.content[:200]}", flush=True)
            if "sign in" not in returned.content:
                return
            await self._enter()
            await self.settle()


def arguments_of(tools: dict[str, ServerTool], name: str) -> dict[str, Any]:
    """What a model might say, from the schema that it is shown."""
    if name == "json_schema_echo":  # wants what we show of another one
        return {"schema": tools["json_schema_2020_12_tool"].spec.parameters}
    schema = tools[name].spec.parameters
    known = schema.get("properties", {})
    return {
        wanted: SAMPLES.get(known.get(wanted, {}).get("type", ""), "word")
        for wanted in schema.get("required", ())
    }


def registered(folder: Path, url: str, context: dict[str, Any]) -> dict[str, Any]:
    """What an operator would write into the file."""
    entry: dict[str, Any] = {"id": SERVER, "url": url}
    if "client_secret" in context:
        (folder / "secret").write_text(context["client_secret"])
        entry["sign_in"] = {
            "issuer": context["issuer"],
            "client_id": context["client_id"],
            "client_secret_file": "secret",
        }
    return entry


async def run(url: str, scenario: str, context: dict[str, Any]) -> None:
    home = None
    if scenario == "auth/basic-cimd":
        home = SuitesHome("https://conformance-test.local", public=True)
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        async with household(folder, registered(folder, url, context), home=home) as ours:
            visit = Visit(ours, context.get("toolCalls", []))
            try:
                await visit.settle()
                await visit.use()
            except (AppError, CallFailedError) as error:
                sys.exit(str(error))


def main() -> None:
    configure_logging("error")
    context = orjson.loads(os.environ.get("MCP_CONFORMANCE_CONTEXT", "{}"))
    uvloop.run(run(sys.argv[-1], os.environ.get("MCP_CONFORMANCE_SCENARIO", ""), context))


if __name__ == "__main__":
    main()

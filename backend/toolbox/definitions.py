"""The operator's file of tool servers: the only place where a command may stand.

Two older shapes are read as they are: `{"servers": [{"id", "module" | "command" | "url", ...}]}`
and `{"discovery_hosts": [...], "servers": [{"id", "url", "disabled_tools"}]}`. Values are taken
letter by letter: nothing in them is replaced from the environment.
"""

import json
import re
import sys
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Any, Self
from urllib.parse import urlsplit

from pydantic import (
    AfterValidator,
    BaseModel,
    ConfigDict,
    Field,
    ValidationError,
    model_validator,
)
from pydantic_core import PydanticCustomError

from backend.kit.ports import port_list
from backend.toolbox.entries import Problem, entries
from backend.toolbox.records import (
    CALL_SECONDS,
    CONNECT_SECONDS,
    LIST_SECONDS,
    Address,
    Command,
    Registration,
    ServerDefinition,
    Wire,
)

DISCOVERY_PORTS = range(9001, 9018)
_LARGEST = 1_000_000
_OURS = "backend.mcp_servers."
_OLD_NAMES = {
    "backend.mcp_server": "calculator",
    "backend.mcp_servers.sample_server": "test-toolkit",
}
"""Modules that older definitions name, and the server of ours that does their work."""


@dataclass(frozen=True, slots=True)
class Definitions:
    servers: tuple[ServerDefinition, ...] = ()
    problems: tuple[Problem, ...] = ()
    discovery_hosts: tuple[str, ...] = ()
    discovery_ports: tuple[int, ...] = tuple(DISCOVERY_PORTS)


def web_address(url: str) -> str:
    """`url` where a tool server may be. Raises ValueError with words for people."""
    try:
        parts = urlsplit(url)
        port = parts.port
    except ValueError:
        raise ValueError("is not a URL") from None
    if parts.scheme not in ("http", "https") or not parts.hostname or port == 0:
        raise ValueError("must be a URL that starts with http:// or https:// and names a host")
    if parts.username or parts.password:
        raise ValueError("must not hold a name or password")
    if re.search(r"[\s\x00-\x1f]", url):
        raise ValueError("must not hold spaces or line breaks")
    return url


def _web_address(url: str) -> str:
    try:
        return web_address(url)
    except ValueError as error:
        raise PydanticCustomError("address", "{words}", {"words": str(error)}) from None


class _SignIn(BaseModel):
    """For authorisation servers that know only programs which somebody registered there."""

    model_config = ConfigDict(frozen=True, extra="forbid", strict=True)

    issuer: Annotated[str, AfterValidator(_web_address)]
    client_id: Annotated[str, Field(min_length=1, max_length=2000)]
    client_secret_file: str | None = None

    def registration(self, folder: Path) -> Registration:
        secret = folder / self.client_secret_file if self.client_secret_file else None
        return Registration(self.issuer, self.client_id, secret)


class _Entry(BaseModel):
    model_config = ConfigDict(frozen=True, extra="ignore", strict=True)

    id: Annotated[str, Field(pattern=r"^[A-Za-z0-9][A-Za-z0-9_-]{0,39}$")]
    module: Annotated[str, Field(pattern=r"^[A-Za-z_][\w.]*$")] | None = None
    command: list[str] | str | None = None
    args: list[str] = []
    url: Annotated[str, AfterValidator(_web_address)] | None = None
    transport: Wire = "auto"
    headers: dict[str, str] = {}
    token_file: str | None = None
    sign_in: _SignIn | None = None
    enabled: bool = True
    env: dict[str, str] = {}
    cwd: str | None = None
    title: Annotated[str, Field(max_length=80)] = ""
    tool_prefix: Annotated[str, Field(pattern=r"^[A-Za-z0-9_-]{0,24}$")] | None = None
    disabled_tools: list[str] = []
    call_seconds: Annotated[float, Field(gt=0, le=3600)] = CALL_SECONDS
    connect_seconds: Annotated[float, Field(gt=0, le=600)] = CONNECT_SECONDS
    list_seconds: Annotated[float, Field(gt=0, le=600)] = LIST_SECONDS

    @model_validator(mode="after")
    def _one_place(self) -> Self:
        given = [name for name in ("module", "command", "url") if getattr(self, name)]
        if len(given) != 1:
            said = " and ".join(given) or "none"
            raise PydanticCustomError(
                "place", "needs exactly one of module, command, url; it has {said}", {"said": said}
            )
        return self

    def words(self, parlor: Command) -> tuple[str, ...]:
        if self.ours:
            return (*parlor.argv, "mcp", "run", self.ours, *self.args)
        if self.module is not None:
            return (sys.executable, "-m", self.module, *self.args)
        given = [self.command] if isinstance(self.command, str) else self.command or []
        return (*given, *self.args)

    @property
    def ours(self) -> str:
        """Which of the servers that come with Parlor."""
        module = self.module or ""
        name = module.removeprefix(_OURS).replace("_", "-") if module.startswith(_OURS) else ""
        return _OLD_NAMES.get(module, name)

    def definition(self, folder: Path, parlor: Command) -> ServerDefinition:
        where: Address | Command
        if self.url is not None:
            token = folder / self.token_file if self.token_file else None
            known = self.sign_in.registration(folder) if self.sign_in else None
            where = Address(self.url, self.transport, self.headers, token, known)
        else:
            cwd = folder / self.cwd if self.cwd else None
            env = {**parlor.env, **self.env} if self.ours else self.env
            where = Command(self.words(parlor), env, cwd)
        return ServerDefinition(
            self.id,
            "file",
            where,
            enabled=self.enabled,
            title=self.title,
            tool_prefix=self.tool_prefix,
            disabled_tools=frozenset(self.disabled_tools),
            call_seconds=self.call_seconds,
            connect_seconds=self.connect_seconds,
            list_seconds=self.list_seconds,
            is_ours=bool(self.ours),
        )


def read_definitions(
    path: Path, program: tuple[str, ...], program_env: Mapping[str, str] | None = None
) -> Definitions:
    """What the file holds; nothing when there is none. Blocks. Never raises for what it says.

    `program`: how Parlor itself is started and what that wants in its environment, for entries
    that name one of its own servers.
    """
    try:
        raw = path.read_bytes()
    except FileNotFoundError:
        return Definitions()
    except OSError as error:
        return _only(Problem(1, "", f"cannot be read: {error.strerror}"))
    if len(raw) > _LARGEST:
        return _only(Problem(1, "", "is larger than a megabyte"))
    try:
        text = raw.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        return _only(Problem(raw[: error.start].count(b"\n") + 1, "", "is not text in UTF-8"))
    return parse_definitions(text, path.parent, program, program_env)


def parse_definitions(
    text: str,
    folder: Path,
    program: tuple[str, ...],
    program_env: Mapping[str, str] | None = None,
) -> Definitions:
    problems: list[Problem] = []
    whole: object = None
    try:
        whole = json.loads(text)
    except json.JSONDecodeError:
        pass  # the entry that is broken is named below; the others are still read
    except RecursionError:
        return _only(Problem(1, "", "is nested too deeply"))
    else:
        if not isinstance(whole, dict) or not isinstance(whole.get("servers", []), list):
            return _only(Problem(1, "", 'must be an object with a list "servers"'))
    try:
        found = list(entries(text))
    except RecursionError:  # behind what breaks the file
        return _only(Problem(1, "", "is nested too deeply"))
    parlor = Command(program, program_env or {})
    servers: dict[str, ServerDefinition] = {}
    for line, entry in found:
        if isinstance(entry, Problem):
            problems.append(entry)
            continue
        problems += _take(entry, line, servers, (folder, parlor))
    if whole is None and not problems:
        problems.append(_broken(text))
    top: dict[str, object] = whole if isinstance(whole, dict) else {}
    hosts, ports = _discovery(top, problems)
    return Definitions(tuple(servers.values()), tuple(problems), hosts, ports)


def _only(problem: Problem) -> Definitions:
    return Definitions(problems=(problem,))


def _broken(text: str) -> Problem:
    try:
        json.loads(text)
    except json.JSONDecodeError as error:
        return Problem(error.lineno, "", f"is not JSON: {error.msg}, column {error.colno}")
    return Problem(1, "", "is not JSON")


def _take(
    entry: Mapping[str, Any],
    line: int,
    servers: dict[str, ServerDefinition],
    place: tuple[Path, Command],
) -> list[Problem]:
    name = str(entry.get("id", ""))[:40]
    try:
        read = _Entry.model_validate(entry)
    except ValidationError as error:
        return [Problem(line, name, _words(problem)) for problem in error.errors()]
    if read.id in servers:
        return [Problem(line, name, "another entry has this id already")]
    definition = read.definition(*place)
    if isinstance(definition.where, Command) and not all(definition.where.argv[:1]):
        return [Problem(line, name, "command: must not be empty")]
    servers[read.id] = definition
    unknown = sorted(set(entry) - set(_Entry.model_fields))
    if unknown:
        return [Problem(line, name, f"unknown and unused: {', '.join(unknown)}")]
    return []


def _words(problem: Mapping[str, Any]) -> str:
    where = ".".join(str(step) for step in problem["loc"] if step not in ("list[str]", "str"))
    said = "is missing" if problem["type"] == "missing" else str(problem["msg"])
    return f"{where}: {said}" if where else said


def _discovery(
    top: Mapping[str, object], problems: list[Problem]
) -> tuple[tuple[str, ...], tuple[int, ...]]:
    hosts = top.get("discovery_hosts", [])
    if not isinstance(hosts, list) or not all(isinstance(host, str) for host in hosts):
        problems.append(Problem(1, "", "discovery_hosts: must be a list of names or addresses"))
        hosts = []
    ports: tuple[int, ...] = tuple(DISCOVERY_PORTS)
    if (given := top.get("discovery_ports")) is not None:
        try:
            ports = port_list(given)
        except ValueError as error:
            problems.append(Problem(1, "", f"discovery_ports: {error}"))
    return tuple(hosts), ports

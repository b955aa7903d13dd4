"""The words of the tool side: servers, what they offer, how they are. Nothing of the MCP SDK."""

import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path
from typing import Literal

import orjson

from backend.messages import JsonObject

type StateName = Literal["off", "connecting", "ready", "failed", "needs_sign_in"]
type Source = Literal["file", "person", "discovery"]
type Wire = Literal["auto", "http", "sse"]
"""`auto`: streamable HTTP, and the older HTTP+SSE where that is refused."""

CONNECT_SECONDS = 10.0
LIST_SECONDS = 10.0
REFUSES_CREDENTIALS = "it refuses the token or header that the operator's file gives"
CALL_SECONDS = 120.0


@dataclass(frozen=True, slots=True)
class Registration:
    """Who Parlor is at one authorisation server, where the operator registered it by hand."""

    issuer: str
    client_id: str
    secret_file: Path | None = None


@dataclass(frozen=True, slots=True)
class Address:
    """A server behind a URL. `headers` and `token_file` come from the operator's file only."""

    url: str
    wire: Wire = "auto"
    headers: Mapping[str, str] = field(default_factory=dict, repr=False)
    token_file: Path | None = None
    """Its text is sent as a bearer token; read at each connect, so that it may be rotated."""
    registration: Registration | None = None

    @property
    def has_credentials(self) -> bool:
        """Whether the operator's file already says who we are there."""
        names = {name.lower() for name in self.headers}
        return self.token_file is not None or "authorization" in names


@dataclass(frozen=True, slots=True)
class Command:
    """A server that we start and talk to over its standard input and output."""

    argv: tuple[str, ...]
    env: Mapping[str, str] = field(default_factory=dict, repr=False)
    cwd: Path | None = None


@dataclass(frozen=True, slots=True)
class ServerDefinition:
    id: str
    source: Source
    where: Address | Command
    enabled: bool = True
    title: str = ""
    tool_prefix: str | None = None
    """Before each of its tools' names, whether they collide or not."""
    disabled_tools: frozenset[str] = frozenset()
    call_seconds: float = CALL_SECONDS
    connect_seconds: float = CONNECT_SECONDS
    list_seconds: float = LIST_SECONDS
    person: str = ""
    """Whose account there is used; none is, when this is empty."""
    is_ours: bool = False
    """It comes with Parlor and is started by it: what it says changes with releases alone."""

    @property
    def name(self) -> str:
        """For people: `google-calendar` -> `Google calendar`."""
        return self.title or self.id.replace("-", " ").replace("_", " ").capitalize()

    @property
    def has_credentials(self) -> bool:
        """Whether it is the operator's business who we are there, and nobody's to sign in."""
        return isinstance(self.where, Address) and self.where.has_credentials

    @property
    def is_trusted(self) -> bool:
        """Whether the operator chose the address: it may lie inside the house."""
        return self.source != "person"


@dataclass(frozen=True, slots=True)
class ServerState:
    name: StateName
    since: datetime
    reason: str = ""


@dataclass(frozen=True, slots=True)
class ToolHints:
    """What a server says of a tool, by MCP's defaults. Hints: believed only after approval."""

    read_only: bool = False
    destructive: bool = True
    idempotent: bool = False
    open_world: bool = True


@dataclass(frozen=True, slots=True)
class RemoteTool:
    name: str
    title: str
    description: str
    input_schema: JsonObject
    output_schema: JsonObject | None = None
    hints: ToolHints = ToolHints()
    _print: list[str] = field(default_factory=list, init=False, repr=False, compare=False)

    @property
    def definition(self) -> JsonObject:
        """All that a model is told and a person approves."""
        return {
            "name": self.name,
            "title": self.title,
            "description": self.description,
            "input_schema": self.input_schema,
            "output_schema": self.output_schema,
            "hints": {
                "read_only": self.hints.read_only,
                "destructive": self.hints.destructive,
                "idempotent": self.hints.idempotent,
                "open_world": self.hints.open_world,
            },
        }

    @property
    def fingerprint(self) -> str:
        """Changes when anything a person approved changes. Made once: every turn asks for it."""
        if not self._print:
            raw = orjson.dumps(self.definition, option=orjson.OPT_SORT_KEYS)
            self._print.append(hashlib.sha256(raw).hexdigest())
        return self._print[0]


@dataclass(frozen=True, slots=True)
class PromptArgument:
    name: str
    description: str = ""
    required: bool = False


@dataclass(frozen=True, slots=True)
class RemotePrompt:
    name: str
    title: str
    description: str
    arguments: tuple[PromptArgument, ...] = ()


@dataclass(frozen=True, slots=True)
class RemoteResource:
    """`uri` is a template (RFC 6570) where `is_template`."""

    uri: str
    name: str
    title: str
    description: str
    mime_type: str = ""
    is_template: bool = False


@dataclass(frozen=True, slots=True)
class Listing:
    """Everything a server offers at one moment."""

    tools: tuple[RemoteTool, ...] = ()
    prompts: tuple[RemotePrompt, ...] = ()
    resources: tuple[RemoteResource, ...] = ()
    ttl: float | None = None
    """Seconds it says this stays true."""
    _by_name: dict[str, RemoteTool] = field(
        default_factory=dict, init=False, repr=False, compare=False
    )

    def tool(self, name: str) -> RemoteTool | None:
        if not self._by_name:
            self._by_name.update({tool.name: tool for tool in reversed(self.tools)})
        return self._by_name.get(name)


@dataclass(frozen=True, slots=True)
class ServerIdentity:
    """How a server introduces itself."""

    name: str = ""
    title: str = ""
    version: str = ""
    protocol: str = ""


@dataclass(frozen=True, slots=True)
class Attachment:
    """What a tool gave besides text: a picture or a sound, of the type that it says."""

    kind: Literal["image", "audio"]
    mime_type: str
    data: bytes = field(repr=False)


_UNSEEN = "Parlor itself neither shows nor keeps it"


@dataclass(frozen=True, slots=True)
class Outcome:
    """What a call gave, before it is cut to what a model reads at once. `said`: in its order."""

    said: tuple[str | Attachment, ...]
    failed: bool = False
    structured: object = None

    @property
    def attachments(self) -> tuple[Attachment, ...]:
        return tuple(one for one in self.said if isinstance(one, Attachment))

    @property
    def text(self) -> str:
        """Where nobody sees pictures."""
        return self.told([_UNSEEN] * len(self.attachments))

    def told(self, fates: Sequence[str]) -> str:
        """With words about what became of each attachment."""
        left = iter(fates)
        parts = (one if isinstance(one, str) else _about(one, next(left)) for one in self.said)
        return "\n".join(part for part in parts if part)


def _about(one: Attachment, fate: str) -> str:
    return f"[{one.kind}, {one.mime_type[:80]}, {size_words(len(one.data))}: {fate}]"


def size_words(size: int) -> str:
    return f"{max(1, size // 1000)} kB"


@dataclass(frozen=True, slots=True)
class PromptText:
    """A prompt that was filled in, for a person to read, change and send."""

    text: str
    description: str = ""


@dataclass(frozen=True, slots=True)
class ResourceText:
    """`binary`: what it is instead, where it has no text."""

    text: str
    mime_type: str = ""
    binary: str = ""
    title: str = ""


class CallFailedError(Exception):
    """The call gave no result; `str()` is for the model and the person alike."""


class UnreachableError(CallFailedError):
    """The server is not there. The call did not run, or nobody can know.

    `ends_session`: with this session no other call will fare better.
    """

    def __init__(self, words: str, *, ends_session: bool = False) -> None:
        super().__init__(words)
        self.ends_session = ends_session


class ProblemError(Exception):
    """Why a connection cannot be, in words for people."""

    def __init__(
        self, reason: str, *, needs_sign_in: bool = False, is_lasting: bool = False
    ) -> None:
        """`is_lasting`: only people can mend it, so there is no use in trying often."""
        super().__init__(reason)
        self.reason = reason
        self.needs_sign_in = needs_sign_in
        self.is_lasting = is_lasting or needs_sign_in

"""What the operator decides, read once at start: environment, `.env`, systemd credentials.

One class per concern. A secret may also lie in the systemd credentials directory, in a file
named like its variable.
"""

import json
import os
from collections.abc import Iterable, Mapping
from ipaddress import ip_address
from pathlib import Path
from typing import Annotated, Any, Self
from zoneinfo import ZoneInfo

from dotenv import dotenv_values
from pydantic import (
    AfterValidator,
    AliasChoices,
    BaseModel,
    BeforeValidator,
    ConfigDict,
    Field,
    HttpUrl,
    SecretStr,
    ValidationError,
)
from pydantic_core import PydanticCustomError
from pydantic_settings import BaseSettings, NoDecode, SettingsConfigDict

from backend.auth_settings import AuthSettings
from backend.backup_settings import BackupSettings
from backend.edge_settings import AccessSettings, EdgeSettings, OidcSettings
from backend.kit.log import LogLevel
from backend.kit.zone import machine_zone
from backend.mcp_settings import McpClientSettings, McpServerSettings

_ENV_FILE = Path(".env")
_READ_ELSEWHERE = {"PARLOR_UNPACK_DIR", "PARLOR_API_KEY"}
"""By the single file's own first lines, before there are settings; by `parlor mcp connect`."""


class SettingsError(Exception):
    """One or more settings are wrong; `str()` names each with what is allowed."""


def _config(prefix: str) -> SettingsConfigDict:
    return SettingsConfigDict(
        env_prefix=prefix, frozen=True, extra="ignore", env_ignore_empty=True, populate_by_name=True
    )


def _zone_name(name: str) -> str:
    try:
        ZoneInfo(name)
    except (KeyError, ValueError, OSError):
        raise PydanticCustomError("zone", "is not the name of a time zone") from None
    return name


class ServerSettings(BaseSettings):
    model_config = _config("PARLOR_")

    host: str = Field("127.0.0.1", description="address to listen on")
    port: Annotated[int, Field(ge=0, le=65535)] = Field(8000, description="port; 0 = any free one")
    state_dir: Path = Field(
        Path("data"),
        validation_alias=AliasChoices("PARLOR_STATE_DIR", "STATE_DIRECTORY"),
        description="folder of the database and everything else that must be kept",
    )
    tls_cert: Path | None = Field(None, description="certificate chain (PEM), with PARLOR_TLS_KEY")
    tls_key: Path | None = Field(None, description="private key (PEM)")
    ca_cert: Path | None = Field(
        None,
        description="certificate of the local authority that /ca offers; else certs in the state",
    )
    log_level: LogLevel = Field("info", description="debug, info, warning or error")
    drain_seconds: Annotated[float, Field(ge=0, le=600)] = Field(
        20, description="how long running answers may finish when the server is asked to stop"
    )
    time_zone: Annotated[str, AfterValidator(_zone_name)] | None = Field(
        None, description="the household's time zone, like Europe/Berlin; default: the machine's"
    )

    @property
    def is_loopback(self) -> bool:
        try:
            return ip_address(self.host).is_loopback
        except ValueError:
            return self.host == "localhost"

    @property
    def authority(self) -> Path:
        """Certificate of the local authority, where there is one."""
        return self.ca_cert or self.state_dir / "certs" / "authority.crt"

    @property
    def zone(self) -> ZoneInfo:
        """Reads files."""
        return ZoneInfo(self.time_zone) if self.time_zone else machine_zone()


class ChatSettings(BaseSettings):
    model_config = _config("PARLOR_CHAT_")

    step_limit: Annotated[int, Field(ge=1, le=200)] = Field(
        40, description="model calls in one turn before it pauses"
    )
    tool_error_limit: Annotated[int, Field(ge=1, le=100)] = Field(
        10, description="failed tool calls in a row before a turn pauses"
    )
    cost_limit: Annotated[float, Field(gt=0)] | None = Field(
        None, description="US dollars one turn may cost before it pauses"
    )
    journal_days: Annotated[int, Field(ge=1, le=365)] = Field(
        7, description="days the event journals of ended turns are kept"
    )
    ask_seconds: Annotated[float, Field(ge=10, le=3600)] = Field(
        300, description="seconds to answer what a tool asks; after that it counts as no"
    )
    tool_share: Annotated[float, Field(ge=0, le=0.5)] = Field(
        0.1,
        description="share of a model's context for the definitions of servers' tools; beyond it"
        " the model searches for them",
    )
    demo_tools: bool = Field(
        False, description="offer the demo's tools to every model, not only to the demo"
    )


class OpenRouterSettings(BaseSettings):
    model_config = _config("OPENROUTER_")

    api_key: SecretStr | None = Field(None, description="key; without one OpenRouter is off")
    base_url: HttpUrl = Field(
        HttpUrl("https://openrouter.ai/api/v1"), description="base URL of the API"
    )
    default_model: str | None = Field(
        None, description="model of new conversations; any id of any provider"
    )
    system_prompt: str | None = Field(None, description="system prompt of new conversations")
    timeout: Annotated[float, Field(ge=5, le=3600)] = Field(
        600, description="seconds of silence after which an answer counts as broken"
    )
    attribution: bool = Field(True, description="tell OpenRouter the app's name (never your host)")


class LocalModelSettings(BaseSettings):
    """One OpenAI-compatible server (llama.cpp, Ollama, vLLM, ...); its models are `local:...`."""

    model_config = _config("CHAT_LLM_")

    enabled: bool = Field(True, description="false switches this server off")
    api_base: HttpUrl | None = Field(None, description="base URL; overrides host and port")
    api_scheme: str = Field("http", pattern="^https?$", description="http or https")
    api_host: str | None = Field(None, description="host; the server is used when it is set")
    api_port: Annotated[int, Field(ge=1, le=65535)] = Field(8080, description="port")
    api_path_prefix: str = Field("/v1", description="path before /chat/completions")
    api_key: SecretStr | None = Field(None, description="bearer token, where one is needed")
    timeout_seconds: Annotated[float, Field(ge=5, le=3600)] = Field(
        600, description="seconds of silence after which an answer counts as broken"
    )

    @property
    def url(self) -> str | None:
        if not self.enabled:
            return None
        if self.api_base:
            return str(self.api_base)
        if self.api_host:
            path = self.api_path_prefix.strip("/")
            return f"{self.api_scheme}://{self.api_host}:{self.api_port}/{path}"
        return None


class CompatibleServer(BaseModel):
    """A further OpenAI-compatible server, by its entry in PARLOR_PROVIDERS."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    base_url: HttpUrl
    api_key: SecretStr | None = None


_TAKEN = {"openrouter", "local", "demo"} | {
    *("database", "disk", "certificate", "backup", "copy", "rehearsal")
}
"""Readiness knows them as something else."""


def _free_name(name: str) -> str:
    if name in _TAKEN:
        raise PydanticCustomError("taken", "the name {name} is taken", {"name": name})
    return name


def _decoded(value: object) -> object:
    """The sources of pydantic-settings would fail without naming the variable."""
    if not isinstance(value, str):
        return value
    try:
        return json.loads(value)
    except ValueError as error:
        where = {"place": error.pos if isinstance(error, json.JSONDecodeError) else 0}
        raise PydanticCustomError("json", "is not JSON, at character {place}", where) from None


type ServerName = Annotated[
    str, Field(pattern="^[a-z][a-z0-9-]{0,30}$"), AfterValidator(_free_name)
]


class ProviderSettings(BaseSettings):
    model_config = _config("PARLOR_")

    providers: Annotated[
        dict[ServerName, CompatibleServer], NoDecode, BeforeValidator(_decoded)
    ] = Field(
        default_factory=dict,
        description='more OpenAI-compatible servers: {"name": {"base_url": "...", "api_key": "..."}}'
        "; their models are `name:...`",
    )


_CONCERNS: dict[str, type[BaseSettings]] = {
    "server": ServerSettings,
    "auth": AuthSettings,
    "chat": ChatSettings,
    "openrouter": OpenRouterSettings,
    "local": LocalModelSettings,
    "providers": ProviderSettings,
    "mcp_servers": McpServerSettings,
    "mcp_client": McpClientSettings,
    "edge": EdgeSettings,
    "oidc": OidcSettings,
    "access": AccessSettings,
    "backup": BackupSettings,
}
ALL_SETTINGS = tuple(_CONCERNS.values())


class Settings(BaseModel):
    model_config = ConfigDict(frozen=True)

    server: ServerSettings
    auth: AuthSettings
    chat: ChatSettings
    openrouter: OpenRouterSettings
    local: LocalModelSettings
    providers: ProviderSettings
    mcp_servers: McpServerSettings
    mcp_client: McpClientSettings
    edge: EdgeSettings
    oidc: OidcSettings
    access: AccessSettings
    backup: BackupSettings
    unknown_names: tuple[str, ...] = ()
    """Variables that look like ours and are not: removed settings and slips of the pen."""

    @classmethod
    def load(cls, **server: object) -> Self:
        """Read everything; `server` overrides single server settings (command-line options).

        Raises SettingsError with every wrong value at once.
        """
        given: dict[str, Any] = {name: value for name, value in server.items() if value is not None}
        in_file = _names_in_env_file()
        loaded: dict[str, object] = {"unknown_names": unknown_names({**in_file, **_environment()})}
        problems: list[str] = []
        for field, kind in _CONCERNS.items():
            try:
                loaded[field] = kind(
                    **(given if kind is ServerSettings else {}),
                    _env_file=_ENV_FILE,
                    _secrets_dir=_credentials_dir(),
                )
            except ValidationError as error:
                problems += [_describe(kind, problem) for problem in error.errors()]
        if problems:
            raise SettingsError("\n".join(problems))
        return cls.model_validate(loaded)

    @classmethod
    def defaults(cls) -> Self:
        """What holds when nothing is set, whatever this host's environment says."""
        return cls.model_validate(
            {name: kind.model_construct() for name, kind in _CONCERNS.items()}
        )


def _names_in_env_file() -> Mapping[str, str | None]:
    try:
        return dotenv_values(_ENV_FILE)
    except (OSError, UnicodeError) as error:
        raise SettingsError(f"{_ENV_FILE}: cannot be read as text ({error})") from error


def _environment() -> Mapping[str, str]:
    return os.environ  # noqa: TID251  # the one place that reads it


def _credentials_dir() -> Path | None:
    folder = _environment().get("CREDENTIALS_DIRECTORY")
    return Path(folder) if folder and Path(folder).is_dir() else None


def variable_names(kind: type[BaseSettings]) -> dict[str, str]:
    """Field name -> the environment variable an operator sets."""
    prefix = kind.model_config.get("env_prefix", "")
    names = {}
    for name, field in kind.model_fields.items():
        alias = field.validation_alias
        first = alias.choices[0] if isinstance(alias, AliasChoices) else None
        names[name] = str(first) if first else f"{prefix}{name}".upper()
    return names


def unknown_names(environment: Iterable[str]) -> tuple[str, ...]:
    prefixes = ("PARLOR_", "OPENROUTER_", "CHAT_LLM_", "CHAT_JWT_")
    known = {name for kind in ALL_SETTINGS for name in variable_names(kind).values()}
    known |= _READ_ELSEWHERE
    return tuple(
        sorted(name for name in environment if name.startswith(prefixes) and name not in known)
    )


def _describe(kind: type[BaseSettings], problem: Mapping[str, object]) -> str:
    location = problem["loc"]
    path = [str(step) for step in location] if isinstance(location, tuple) else []
    names = variable_names(kind)
    name = names.get(path[0], path[0]) if path else kind.__name__
    inner = f" (at {'.'.join(path[1:])})" if path[1:] else ""
    return f"{name}{inner}: {problem['msg']}"

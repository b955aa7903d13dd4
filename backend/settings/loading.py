"""The settings as a whole: where they come from, how each is called, what is said of a wrong one.

A secret may also lie in the systemd credentials directory, in a file named like its variable.
"""

import os
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any, Self

from dotenv.parser import parse_stream
from pydantic import AliasChoices, BaseModel, ConfigDict, ValidationError
from pydantic_settings import BaseSettings

from backend.settings.auth import AuthSettings
from backend.settings.backup import BackupSettings
from backend.settings.chat import ChatSettings
from backend.settings.edge import AccessSettings, EdgeSettings, OidcSettings
from backend.settings.mcp import McpClientSettings, McpServerSettings
from backend.settings.providers import LocalModelSettings, OpenRouterSettings, ProviderSettings
from backend.settings.server import ServerSettings

_ENV_FILE = Path(".env")
_OUR_PREFIXES = ("PARLOR_", "OPENROUTER_", "CHAT_LLM_", "CHAT_JWT_")
_READ_ELSEWHERE = {"PARLOR_UNPACK_DIR", "PARLOR_API_KEY"}
"""By the single file's own first lines, before there are settings; by `parlor mcp connect`."""


class SettingsError(Exception):
    """One or more settings are wrong; `str()` names each with what is allowed."""


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
        credentials = _credentials_dir()
        names = {*_environment(), *_names_in_env_file(), *_names_of_credentials(credentials)}
        loaded: dict[str, object] = {"unknown_names": unknown_names(names)}
        problems: list[str] = []
        for field, kind in _CONCERNS.items():
            try:
                loaded[field] = kind(
                    **(given if kind is ServerSettings else {}),
                    _env_file=_ENV_FILE,
                    _secrets_dir=credentials,
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


_CONCERNS = {
    name: field.annotation
    for name, field in Settings.model_fields.items()
    if isinstance(field.annotation, type) and issubclass(field.annotation, BaseSettings)
}
ALL_SETTINGS = tuple(_CONCERNS.values())


def _names_in_env_file() -> Iterable[str]:
    """A line of ours that cannot be read would be left out with a warning, and its setting too."""
    if not _ENV_FILE.is_file():
        return ()
    try:
        with _ENV_FILE.open(encoding="utf-8") as file:
            lines = list(parse_stream(file))
    except (OSError, UnicodeError) as error:
        raise SettingsError(f"{_ENV_FILE}: cannot be read as text ({error})") from error
    broken = [line.original for line in lines if line.error]
    if wrong := [one.line for one in broken if any(name in one.string for name in _OUR_PREFIXES)]:
        raise SettingsError("\n".join(f"{_ENV_FILE}, line {n}: is not NAME=value" for n in wrong))
    return [line.key for line in lines if line.key]


def _names_of_credentials(folder: Path | None) -> Iterable[str]:
    """Of those that are ours. The sources of pydantic-settings would fail without naming one."""
    ours = (
        [path for path in folder.iterdir() if path.name.startswith(_OUR_PREFIXES)] if folder else []
    )
    for path in ours:
        try:
            path.read_text(encoding="utf-8")
        except (OSError, UnicodeError) as error:
            raise SettingsError(f"{path.name}: {path} cannot be read as text ({error})") from error
    return [path.name for path in ours]


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
    known = {name for kind in ALL_SETTINGS for name in variable_names(kind).values()}
    known |= _READ_ELSEWHERE
    return tuple(
        sorted(name for name in environment if name.startswith(_OUR_PREFIXES) and name not in known)
    )


def _describe(kind: type[BaseSettings], problem: Mapping[str, object]) -> str:
    location = problem["loc"]
    path = [str(step) for step in location] if isinstance(location, tuple) else []
    names = variable_names(kind)
    name = names.get(path[0], path[0]) if path else kind.__name__
    inner = f" (at {'.'.join(path[1:])})" if path[1:] else ""
    return f"{name}{inner}: {problem['msg']}"

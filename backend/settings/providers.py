"""What the operator decides about the providers of models."""

import json
from typing import Annotated

from pydantic import (
    AfterValidator,
    BaseModel,
    BeforeValidator,
    ConfigDict,
    Field,
    HttpUrl,
    SecretStr,
)
from pydantic_core import PydanticCustomError
from pydantic_settings import BaseSettings, NoDecode

from backend.settings.shape import settings_config


class OpenRouterSettings(BaseSettings):
    model_config = settings_config("OPENROUTER_")

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

    model_config = settings_config("CHAT_LLM_")

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
    model_config = settings_config("PARLOR_")

    providers: Annotated[
        dict[ServerName, CompatibleServer], NoDecode, BeforeValidator(_decoded)
    ] = Field(
        default_factory=dict,
        description='more OpenAI-compatible servers: {"name": {"base_url": "...", "api_key": "..."}}'
        "; their models are `name:...`",
    )

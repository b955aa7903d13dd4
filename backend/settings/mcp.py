"""What the operator decides about tool servers: those of `parlor mcp`, and where others are."""

from pathlib import Path
from typing import Annotated

from pydantic import AliasChoices, BeforeValidator, Field, HttpUrl, SecretStr
from pydantic_settings import BaseSettings, NoDecode

from backend.kit.ports import port_list
from backend.settings.shape import Listed, is_loopback, settings_config


class McpServerSettings(BaseSettings):
    model_config = settings_config("PARLOR_MCP_")

    host: str = Field("127.0.0.1", description="address the tool servers listen on")
    base_port: Annotated[int, Field(ge=0, le=65500)] = Field(
        9000, description="each server has a port of its own above this; 0 = any free ones"
    )
    token: SecretStr | None = Field(
        None, min_length=16, description="bearer token; required off loopback"
    )
    servers: Listed[str] = Field((), description="which servers run; all when empty")
    allowed_hosts: Listed[str] = Field((), description="names clients may call this host by")
    allowed_origins: Listed[str] = Field((), description="web pages that may call, as https://name")
    notes_dir: Path | None = Field(None, description="folder of notes; else notes in the state")
    pdf_dir: Path | None = Field(None, description="folder of PDF files; else uploads in the state")
    pdf_hosts: Listed[str] = Field((), description="hosts PDF files may be fetched from; * = any")
    weather_url: HttpUrl = Field(
        HttpUrl("https://api.open-meteo.com"), description="base URL of the forecast"
    )
    geocoding_url: HttpUrl = Field(
        HttpUrl("https://geocoding-api.open-meteo.com"), description="base URL of the place search"
    )
    searxng_url: HttpUrl | None = Field(None, description="base URL of a SearXNG to search with")
    brave_key: SecretStr | None = Field(None, description="key of the Brave search API, instead")
    brave_url: HttpUrl = Field(
        HttpUrl("https://api.search.brave.com"), description="base URL of that API"
    )

    @property
    def is_loopback(self) -> bool:
        return is_loopback(self.host)


class McpClientSettings(BaseSettings):
    """Where Parlor finds tool servers, ours and others'."""

    model_config = settings_config("PARLOR_MCP_")

    definitions: Path | None = Field(
        None,
        validation_alias=AliasChoices("MCP_SERVERS_PATH"),
        description="file of tool servers; else mcp_servers.json in the state",
    )
    discovery_hosts: Listed[str] = Field((), description="hosts where tool servers are looked for")
    discovery_ports: Annotated[tuple[int, ...], NoDecode, BeforeValidator(port_list)] = Field(
        port_list("9001-9017"), description="ports tried on those hosts: numbers and ranges"
    )

"""What the operator decides about this server itself."""

from pathlib import Path
from typing import Annotated
from zoneinfo import ZoneInfo

from pydantic import AfterValidator, AliasChoices, Field
from pydantic_core import PydanticCustomError
from pydantic_settings import BaseSettings

from backend.kit.log import LogLevel
from backend.kit.zone import machine_zone
from backend.settings.shape import is_loopback, settings_config


def _zone_name(name: str) -> str:
    try:
        ZoneInfo(name)
    except (KeyError, ValueError, OSError):
        raise PydanticCustomError("zone", "is not the name of a time zone") from None
    return name


class ServerSettings(BaseSettings):
    model_config = settings_config("PARLOR_")

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
        return is_loopback(self.host)

    @property
    def authority(self) -> Path:
        """Certificate of the local authority, where there is one."""
        return self.ca_cert or self.state_dir / "certs" / "authority.crt"

    @property
    def zone(self) -> ZoneInfo:
        """Reads files."""
        return ZoneInfo(self.time_zone) if self.time_zone else machine_zone()

"""What the operator decides about backups: where they lie, their key, how many stay, the copy."""

from pathlib import Path
from typing import Annotated, Self
from urllib.parse import urlsplit

from pydantic import AfterValidator, Field, HttpUrl, SecretStr, model_validator
from pydantic_core import PydanticCustomError
from pydantic_settings import BaseSettings

from backend.kit.key_text import KeyTextError, key_from_text
from backend.settings.shape import settings_config


def _key(text: SecretStr) -> SecretStr:
    try:
        key_from_text(text.get_secret_value())
    except KeyTextError as error:
        raise PydanticCustomError("backup_key", "{why}", {"why": str(error)}) from None
    return text


def _place(text: str) -> str:
    if text.startswith("/"):
        return text
    parts = urlsplit(text)
    if parts.scheme != "s3" or not parts.netloc or parts.query or parts.fragment:
        raise PydanticCustomError("place", "must be /a/folder or s3://bucket/folder")
    return text


class BackupSettings(BaseSettings):
    model_config = settings_config("PARLOR_BACKUP_")

    dir: Path | None = Field(None, description="folder of backups")
    key: Annotated[SecretStr, AfterValidator(_key)] | None = Field(
        None, description="key that backups are encrypted with (`parlor backup key`)"
    )
    keep: Annotated[str, Field(pattern=r"^\d{1,3}/\d{1,3}/\d{1,3}$")] = Field(
        "7/4/6", description="how many daily, weekly and monthly backups stay"
    )
    copy_to: Annotated[str, AfterValidator(_place)] | None = Field(
        None, description="where a copy of each goes: /a/folder, or s3://bucket/folder"
    )
    s3_url: HttpUrl | None = Field(None, description="base URL of the bucket's service")
    s3_region: Annotated[str, Field(pattern=r"^[a-z0-9-]+$")] = Field(
        "us-east-1", description="region that requests are signed for"
    )
    s3_key_id: str = Field("", description="id of the access key for the bucket")
    s3_secret: SecretStr | None = Field(None, description="that access key's secret")

    @model_validator(mode="after")
    def _is_whole(self) -> Self:
        """The secret is missed only where copies are made: on a deployment the server has none."""
        if (self.copy_to or "").startswith("s3:") and not (self.s3_url and self.s3_key_id):
            raise PydanticCustomError(
                "half", "a bucket needs PARLOR_BACKUP_S3_URL and PARLOR_BACKUP_S3_KEY_ID"
            )
        return self

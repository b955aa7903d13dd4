"""What the operator decides about tokens for programs. The key that signs them is made by Parlor
itself and is no setting."""

from datetime import timedelta
from typing import Annotated

from pydantic import Field
from pydantic_settings import BaseSettings

from backend.settings.shape import settings_config

type Name = Annotated[str, Field(pattern=r"^[A-Za-z0-9._:/-]{1,100}$")]


class AuthSettings(BaseSettings):
    model_config = settings_config("CHAT_")

    access_token_expire_minutes: Annotated[int, Field(ge=1, le=1440)] = Field(
        15, description="life of a program's access token"
    )
    refresh_token_expire_minutes: Annotated[int, Field(ge=5, le=525_600)] = Field(
        10_080, description="life of its refresh token, from the last refresh on"
    )
    jwt_issuer: Name = Field("parlor", description="issuer in tokens")
    jwt_audience: Name = Field(
        "parlor", description="audience in tokens, before `-api` and `-refresh`"
    )

    @property
    def access_life(self) -> timedelta:
        return timedelta(minutes=self.access_token_expire_minutes)

    @property
    def refresh_life(self) -> timedelta:
        return timedelta(minutes=self.refresh_token_expire_minutes)

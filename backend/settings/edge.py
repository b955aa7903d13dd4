"""What the operator decides about the way in and out: names, proxies, sign-in elsewhere."""

from typing import Annotated, Literal, Self

from pydantic import AfterValidator, Field, HttpUrl, IPvAnyNetwork, SecretStr, model_validator
from pydantic_core import PydanticCustomError
from pydantic_settings import BaseSettings

from backend.kit.addresses import Openings
from backend.settings.shape import Listed, settings_config


def _lan_entry(entry: str) -> str:
    try:
        Openings.of([entry])
    except ValueError as error:
        raise PydanticCustomError("lan_entry", "{why}", {"why": str(error)}) from None
    return entry


type HostName = Annotated[str, Field(pattern=r"^[A-Za-z0-9_]([A-Za-z0-9._-]{0,252})$|^[0-9a-f:]+$")]


class EdgeSettings(BaseSettings):
    """How Parlor is reached, and what it may reach."""

    model_config = settings_config("PARLOR_")

    hosts: Listed[HostName] = Field(
        (), description="names this Parlor answers to (comma list), beside its address"
    )
    public_url: HttpUrl | None = Field(
        None, description="address people use from outside; its name is answered to"
    )
    trusted_proxies: Listed[IPvAnyNetwork] = Field(
        (),
        description="proxies whose X-Forwarded-* is believed: addresses or networks (comma list)",
    )
    streams_per_person: Annotated[int, Field(ge=1, le=1000)] = Field(
        32, description="answers and pages of one person that may be open at a time"
    )
    lan_allow: Listed[Annotated[str, AfterValidator(_lan_entry)]] = Field(
        (), description="host:port or networks beside the internet that Parlor may fetch from"
    )


class OidcSettings(BaseSettings):
    model_config = settings_config("PARLOR_OIDC_")

    issuer: (
        Annotated[str, Field(pattern=r"^https://\S+$|^http://(127\.0\.0\.1|localhost)[:/]\S*$")]
        | None
    ) = Field(None, description="OpenID Connect provider (https); without one it is off")
    client_id: str = Field("", description="what the provider calls this Parlor")
    client_secret: SecretStr | None = Field(None, description="where the provider wants one")
    name: Annotated[str, Field(min_length=1, max_length=60)] = Field(
        "another account", description="words on the button"
    )
    new_people: Literal["none", "adult", "child"] = Field(
        "none", description="whether a stranger's sign-in makes a person here, and of which role"
    )

    @model_validator(mode="after")
    def _is_whole(self) -> Self:
        if self.issuer and not self.client_id:
            raise PydanticCustomError("half", "PARLOR_OIDC_ISSUER needs PARLOR_OIDC_CLIENT_ID")
        return self


class AccessSettings(BaseSettings):
    model_config = settings_config("PARLOR_ACCESS_")

    team: Annotated[str, Field(pattern=r"^https://[a-z0-9-]+\.cloudflareaccess\.com$")] | None = (
        Field(None, description="Cloudflare Access team, https://NAME.cloudflareaccess.com")
    )
    audience: str = Field("", description="audience tag of the Access application")

    @model_validator(mode="after")
    def _is_whole(self) -> Self:
        if self.team and not self.audience:
            raise PydanticCustomError("half", "PARLOR_ACCESS_TEAM needs PARLOR_ACCESS_AUDIENCE")
        return self

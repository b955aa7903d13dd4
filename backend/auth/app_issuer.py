"""Parlor as the one who lets programs in at its own `/mcp`: under which addresses (RFC 9728, 8414)."""

from dataclasses import dataclass

from backend.kit.errors import NotFoundError

RESOURCE_PATH = "/mcp"
RESOURCE_METADATA_PATH = "/.well-known/oauth-protected-resource"
SERVER_METADATA_PATH = "/.well-known/oauth-authorization-server"
PAGE_PATH = "/authorize"


@dataclass(frozen=True, slots=True)
class Issuer:
    """`url`: how the world reaches this Parlor, without a slash at its end."""

    url: str

    @property
    def resource(self) -> str:
        """What tokens are for."""
        return self.url + RESOURCE_PATH

    @property
    def resource_metadata(self) -> str:
        return self.url + RESOURCE_METADATA_PATH + RESOURCE_PATH


class NoIssuerError(NotFoundError):
    def __init__(self) -> None:
        super().__init__(
            "Programs of others cannot sign in at this Parlor: it does not know its own address."
            " Whoever runs it can set PARLOR_PUBLIC_URL, with https. (An API key works anyway.)"
        )

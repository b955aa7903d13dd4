"""Who people are, and on whose behalf a request acts."""

from dataclasses import dataclass
from typing import Annotated, Literal

from pydantic import BaseModel, ConfigDict, Field

type Role = Literal["owner", "adult", "child"]
type Scope = Literal["chat", "tools", "read", "admin"]
type SessionKind = Literal["session", "token"]
"""A browser's cookie, or a program's chain of refresh tokens."""
type CredentialKind = SessionKind | Literal["key", "app"]
"""Or an API key; or what somebody let a program of others have, for `/mcp` alone."""
type Pattern = Annotated[str, Field(min_length=1, max_length=200)]
type TimeOfDay = Annotated[str, Field(pattern=r"^([01][0-9]|2[0-3]):[0-5][0-9]$")]


class Hours(BaseModel):
    """From `start` up to `end`, the household's time; `end` before `start` runs past midnight."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    start: TimeOfDay
    end: TimeOfDay


class Limits(BaseModel):
    """What a person may use. None: anything. An empty list: nothing."""

    model_config = ConfigDict(
        frozen=True, extra="forbid", json_schema_serialization_defaults_required=True
    )

    models: Annotated[tuple[Pattern, ...], Field(max_length=200)] | None = None
    """Model ids; `*` stands for anything."""
    tools: Annotated[tuple[Pattern, ...], Field(max_length=200)] | None = None
    hours: Annotated[tuple[Hours, ...], Field(max_length=10)] | None = None
    dollars_a_day: Annotated[float, Field(ge=0, le=10_000)] | None = None
    products: Annotated[tuple[Pattern, ...], Field(max_length=200)] | None = None
    """Ids that a conversation's metadata may name as `product_id`."""
    agents: Annotated[tuple[Pattern, ...], Field(max_length=200)] | None = None


class User(BaseModel):
    model_config = ConfigDict(frozen=True, json_schema_serialization_defaults_required=True)

    id: str
    username: str
    display_name: str
    role: Role
    email: str | None = None
    """Only for signing in by way of an identity provider that vouches for it."""
    limits: Limits = Limits()


@dataclass(frozen=True, slots=True)
class Account:
    """A user as the store knows them."""

    user: User
    password_hash: str
    is_disabled: bool


@dataclass(frozen=True, slots=True)
class Caller:
    """The person behind a request, and what shows that it is them."""

    user: User
    kind: CredentialKind
    credential_id: str
    """Of the session, the key or the app's grant: what can be revoked."""
    scopes: frozenset[Scope] = frozenset()
    """Of a key or an app; people themselves need none."""

    @property
    def owner_id(self) -> str:
        """The owner of what this caller makes and may see."""
        return self.user.id

    def has(self, scope: Scope) -> bool:
        """Whether a program may do this in the person's name; who signed in has them all."""
        return self.kind not in ("key", "app") or scope in self.scopes


@dataclass(frozen=True, slots=True)
class DeviceCaller:
    """A paired display. It belongs to the household, not to a person."""

    credential_id: str
    name: str


type AnyCaller = Caller | DeviceCaller


@dataclass(frozen=True, slots=True)
class Origin:
    """Where a request comes from: the real client's address and how it names itself."""

    address: str
    user_agent: str

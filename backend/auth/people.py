"""Who people are, and on whose behalf a request acts."""

from dataclasses import dataclass
from datetime import datetime
from typing import Literal

from pydantic import BaseModel, ConfigDict

type Role = Literal["owner", "adult", "child"]


class User(BaseModel):
    model_config = ConfigDict(frozen=True, json_schema_serialization_defaults_required=True)

    id: str
    username: str
    display_name: str
    role: Role


@dataclass(frozen=True, slots=True)
class Account:
    """A user as the store knows them."""

    user: User
    password_hash: str
    is_disabled: bool


@dataclass(frozen=True, slots=True)
class Session:
    token_hash: str
    user: User
    expires_at: datetime
    last_seen_at: datetime


@dataclass(frozen=True, slots=True)
class Caller:
    """The signed-in person behind a request."""

    user: User
    token_hash: str

    @property
    def owner_id(self) -> str:
        """The owner of what this caller makes and may see."""
        return self.user.id

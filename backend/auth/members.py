"""People as their owner manages them."""

from dataclasses import dataclass
from datetime import datetime
from typing import Annotated, Literal

from pydantic import BaseModel, ConfigDict, Field, StringConstraints

from backend.auth.audit_store import AuditEvent, AuditKind
from backend.auth.people import Limits, User

type Email = Annotated[
    str,
    StringConstraints(strip_whitespace=True, max_length=254, pattern=r"^[^\s@\x00]+@[^\s@\x00]+$"),
]
type DisplayName = Annotated[
    str, StringConstraints(strip_whitespace=True, min_length=1, max_length=100)
]


@dataclass(frozen=True, slots=True)
class Member:
    """A person of the household, as its owner sees them."""

    user: User
    disabled: bool
    created_at: datetime
    last_seen_at: datetime | None
    second_factor: bool


class PersonChange(BaseModel):
    """Only what is given changes; limits change as a whole."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    display_name: DisplayName = Field(default="")
    email: Email | None = None
    role: Literal["adult", "child"] = Field(default="adult")
    disabled: bool = False
    limits: Limits = Limits()


@dataclass(frozen=True, slots=True)
class By:
    """Who does something, and from where: what every event says."""

    name: str
    address: str

    def event(self, kind: AuditKind, subject: str, detail: str = "") -> AuditEvent:
        return AuditEvent(kind, self.name, subject, detail, self.address)

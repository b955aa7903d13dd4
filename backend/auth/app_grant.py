"""What somebody let a program of others have, and how it stands in the database."""

from dataclasses import dataclass
from datetime import datetime
from typing import Literal

from backend.auth.app_client import AppClient
from backend.auth.people import Caller, Scope
from backend.db.database import Connection, Row
from backend.kit.clock import from_millis


@dataclass(frozen=True, slots=True)
class Code:
    """What somebody said yes to."""

    user_id: str
    client: AppClient
    redirect_uri: str
    challenge: str
    scopes: tuple[Scope, ...]
    resource: str
    expires_at: datetime


@dataclass(frozen=True, slots=True)
class Issued:
    """Hashes of what goes out now, and until when it is good."""

    access_hash: str
    access_until: datetime
    refresh_hash: str
    refresh_until: datetime


@dataclass(frozen=True, slots=True)
class NewGrant:
    id: str
    family_hash: str
    issued: Issued


@dataclass(frozen=True, slots=True)
class Grant:
    id: str
    client_id: str
    name: str
    uri: str | None
    scopes: tuple[Scope, ...]
    resource: str
    created_at: datetime
    last_used_at: datetime | None


@dataclass(frozen=True, slots=True)
class AppFound:
    caller: Caller
    expires_at: datetime


type Outcome = Literal["reused", "unknown"]
"""Why there is no grant: what was shown came a second time, and ended it; or it is none."""


def forget_expired(connection: Connection, now: int) -> None:
    for table in ("app_codes", "app_tokens", "app_grants"):
        connection.execute(f"DELETE FROM {table} WHERE expires_at <= ?", (now,))  # noqa: S608  # names from the line above


def end_apps(connection: Connection, user_id: str) -> None:
    """For whatever ends all that a person signed in with, in its transaction."""
    for table in ("app_codes", "app_grants"):
        connection.execute(f"DELETE FROM {table} WHERE user_id = ?", (user_id,))  # noqa: S608  # as above


def code_from(row: Row) -> Code:
    return Code(
        user_id=row["user_id"],
        client=AppClient(row["client_id"], row["name"], row["uri"], ()),
        redirect_uri=row["redirect_uri"],
        challenge=row["challenge"],
        scopes=tuple(row["scopes"].split()),
        resource=row["resource"],
        expires_at=from_millis(row["expires_at"]),
    )


def grant_from(row: Row) -> Grant:
    used = row["last_used_at"]
    return Grant(
        id=row["id"],
        client_id=row["client_id"],
        name=row["name"],
        uri=row["uri"],
        scopes=tuple(row["scopes"].split()),
        resource=row["resource"],
        created_at=from_millis(row["created_at"]),
        last_used_at=None if used is None else from_millis(used),
    )

"""Displays and their pairing: what is known of them, and what can go wrong."""

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import ClassVar

from backend.kit.errors import AppError, NotFoundError

PAIRING_LIFE = timedelta(minutes=10)


class TooManyPairingsError(AppError):
    code: ClassVar[str] = "too_many_pairings"
    status = 429


class PairingUnknownError(NotFoundError):
    code = "pairing_unknown"

    def __init__(self) -> None:
        super().__init__("No display shows that code now. Codes hold for ten minutes.")


class PairingExpiredError(AppError):
    code = "pairing_expired"
    status = 410

    def __init__(self) -> None:
        super().__init__("This pairing is over. Start a new one.")


@dataclass(frozen=True, slots=True)
class Device:
    id: str
    name: str
    user_agent: str
    address: str
    approved_by: str
    created_at: datetime
    last_seen_at: datetime | None


@dataclass(frozen=True, slots=True)
class Pairing:
    """A display that waits for somebody to say yes."""

    code: str
    user_agent: str
    address: str
    created_at: datetime

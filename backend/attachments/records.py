"""The words of attachments: whose a file is, and what is known of it."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Owner:
    """Whose file it is and which answer shows it."""

    user_id: str
    conversation_id: str
    message_id: str


@dataclass(frozen=True, slots=True)
class KeptFile:
    id: str
    sha256: str
    media_type: str
    bytes: int

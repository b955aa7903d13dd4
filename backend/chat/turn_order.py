"""What is to begin, and what has begun: a turn before its first word."""

from dataclasses import dataclass
from typing import Literal

from backend.chat.events import TurnKind
from backend.chat.records import (
    NO_METADATA,
    ConversationMetadata,
    ConversationSummary,
    Part,
    PathMessage,
    ResourcePart,
    Turn,
)
from backend.toolbox.context import Client


@dataclass(frozen=True, slots=True)
class EarlierMessage:
    """A message that a new conversation brings along."""

    role: Literal["user", "assistant"]
    text: str


type Attached = tuple[ResourcePart, ...]


@dataclass(frozen=True, slots=True)
class TurnOrder:
    """What to begin. The ids are made by the caller, so that a retry writes the same rows."""

    owner_id: str
    kind: TurnKind
    turn_id: str
    message_id: str
    model: str | None
    default_model: str
    conversation_id: str
    is_new: bool = False
    system_prompt: str | None = None
    metadata: ConversationMetadata = NO_METADATA
    earlier: tuple[EarlierMessage, ...] = ()
    user_message_id: str = ""
    text: str = ""
    attached: Attached | None = None
    """None: what the message that is edited had, else nothing."""
    client_message_id: str | None = None
    parent_id: str | None = None
    edit_of: str | None = None
    target_id: str = ""
    """The message to regenerate or to continue."""
    client: Client = "chat"
    """The surface it is asked on."""


@dataclass(frozen=True, slots=True)
class BegunTurn:
    """`before`: what a message that is continued holds already. `repeated`: this client message
    began that turn earlier; nothing was written."""

    turn: Turn
    conversation: ConversationSummary
    system_prompt: str | None
    path: list[PathMessage]
    before: list[Part]
    repeated: bool = False

    @property
    def first_step(self) -> int:
        """A continued message goes on counting its steps."""
        return max((part.step + 1 for part in self.before if part.type == "tool"), default=0)

"""What the live stream says: to a person's screens about conversations, to a display about itself."""

from typing import Annotated, Literal

from pydantic import BaseModel, ConfigDict, Field

from backend.auth.devices import DeviceChanged, topic_of
from backend.chat.events import ApprovalRequested, InputRequested
from backend.chat.records import ConversationSummary
from backend.kit.hub import Hub
from backend.memory.records import MemoriesChanged

_CONFIG = ConfigDict(frozen=True, json_schema_serialization_defaults_required=True)


class Hello(BaseModel):
    """First frame of a live stream; another version than before means a new build."""

    model_config = _CONFIG
    type: Literal["hello"] = "hello"
    version: str


class ConversationChanged(BaseModel):
    """Created, renamed, a turn started or ended."""

    model_config = _CONFIG
    type: Literal["conversation.changed"] = "conversation.changed"
    conversation: ConversationSummary


class ConversationDeleted(BaseModel):
    model_config = _CONFIG
    type: Literal["conversation.deleted"] = "conversation.deleted"
    conversation_id: str


class MessagesChanged(BaseModel):
    """A message was deleted, a branch chosen or a cost arrived: fetch it anew if it is open."""

    model_config = _CONFIG
    type: Literal["messages.changed"] = "messages.changed"
    conversation_id: str


class ToolsChanged(BaseModel):
    """A server came, went or offers something else, or somebody switched it: fetch tools anew."""

    model_config = _CONFIG
    type: Literal["tools.changed"] = "tools.changed"


class QuestionAsked(BaseModel):
    """A running turn waits for its person: show it wherever they are."""

    model_config = _CONFIG
    type: Literal["question.asked"] = "question.asked"
    conversation_id: str
    turn_id: str
    question: Annotated[ApprovalRequested | InputRequested, Field(discriminator="type")]


class QuestionAnswered(BaseModel):
    """On another screen, or it is too late, or the turn has ended: take it away.

    `question_id`: its `approval_id` or `input_id`.
    """

    model_config = _CONFIG
    type: Literal["question.answered"] = "question.answered"
    turn_id: str
    question_id: str


type LiveEvent = Annotated[
    Hello
    | ConversationChanged
    | ConversationDeleted
    | MessagesChanged
    | QuestionAsked
    | QuestionAnswered
    | ToolsChanged
    | MemoriesChanged
    | DeviceChanged,
    Field(discriminator="type"),
]


def announce_conversation(hub: Hub, owner_id: str, conversation: ConversationSummary) -> None:
    _announce(hub, owner_id, ConversationChanged(conversation=conversation))


def announce_deleted(hub: Hub, owner_id: str, conversation_id: str) -> None:
    _announce(hub, owner_id, ConversationDeleted(conversation_id=conversation_id))


def announce_messages(hub: Hub, owner_id: str, conversation_id: str) -> None:
    _announce(hub, owner_id, MessagesChanged(conversation_id=conversation_id))


def announce_asked(
    hub: Hub,
    owner_id: str,
    conversation_id: str,
    turn_id: str,
    question: ApprovalRequested | InputRequested,
) -> None:
    event = QuestionAsked(conversation_id=conversation_id, turn_id=turn_id, question=question)
    _announce(hub, owner_id, event)


def announce_answered(hub: Hub, owner_id: str, turn_id: str, question_id: str) -> None:
    _announce(hub, owner_id, QuestionAnswered(turn_id=turn_id, question_id=question_id))


def announce_tools(hub: Hub) -> None:
    """To everybody; a paired display hears only what concerns itself."""
    for topic in hub.topics():
        if not topic.startswith(topic_of("")):
            _announce(hub, topic, ToolsChanged())


def _announce(hub: Hub, owner_id: str, event: LiveEvent) -> None:
    if hub.has_followers(owner_id):
        hub.publish(owner_id, event.model_dump(mode="json"), event.type)

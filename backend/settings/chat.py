"""What the operator decides about turns."""

from typing import Annotated

from pydantic import Field
from pydantic_settings import BaseSettings

from backend.settings.shape import settings_config


class ChatSettings(BaseSettings):
    model_config = settings_config("PARLOR_CHAT_")

    step_limit: Annotated[int, Field(ge=1, le=200)] = Field(
        40, description="model calls in one turn before it pauses"
    )
    tool_error_limit: Annotated[int, Field(ge=1, le=100)] = Field(
        10, description="failed tool calls in a row before a turn pauses"
    )
    cost_limit: Annotated[float, Field(gt=0)] | None = Field(
        None, description="US dollars one turn may cost before it pauses"
    )
    journal_days: Annotated[int, Field(ge=1, le=365)] = Field(
        7, description="days the event journals of ended turns are kept"
    )
    ask_seconds: Annotated[float, Field(ge=10, le=3600)] = Field(
        300, description="seconds to answer what a tool asks; after that it counts as no"
    )
    tool_share: Annotated[float, Field(ge=0, le=0.5)] = Field(
        0.1,
        description="share of a model's context for the definitions of servers' tools; beyond it"
        " the model searches for them",
    )
    demo_tools: bool = Field(
        False, description="offer the demo's tools to every model, not only to the demo"
    )

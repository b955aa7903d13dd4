"""What is known of a turn while it runs."""

import asyncio
from dataclasses import dataclass, field
from typing import Literal

from backend.chat import events
from backend.chat.allowance import Permit
from backend.chat.journal import Journal
from backend.chat.questions import Questions
from backend.chat.records import Turn
from backend.chat.transcript import Transcript
from backend.chat.turn import TurnLoop
from backend.toolbox.context import Client

type Ending = Literal["stopped", "interrupted"]


@dataclass(slots=True)
class RunningTurn:
    """A turn while it has a journal to write. `ending`: how it was told to end, if it was.

    `question`: the text that this turn put, empty when it answers an older question.
    """

    turn: Turn
    owner_id: str
    question: str
    journal: Journal
    transcript: Transcript
    permit: Permit = field(default_factory=Permit)
    client: Client = "chat"
    ending: Ending | None = None
    entered: bool = False
    task: "asyncio.Task[None] | None" = None
    loop: TurnLoop | None = None
    questions: Questions | None = None
    ended: asyncio.Event = field(default_factory=asyncio.Event)

    def emit(self, event: events.TurnEvent) -> None:
        # The journal first: what cannot be written there must not reach the message either.
        self.journal.append(event)
        self.transcript.apply(event)

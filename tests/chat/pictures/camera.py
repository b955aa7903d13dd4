"""A talk whose model may use a camera: a tool server that gives whatever a test puts into it."""

from base64 import b64encode
from dataclasses import dataclass
from pathlib import Path

from backend.auth.people import User
from backend.chat.records import ToolPart
from backend.container import Services
from backend.messages import Media
from tests.attachments.samples import png, wav
from tests.chat.talk import Heard, Talk
from tests.fakes.mcp_odd import Message, OddServer, text
from tests.fakes.scripted import ScriptedProvider, calls, tool
from tests.fakes.scripted import text as saying
from tests.fakes.waiting import until


def seen(data: bytes | None = None, mime: str = "image/png") -> Message:
    raw = b64encode(png() if data is None else data).decode()
    return {"type": "image", "mimeType": mime, "data": raw}


def heard(data: bytes | None = None, mime: str = "audio/wav") -> Message:
    raw = b64encode(wav() if data is None else data).decode()
    return {"type": "audio", "mimeType": mime, "data": raw}


@dataclass
class Camera:
    services: Services
    owner: User
    provider: ScriptedProvider
    server: OddServer

    @property
    def folder(self) -> Path:
        return self.services.settings.server.state_dir / "files"

    async def is_ready(self) -> None:
        connections = self.services.tool_servers.connections
        await until(lambda: "camera" in connections and connections["camera"].session)
        await self.services.tool_servers.decisions.choose(
            self.owner.id, ("camera", "look"), "allow"
        )

    def gives(self, *content: Message) -> None:
        self.server.results["look"] = {"content": [*text("The garden.")["content"], *content]}

    async def looks(self, talk: Talk, **more: str) -> Heard:
        """A turn in which the model looks once."""
        self.provider.says(calls(tool("look")), saying("Here it is."))
        return await talk.say("Look", **more)

    async def shows(self, talk: Talk, turn: Heard) -> tuple[Media, ...]:
        """What the stored answer holds to be seen."""
        assert turn.turn
        answer = await talk.answer(turn.turn)
        return tuple(m for part in answer.parts if isinstance(part, ToolPart) for m in part.media)

    async def bytes_of(self, media: Media) -> bytes:
        attachments = self.services.attachments
        file = await attachments.find(self.owner.id, media.file_id)
        return b"".join([piece async for piece in attachments.read(file, 0, file.bytes)])

    @property
    def is_empty(self) -> bool:
        return not any(path.is_file() for path in self.folder.rglob("*"))

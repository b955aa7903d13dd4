"""A server with the tools, resources and prompts that the suite asks every implementation for,
declared and hosted as the servers we ship are."""

import struct
import sys
from base64 import b64encode
from typing import Annotated, Any, override

from mcp.server import MCPServer
from mcp.server.mcpserver import Context, Resolve, Sample
from mcp.server.mcpserver.prompts import base as prompts
from mcp_types import (
    AudioContent,
    Completion,
    CreateMessageResult,
    EmbeddedResource,
    ImageContent,
    SamplingMessage,
    TextContent,
    TextResourceContents,
)
from pydantic import Field

from backend.kit.errors import InvalidInputError
from backend.kit.log import configure_logging
from backend.kit.schedule import pause
from backend.mcp_servers import hosting
from backend.mcp_servers.shipped import Shipped
from backend.mcp_servers.test_toolkit import square
from backend.mcp_servers.toolset import READS, Toolset
from backend.settings import Settings
from tests.conformance.questions import add_prompt_with_a_question, add_questions

type Word = Annotated[str, Field(max_length=200)]

PNG = b64encode(square(1, (255, 0, 0))).decode()
WAV = b64encode(
    struct.pack(
        "<4sI4s4sIHHIIHH4sI", b"RIFF", 38, b"WAVE", b"fmt ", 16, 1, 1, 8000, 8000, 1, 8, b"data", 2
    )
    + b"\x80\x80"
).decode()


class Fixture(Shipped):
    @override
    def build(self, settings: Settings) -> MCPServer[Any]:
        tools = Toolset()
        _add_contents(tools)
        _add_behaviour(tools)
        add_questions(tools)
        server = tools.server(
            "conformance", title="Conformance", instructions="For the suite alone."
        )
        _add_resources(server)
        _add_prompts(server)
        add_prompt_with_a_question(server)
        return server


def _embedded(uri: str, text: str, mime_type: str = "text/plain") -> EmbeddedResource:
    return EmbeddedResource(
        type="resource",
        resource=TextResourceContents(uri=uri, mime_type=mime_type, text=text),
    )


def _add_contents(tools: Toolset) -> None:
    @tools.tool(READS, title="Text")
    async def test_simple_text() -> list[TextContent]:
        """Simple text."""
        return [TextContent(type="text", text="This is a simple text response for testing.")]

    @tools.tool(READS, title="Image")
    async def test_image_content() -> ImageContent:
        """A picture."""
        return ImageContent(type="image", data=PNG, mime_type="image/png")

    @tools.tool(READS, title="Audio")
    async def test_audio_content() -> AudioContent:
        """A sound."""
        return AudioContent(type="audio", data=WAV, mime_type="audio/wav")

    @tools.tool(READS, title="Resource")
    async def test_embedded_resource() -> EmbeddedResource:
        """A resource in the answer."""
        return _embedded("test://embedded-resource", "This is an embedded resource content.")

    @tools.tool(READS, title="Mixed")
    async def test_multiple_content_types() -> list[TextContent | ImageContent | EmbeddedResource]:
        """Text, a picture and a resource."""
        return [
            TextContent(type="text", text="Multiple content types test:"),
            ImageContent(type="image", data=PNG, mime_type="image/png"),
            _embedded(
                "test://mixed-content-resource", '{"test":"data","value":123}', "application/json"
            ),
        ]


def _add_behaviour(tools: Toolset) -> None:
    @tools.tool(READS, title="Error")
    async def test_error_handling() -> str:
        """Always fails."""
        raise InvalidInputError("This tool intentionally returns an error for testing")

    @tools.tool(READS, title="Progress")
    async def test_tool_with_progress(ctx: Context[Any, Any]) -> str:
        """Reports 0, 50 and 100 of 100."""
        for done in (0, 50, 100):
            await ctx.report_progress(done, 100)
            await pause(0.05)
        return "done"

    @tools.tool(READS, title="Header")
    async def test_x_mcp_header(
        region: Annotated[str, Field(max_length=100, json_schema_extra={"x-mcp-header": "Region"})],
    ) -> str:
        """Takes an argument that also travels as a header."""
        return region

    @tools.tool(READS, title="Missing capability")
    async def test_missing_capability(
        answer: Annotated[CreateMessageResult, Resolve(_sampling_question)],
    ) -> str:
        """Needs a client that can ask a model."""
        return str(answer.content)


async def _sampling_question() -> Sample:
    words = TextContent(type="text", text="Anything")
    return Sample([SamplingMessage(role="user", content=words)], max_tokens=10)


def _add_resources(server: MCPServer[Any]) -> None:
    @server.resource("test://static-text", mime_type="text/plain")
    async def static_text() -> str:
        return "This is the content of the static text resource."

    @server.resource("test://static-binary", mime_type="image/png")
    async def static_binary() -> bytes:
        return square(1, (255, 0, 0))

    @server.resource("test://template/{id}/data", mime_type="application/json")
    async def template(id: str) -> dict[str, object]:  # noqa: A002  # the suite's own name
        return {"id": id, "templateTest": True, "data": f"Data for ID: {id}"}

    @server.completion()  # type: ignore[no-untyped-call, untyped-decorator]  # the SDK's own
    async def complete(_ref: object, _argument: object, _context: object) -> Completion:
        return Completion(values=["test"], total=1, has_more=False)


def _add_prompts(server: MCPServer[Any]) -> None:
    @server.prompt()
    async def test_simple_prompt() -> str:
        """Simple."""
        return "This is a simple prompt for testing."

    @server.prompt()
    async def test_prompt_with_arguments(arg1: str, arg2: str) -> str:
        """With arguments."""
        return f"Prompt with arguments: arg1='{arg1}', arg2='{arg2}'"

    @server.prompt()
    async def test_prompt_with_embedded_resource(
        resourceUri: str,  # noqa: N803  # the suite's own name
    ) -> list[prompts.Message]:
        """With a resource."""
        return [
            prompts.UserMessage(_embedded(resourceUri, "Embedded resource content for testing.")),
            prompts.UserMessage("Please process the embedded resource above."),
        ]

    @server.prompt()
    async def test_prompt_with_image() -> list[prompts.Message]:
        """With a picture."""
        return [
            prompts.UserMessage(ImageContent(type="image", data=PNG, mime_type="image/png")),
            prompts.UserMessage("Please analyze the image above."),
        ]


def main() -> None:
    hosted = hosting.host(Fixture("fixture", 0, "", ""), Settings.defaults(), port=0)
    configure_logging("warning")
    if isinstance(hosted, hosting.Absent):
        sys.exit(hosted.reason)
    address = f"fixture is running at {hosted.address}/mcp"
    hosting.run([hosted], lambda: print(address, flush=True))


if __name__ == "__main__":
    main()

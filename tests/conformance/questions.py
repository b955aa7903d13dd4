"""The suite's tools that put questions to the client and go on with its answers."""

from collections.abc import Mapping
from typing import Any

from mcp.server import MCPServer
from mcp.server.mcpserver import Context
from mcp_types import (
    ClientCapabilities,
    CreateMessageRequest,
    CreateMessageRequestParams,
    ElicitRequest,
    ElicitRequestFormParams,
    ElicitResult,
    InputRequest,
    InputRequiredResult,
    ListRootsRequest,
    SamplingMessage,
    TextContent,
)

from backend.mcp_servers.toolset import READS, Toolset

type Asking = InputRequiredResult | list[TextContent]


def form(message: str, name: str, kind: str = "string") -> ElicitRequest:
    schema = {"type": "object", "properties": {name: {"type": kind}}, "required": [name]}
    return ElicitRequest(params=ElicitRequestFormParams(message=message, requested_schema=schema))


def sampling(question: str, tokens: int) -> CreateMessageRequest:
    words = TextContent(type="text", text=question)
    return CreateMessageRequest(
        params=CreateMessageRequestParams(
            messages=[SamplingMessage(role="user", content=words)], max_tokens=tokens
        )
    )


def said(text: str) -> list[TextContent]:
    return [TextContent(type="text", text=text)]


def asking(questions: dict[str, InputRequest], state: str | None = None) -> InputRequiredResult:
    return InputRequiredResult(input_requests=questions, request_state=state)


def answers(ctx: Context[Any, Any]) -> Mapping[str, Any]:
    return ctx.input_responses or {}


def filled(answer: object, name: str) -> object | None:
    """What a form was filled with; None when it was not."""
    if isinstance(answer, ElicitResult) and answer.action == "accept" and answer.content:
        return answer.content.get(name)
    return None


def add_questions(tools: Toolset) -> None:
    _add_single(tools)
    _add_with_state(tools)
    _add_several(tools)


def _add_single(tools: Toolset) -> None:
    @tools.tool(READS, title="Form")
    async def test_input_required_result_elicitation(ctx: Context[Any, Any]) -> Asking:
        """Asks for a name."""
        name = filled(answers(ctx).get("user_name"), "name")
        if not isinstance(name, str):
            return asking({"user_name": form("What is your name?", "name")})
        return said(f"Hello, {name}!")

    @tools.tool(READS, title="Sampling")
    async def test_input_required_result_sampling(ctx: Context[Any, Any]) -> Asking:
        """Asks a model."""
        answer = answers(ctx).get("capital_question")
        if answer is None:
            return asking({"capital_question": sampling("What is the capital of France?", 100)})
        return said(str(getattr(answer.content, "text", answer.content)))

    @tools.tool(READS, title="Roots")
    async def test_input_required_result_list_roots(ctx: Context[Any, Any]) -> Asking:
        """Asks for the client's roots."""
        answer = answers(ctx).get("client_roots")
        if answer is None:
            return asking({"client_roots": ListRootsRequest()})
        return said(", ".join(str(root.uri) for root in answer.roots))


def _add_with_state(tools: Toolset) -> None:
    @tools.tool(READS, title="State")
    async def test_input_required_result_request_state(ctx: Context[Any, Any]) -> Asking:
        """Sends something along and wants it back."""
        if filled(answers(ctx).get("confirm"), "ok") is None or ctx.request_state != "asked":
            return asking({"confirm": form("Please confirm", "ok", "boolean")}, "asked")
        return said("state-ok")

    @tools.tool(READS, title="Tampered state")
    async def test_input_required_result_tampered_state(ctx: Context[Any, Any]) -> Asking:
        """The same; what comes back changed is refused before it gets here."""
        if ctx.request_state != "asked":
            return asking({"confirm": form("Please confirm", "ok", "boolean")}, "asked")
        return said("state-ok")

    @tools.tool(READS, title="Rounds")
    async def test_input_required_result_multi_round(ctx: Context[Any, Any]) -> Asking:
        """Asks twice."""
        if ctx.request_state == "second" and filled(answers(ctx).get("step2"), "color"):
            return said("done")
        if ctx.request_state == "first" and filled(answers(ctx).get("step1"), "name"):
            return asking(
                {"step2": form("Step 2: What is your favorite color?", "color")}, "second"
            )
        return asking({"step1": form("Step 1: What is your name?", "name")}, "first")


def _add_several(tools: Toolset) -> None:
    everything: dict[str, InputRequest] = {
        "user_name": form("What is your name?", "name"),
        "greeting": sampling("Generate a greeting", 50),
        "client_roots": ListRootsRequest(),
    }

    @tools.tool(READS, title="Several")
    async def test_input_required_result_multiple_inputs(ctx: Context[Any, Any]) -> Asking:
        """Asks three things at once."""
        if everything.keys() - answers(ctx).keys():
            return asking(everything, "asked")
        return said("thank you")

    @tools.tool(READS, title="Capabilities")
    async def test_input_required_result_capabilities(ctx: Context[Any, Any]) -> Asking:
        """Asks only what the client can answer."""
        able = ctx.client_capabilities or ClientCapabilities()
        possible = {
            "user_name": able.elicitation,
            "greeting": able.sampling,
            "client_roots": able.roots,
        }
        questions = {name: everything[name] for name, can in possible.items() if can is not None}
        if questions.keys() - answers(ctx).keys():
            return asking(questions)
        return said("thank you")


def add_prompt_with_a_question(server: MCPServer[Any]) -> None:
    @server.prompt()
    async def test_input_required_result_prompt(
        ctx: Context[Any, Any],
    ) -> str | InputRequiredResult:
        """Asks before it answers."""
        context = filled(answers(ctx).get("user_context"), "context")
        if context is None:
            return asking({"user_context": form("What context should the prompt use?", "context")})
        return f"Context: {context}"

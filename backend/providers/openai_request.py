"""Our question -> the body of a chat completion request. Same question, same bytes."""

from collections.abc import Sequence
from dataclasses import replace

from backend.messages import (
    AssistantStep,
    JsonObject,
    ModelRequest,
    PromptMessage,
    SystemPrompt,
    ToolCall,
    ToolReturn,
    ToolSpec,
    UserPrompt,
)

_LONGEST_RESULT = 2000
"""Characters of an old tool result that a model without tools still gets to read."""
_OF_TOOLS = ("tool_choice", "parallel_tool_calls")


def chat_body(request: ModelRequest, parameters: JsonObject, *, with_reasoning: bool) -> JsonObject:
    """What every dialect shares. Tools come before messages: the part that seldom changes first.

    `with_reasoning` sends a model's own reasoning blocks back to it, and only to it.
    """
    body: JsonObject = {"model": request.model, "stream": True, **parameters}
    if request.tools:
        body["tools"] = [_tool(spec) for spec in request.tools]
    model = request.model if with_reasoning else None
    body["messages"] = [_message(message, model) for message in request.messages]
    return body


def _tool(spec: ToolSpec) -> JsonObject:
    function: JsonObject = {
        "name": spec.name,
        "description": spec.description,
        "parameters": spec.parameters,
    }
    if spec.strict:
        function["strict"] = True
    return {"type": "function", "function": function}


def _message(message: PromptMessage, model: str | None) -> JsonObject:
    match message:
        case SystemPrompt(text):
            return {"role": "system", "content": text}
        case UserPrompt(text, context):
            return {"role": "user", "content": f"{text}\n\n{context}" if context else text}
        case ToolReturn():
            return {"role": "tool", "tool_call_id": message.call_id, "content": message.content}
        case AssistantStep():
            return _assistant(message, model)


def _assistant(step: AssistantStep, model: str | None) -> JsonObject:
    # With calls, null: an empty text next to a call is an error to some models.
    said: JsonObject = {"role": "assistant", "content": step.text or (None if step.calls else "")}
    if step.calls:
        said["tool_calls"] = [_call(call) for call in step.calls]
    if step.reasoning_details and step.model == model:
        said["reasoning_details"] = list(step.reasoning_details)
    return said


def _call(call: ToolCall) -> JsonObject:
    function = {"name": call.name, "arguments": call.arguments}
    return {"id": call.id, "type": "function", "function": function}


def without_tools(request: ModelRequest) -> ModelRequest:
    """The same question for a model that knows no tools: old calls and results become text."""
    messages: list[PromptMessage] = []
    for message in request.messages:
        match message:
            case AssistantStep():
                _append_said(messages, message.text)
            case ToolReturn():
                result = message.content[:_LONGEST_RESULT]
                _append_said(messages, f"[Result of the tool {message.name}: {result}]")
            case _:
                messages.append(message)
    extras = {name: value for name, value in request.extras.items() if name not in _OF_TOOLS}
    return replace(request, tools=(), messages=tuple(messages), extras=extras)


def _append_said(messages: list[PromptMessage], text: str) -> None:
    """Steps of one turn become one message: many chat templates insist on taking turns."""
    last = messages[-1] if messages else None
    if isinstance(last, AssistantStep):
        messages[-1] = AssistantStep(text=_joined([last.text, text]))
    else:
        messages.append(AssistantStep(text=text))


def _joined(texts: Sequence[str]) -> str:
    return "\n\n".join(text for text in texts if text)

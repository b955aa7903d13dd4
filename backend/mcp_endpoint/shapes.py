"""Our tools and what they give, in the SDK's types."""

from base64 import b64encode

import mcp_types as types

from backend.mcp_endpoint.household import Offer
from backend.toolbox.records import Outcome, RemotePrompt

UNTRUSTED = "parlor/untrusted"
"""In a tool's `_meta`: what it returns was written by strangers. As our own servers say it."""
_LONGEST = 1_000_000
"""Characters of a text; a program that reads more should ask for less."""


def tool_of(offer: Offer) -> types.Tool:
    hints, schema = offer.hints, offer.output_schema
    # Clients of the older handshake take nothing but objects.
    is_object = schema is not None and schema.get("type") == "object"
    return types.Tool(
        name=offer.spec.name,
        title=offer.title or None,
        description=offer.spec.description,
        input_schema=offer.spec.parameters,
        output_schema=schema if is_object else None,
        annotations=types.ToolAnnotations(
            title=offer.title or None,
            read_only_hint=hints.read_only,
            destructive_hint=hints.destructive,
            idempotent_hint=hints.idempotent,
            open_world_hint=hints.open_world,
        ),
        _meta={UNTRUSTED: True} if offer.is_untrusted else None,
    )


def prompt_of(name: str, prompt: RemotePrompt) -> types.Prompt:
    return types.Prompt(
        name=name,
        title=prompt.title or None,
        description=prompt.description or None,
        arguments=[
            types.PromptArgument(
                name=one.name, description=one.description or None, required=one.required
            )
            for one in prompt.arguments
        ],
    )


def result_of(outcome: Outcome) -> types.CallToolResult:
    text = outcome.text
    if len(text) > _LONGEST:
        text = f"{text[:_LONGEST]}\n[{len(text) - _LONGEST} more characters were left out]"
    content: list[types.ContentBlock] = [types.TextContent(text=text)]
    for one in outcome.attachments:
        kind = types.ImageContent if one.kind == "image" else types.AudioContent
        content.append(kind(data=b64encode(one.data).decode(), mime_type=one.mime_type))
    if outcome.failed:
        return types.CallToolResult(content=content, is_error=True)
    if isinstance(outcome.structured, dict):
        return types.CallToolResult(content=content, structured_content=outcome.structured)
    return types.CallToolResult(content=content)

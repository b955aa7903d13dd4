"""Prompts and resources of a server as plain text, for a person's message.

Loaded with the SDK, when the first server is configured.
"""

import base64
import binascii

import mcp_types as types

from backend.toolbox.records import PromptText, ResourceText
from backend.toolbox.results import outcome_of

_LONGEST_PROMPT = 100_000
_SPEAKERS = {"user": "User", "assistant": "Assistant"}
_TEXTUAL = ("json", "xml", "yaml", "toml", "javascript", "csv", "markdown")


def prompt_text(result: types.GetPromptResult) -> PromptText:
    """Its messages as one text. Where both sides speak, each part says who."""
    is_talk = any(message.role == "assistant" for message in result.messages)
    parts = []
    for message in result.messages:
        text = outcome_of(types.CallToolResult(content=[message.content]), None).text
        parts.append(f"{_SPEAKERS[message.role]}: {text}" if is_talk else text)
    whole = "\n\n".join(parts).replace("\0", "")
    return PromptText(whole[:_LONGEST_PROMPT], (result.description or "")[:1000])


def resource_text(result: types.ReadResourceResult) -> ResourceText:
    """All texts in it. Blocks for as long as decoding takes."""
    texts: list[str] = []
    kinds: list[str] = []
    others: list[str] = []
    for part in result.contents:
        kind = part.mime_type or ""
        text = part.text if isinstance(part, types.TextResourceContents) else _decoded(part)
        if text is None:
            others.append(kind or "unknown data")
        else:
            texts.append(text)
            kinds.append(kind)
    if not texts and others:
        return ResourceText("", others[0][:200], binary=", ".join(others)[:200])
    kind = kinds[0] if len(set(kinds)) == 1 else ""
    return ResourceText("\n\n".join(texts).replace("\0", ""), kind[:200])


def _decoded(part: types.BlobResourceContents) -> str | None:
    """Some servers send also text as base64."""
    kind = (part.mime_type or "").lower()
    if not (kind.startswith("text/") or any(word in kind for word in _TEXTUAL)):
        return None
    try:
        return base64.b64decode(part.blob, validate=True).decode()
    except (binascii.Error, UnicodeDecodeError):
        return None

"""What a tool gave: text that a model reads, pictures and sounds for people.

Loaded with the SDK, when the first server is configured.
"""

import binascii
import sys
import time
from collections.abc import Callable
from importlib import import_module
from types import FrameType
from typing import Any, Literal

import mcp_types as types
import orjson
from referencing import Registry

from backend.messages import JsonObject
from backend.toolbox.records import Attachment, Outcome, size_words

_validators: Any = import_module("jsonschema.validators")  # untyped; the SDK needs it as well
_exceptions: Any = import_module("jsonschema.exceptions")
_CHECKED = 1_000_000
_PATIENCE_SECONDS = 1.0
_LARGEST = 8_000_000
_LARGEST_IN_ALL = 12_000_000
_MOST = 8
"""Pictures and sounds of one call, and their bytes."""


def outcome_of(result: types.CallToolResult, schema: JsonObject | None) -> Outcome:
    """Blocks for as long as a large structured result takes to check."""
    room = _Room()
    said = tuple(part for part in (_part_of(block, room) for block in result.content) if part)
    structured = result.structured_content
    if structured is not None and not said:
        said = (_json(structured),)
    if result.is_error:
        return Outcome(said or ("The tool failed without saying why.",), failed=True)
    wrong = "" if schema is None else violation(schema, result)
    if wrong:
        words = f"The tool's answer is not what it promises ({wrong}). What it gave:"
        said = (words, *said)
    return Outcome(
        said or ("The tool is done; it gave no text.",), failed=bool(wrong), structured=structured
    )


class _Room:
    """For the pictures and sounds of one call."""

    def __init__(self) -> None:
        self._count = 0
        self._size = 0

    def take(
        self, kind: Literal["image", "audio"], mime_type: str, base64: str
    ) -> str | Attachment:
        about = f"{kind}, {mime_type[:80]}"
        size = _size(base64)
        if size > _LARGEST or self._size + size > _LARGEST_IN_ALL:
            return f"[{about}, {size_words(size)}, too large to show]"
        if self._count >= _MOST:
            return f"[{about}, {size_words(size)}, one too many to show]"
        try:
            data = binascii.a2b_base64("".join(base64.split()), strict_mode=True)
        except ValueError:
            return f"[{about}, which cannot be read: it is not valid base64]"
        self._count += 1
        self._size += len(data)
        return Attachment(kind, mime_type, data)


def _part_of(block: types.ContentBlock, room: _Room) -> str | Attachment:
    match block:
        case types.TextContent(text=text):
            return text
        case types.ImageContent(data=data, mime_type=mime):
            return room.take("image", mime, data)
        case types.AudioContent(data=data, mime_type=mime):
            return room.take("audio", mime, data)
        case types.ResourceLink():
            about = ": ".join(filter(None, (block.title or block.name, block.description)))
            kind = f", {block.mime_type}" if block.mime_type else ""
            return f"[resource {block.uri}{kind}] {about}"
        case types.EmbeddedResource(resource=types.TextResourceContents(uri=uri, text=text)):
            return f"[resource {uri}]\n{text}"
        case types.EmbeddedResource(resource=types.BlobResourceContents(uri=uri) as blob):
            mime = blob.mime_type or ""
            if mime.startswith("image/"):
                return room.take("image", mime, blob.blob)
            if mime.startswith("audio/"):
                return room.take("audio", mime, blob.blob)
            return f"[resource {uri}, {mime or 'binary'}, {size_words(_size(blob.blob))}]"
        case _:
            return "[content of a kind that Parlor does not know]"


def _size(base64: str) -> int:
    return len(base64) * 3 // 4


def _json(value: object) -> str:
    try:
        return orjson.dumps(value, option=orjson.OPT_INDENT_2).decode()
    except (orjson.JSONEncodeError, RecursionError):
        return str(value)


def violation(schema: JsonObject, result: types.CallToolResult) -> str:
    """Where the structured result breaks the tool's own schema; "" where it does not.

    A schema that cannot be used is the server's fault, not this result's.
    """
    if "structured_content" not in result.model_fields_set:
        return "it has an output schema and gave no structured content"
    if len(_json(result.structured_content)) > _CHECKED:
        return ""
    try:
        safe = _defused(schema)
        # An empty registry: a reference into the network is never followed.
        validator = _validators.validator_for(safe)(safe, registry=Registry())
        with _Budget(_PATIENCE_SECONDS):
            error = _exceptions.best_match(validator.iter_errors(result.structured_content))
    except Exception:  # noqa: BLE001  # whatever a stranger's schema makes the library do
        return ""
    if error is None:
        return ""
    where = "/".join(str(step) for step in error.absolute_path)
    return f"{where[:100]}: {error.message[:200]}" if where else error.message[:200]


def _defused(schema: object) -> Any:
    """Without regular expressions: a stranger's may run for ever."""
    if isinstance(schema, list):
        return [_defused(part) for part in schema]
    if not isinstance(schema, dict):
        return schema
    safe = {}
    for name, part in schema.items():
        if name in ("pattern", "format") and isinstance(part, str):
            continue
        if name in ("const", "enum", "default", "examples"):
            safe[name] = part
        elif name in ("additionalProperties", "unevaluatedProperties"):
            # What a pattern would have admitted must not count as one property too many.
            if "patternProperties" not in schema:
                safe[name] = _defused(part)
        elif name != "patternProperties":
            safe[name] = _defused(part)
    return safe


class _Budget:
    """Ends pure Python code of this thread after a while: a schema can ask for work without end."""

    def __init__(self, seconds: float) -> None:
        self._seconds = seconds
        self._before: Callable[..., Any] | None = None

    def __enter__(self) -> None:
        end = time.monotonic() + self._seconds
        self._before = sys.gettrace()

        def watch(_frame: FrameType, _event: str, _argument: object) -> None:
            if time.monotonic() > end:
                raise TimeoutError

        sys.settrace(watch)

    def __exit__(self, *_: object) -> None:
        sys.settrace(self._before)

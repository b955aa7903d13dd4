"""Things that arrive in fragments and are wanted whole: tool calls and reasoning blocks."""

from collections.abc import Callable
from dataclasses import dataclass, field

import orjson

from backend.messages import JsonObject, ToolCall
from backend.providers.errors import garbled

_SHOWN = ("text", "summary")
_GROWING = ("text", "summary", "signature", "data")
"""Fields of a reasoning block that are streamed in pieces; all others are said once."""


@dataclass(slots=True)
class _Call:
    id: str = ""
    name: str = ""
    arguments: list[str] = field(default_factory=list)


class ToolCalls:
    """The calls of one answer. Fragments name their call by index, by id, or not at all."""

    __slots__ = ("_by_index", "_calls", "_new_id")

    def __init__(self, new_id: Callable[[], str]) -> None:
        self._new_id = new_id
        self._calls: list[_Call] = []
        self._by_index: dict[int, _Call] = {}

    def __bool__(self) -> bool:
        return bool(self._calls)

    def take(self, fragments: object) -> None:
        if not isinstance(fragments, list):
            raise garbled("tool calls that are not a list")
        for fragment in fragments:
            if not isinstance(fragment, dict):
                raise garbled("a tool call that is not an object")
            function = fragment.get("function")
            self._add(fragment, function if isinstance(function, dict) else {})

    def whole(self) -> list[ToolCall]:
        """In the order of their first fragments. Some servers give two calls one id: results could
        not be told apart then, so the second gets another."""
        if any(not call.name for call in self._calls):
            raise garbled("a tool call without a name")
        calls: dict[str, ToolCall] = {}
        for call in self._calls:
            call_id = self._new_id() if call.id in ("", *calls) else call.id
            arguments = "".join(call.arguments).strip() or "{}"
            calls[call_id] = ToolCall(id=call_id, name=call.name, arguments=arguments)
        return list(calls.values())

    def _add(self, fragment: JsonObject, function: JsonObject) -> None:
        call_id, name = _text(fragment.get("id")), _text(function.get("name"))
        call = self._find(fragment.get("index"), call_id, name)
        call.id = call.id or call_id
        call.name = call.name or name
        arguments = function.get("arguments")
        if isinstance(arguments, str):
            call.arguments.append(arguments)
        elif arguments is not None:
            call.arguments.append(orjson.dumps(arguments).decode())

    def _find(self, index: object, call_id: str, name: str) -> _Call:
        if isinstance(index, int):
            known = self._by_index.get(index)
            # Some servers number every call 0: another id with a name is another call.
            if known is None or (call_id and name and known.id and call_id != known.id):
                known = self._by_index[index] = self._open()
            return known
        if call_id:
            return next((call for call in self._calls if call.id == call_id), None) or self._open()
        if name or not self._calls:
            return self._open()
        return self._calls[-1]

    def _open(self) -> _Call:
        call = _Call()
        self._calls.append(call)
        return call


@dataclass(slots=True)
class _Block:
    fields: JsonObject
    growing: dict[str, list[str]]

    def continues(self, fragment: JsonObject) -> bool:
        fields = self.fields
        if fields.get("type") != fragment.get("type"):
            return False
        if fields.get("index") != fragment.get("index"):
            return False
        ours, theirs = fields.get("id"), fragment.get("id")
        if ours and theirs and ours != theirs:
            return False
        # A signature closes a block: text after it starts the next one.
        return not (self.growing.get("signature") and fragment.get("text"))

    def grow(self, fragment: JsonObject) -> None:
        for key, value in fragment.items():
            if key in _GROWING and isinstance(value, str):
                if value:
                    self.growing.setdefault(key, []).append(value)
                self.fields.setdefault(key, value)
            elif self.fields.get(key) is None:
                self.fields[key] = value

    def whole(self) -> JsonObject:
        return self.fields | {key: "".join(pieces) for key, pieces in self.growing.items()}


class ReasoningBlocks:
    """`reasoning_details` of one answer, put together as the non-streaming API returns them."""

    __slots__ = ("_blocks",)

    def __init__(self) -> None:
        self._blocks: list[_Block] = []

    def take(self, fragments: object) -> str:
        """Keep the fragments; returns what of them is meant for people's eyes."""
        if not isinstance(fragments, list):
            raise garbled("reasoning details that are not a list")
        shown = ""
        for fragment in fragments:
            if not isinstance(fragment, dict):
                raise garbled("a reasoning detail that is not an object")
            self._add(fragment)
            shown += "".join(_text(fragment.get(key)) for key in _SHOWN)
        return shown

    def whole(self) -> tuple[JsonObject, ...]:
        return tuple(block.whole() for block in self._blocks)

    def _add(self, fragment: JsonObject) -> None:
        block = self._continued(fragment)
        if block is None:
            block = _Block(fields={}, growing={})
            self._blocks.append(block)
        block.grow(fragment)

    def _continued(self, fragment: JsonObject) -> _Block | None:
        if fragment.get("index") is None:
            # Without a number only neighbours belong together, and sealed data never does.
            last = self._blocks[-1] if self._blocks else None
            sealed = fragment.get("type") == "reasoning.encrypted"
            return last if last and not sealed and last.continues(fragment) else None
        return next((block for block in reversed(self._blocks) if block.continues(fragment)), None)


def _text(value: object) -> str:
    return value if isinstance(value, str) else ""

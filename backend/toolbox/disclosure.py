"""Many tools, few words: a model finds a tool, reads about it and calls it by name.

What it is told of stays the same whatever servers come and go, so that the provider's prompt cache
holds. A call by name is unwrapped before anything else looks at it.
"""

import re
from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

import orjson

from backend.kit.errors import InvalidInputError, NotFoundError
from backend.messages import JsonObject, ToolCall, ToolSpec
from backend.toolbox.naming import valid_name
from backend.toolbox.paging import READ_MORE

_MOST_FOUND = 20
_FIRST_WORDS = 160
_SEARCHED = 2000
_MOST_WORDS = 40
_WORD = re.compile(r"\w+")

FIND = ToolSpec(
    "find_tools",
    "Searches the many tools that are not listed here: calendars, mail, files, the house, whatever"
    " is connected. Search before you say that something cannot be done. Without a query it tells"
    " which servers there are.",
    {
        "type": "object",
        "properties": {
            "query": {"type": "string", "description": "A few words: what the tool should do."}
        },
        "additionalProperties": False,
    },
)
DESCRIBE = ToolSpec(
    "describe_tool",
    "Tells what a tool does and which arguments it takes. Read this before the first call.",
    {
        "type": "object",
        "properties": {"name": {"type": "string", "description": "As find_tools gave it."}},
        "required": ["name"],
        "additionalProperties": False,
    },
)
CALL = ToolSpec(
    "call_tool",
    "Calls a tool that is not listed here, with the arguments that describe_tool told.",
    {
        "type": "object",
        "properties": {
            "name": {"type": "string", "description": "As find_tools gave it."},
            "arguments": {"type": "object", "description": "What the tool itself takes."},
        },
        "required": ["name", "arguments"],
        "additionalProperties": False,
    },
)
AIDS = (FIND, DESCRIBE, CALL)
RESERVED = frozenset({READ_MORE.name, *(aid.name for aid in AIDS)})
"""Names that no server's tool may have."""


@dataclass(frozen=True, slots=True)
class Entry:
    """A tool that is not listed. `is_known`: somebody vouches for its words."""

    spec: ToolSpec
    server: str
    title: str
    is_known: bool


def definition_size(spec: ToolSpec) -> int:
    """Characters that a model reads before its first word, about."""
    return len(spec.name) + len(spec.description) + len(orjson.dumps(spec.parameters))


# --- calling by name ------------------------------------------------------------------------------


def unwrapped(call: ToolCall) -> ToolCall:
    """The call that one of `call_tool` stands for; one that makes no sense stays as it is."""
    try:
        given = orjson.loads(call.arguments)
        name, inner = given["name"], given.get("arguments") or {}
        if isinstance(inner, str):  # many models write JSON into JSON
            inner = orjson.loads(inner)
    except (orjson.JSONDecodeError, KeyError, TypeError, AttributeError):
        return call
    if not isinstance(name, str) or valid_name(name) != name or not isinstance(inner, dict):
        return call
    return call if name in RESERVED else ToolCall(call.id, name, orjson.dumps(inner).decode())


def wrapped(call: ToolCall) -> ToolCall:
    """The other way round, for a model that is told of `call_tool` and not of the tool."""
    name, inner = orjson.dumps(call.name).decode(), call.arguments
    try:
        is_object = isinstance(orjson.loads(inner or "{}"), dict)
    except orjson.JSONDecodeError:
        is_object = False
    inner = (inner or "{}") if is_object else orjson.dumps(inner).decode()
    return ToolCall(call.id, CALL.name, f'{{"name":{name},"arguments":{inner}}}')


def malformed() -> InvalidInputError:
    return InvalidInputError(
        f"{CALL.name} needs `name`, a tool that {FIND.name} gave, and `arguments`, an object."
    )


# --- looking for one ------------------------------------------------------------------------------


def found(entries: Sequence[Entry], arguments: JsonObject) -> str:
    """Raises InvalidInputError."""
    query = arguments.get("query", "")
    if not isinstance(query, str):
        raise InvalidInputError(f"{FIND.name} needs a `query`, a text.")
    words = list(dict.fromkeys(_words(query[:_SEARCHED])))[:_MOST_WORDS]
    if not words:
        return _json({"servers": _servers(entries)})
    ranked = sorted(
        ((score, entry) for entry in entries if (score := _score(entry, words))),
        key=lambda one: (-one[0], one[1].spec.name),
    )
    if not ranked:
        return _json({"tools": [], "note": "Nothing fits.", "servers": _servers(entries)})
    answer: JsonObject = {"tools": [_brief(entry) for _, entry in ranked[:_MOST_FOUND]]}
    if len(ranked) > _MOST_FOUND:
        answer["note"] = f"{len(ranked) - _MOST_FOUND} more fit; search with other words."
    return _json(answer)


def described(entries: Iterable[Entry], arguments: JsonObject) -> str:
    """Raises InvalidInputError, NotFoundError."""
    name = arguments.get("name")
    if not isinstance(name, str):
        raise InvalidInputError(f"{DESCRIBE.name} needs a `name`.")
    entry = next((entry for entry in entries if entry.spec.name == name), None)
    if entry is None:
        raise NotFoundError(f"There is no tool named {name[:64]}. {FIND.name} tells which exist.")
    spec = entry.spec
    return _json(
        {
            "name": spec.name,
            "server": entry.server,
            "title": entry.title,
            "description": spec.description,
            "arguments": spec.parameters,
        }
    )


def name_in(call: ToolCall) -> str:
    """Which tool a call of `describe_tool` was about."""
    try:
        return str(orjson.loads(call.arguments)["name"])
    except (orjson.JSONDecodeError, KeyError, TypeError):
        return ""


def _words(text: str) -> list[str]:
    return _WORD.findall(text.replace("_", " ").casefold())


def _score(entry: Entry, words: Sequence[str]) -> int:
    """How well it fits: its name counts most. Words of strangers are not searched."""
    name = f" {' '.join(_words(entry.spec.name))} "
    title = f"{entry.title} {entry.server}".casefold()
    description = entry.spec.description[:_SEARCHED].casefold() if entry.is_known else ""
    score = 0
    for word in words:
        if f" {word} " in name:
            score += 8
        elif word in name:
            score += 5
        elif entry.is_known and word in title:
            score += 3
        elif len(word) > 2 and (word in description or word.removesuffix("s") in description):
            score += 1
    return score


def _brief(entry: Entry) -> JsonObject:
    """A description that nobody vouches for is read one at a time: that is noticed."""
    about: JsonObject = {"name": entry.spec.name}
    if entry.is_known:
        text = " ".join(entry.spec.description.split())
        about |= {"server": entry.server, "does": text[:_FIRST_WORDS]}
    return about


def _servers(entries: Iterable[Entry]) -> JsonObject:
    """Server -> how many tools it has; names that a server gave itself are left out."""
    count = Counter(entry.server if entry.is_known else "others" for entry in entries)
    return dict(sorted(count.items()))


def _json(answer: JsonObject) -> str:
    return orjson.dumps(answer).decode()

"""The entries of a file of servers, each with its line, also where the file is broken."""

import json
import re
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any, override

_SERVERS = re.compile(r'"servers"\s*:\s*\[')
_SKIPPED = re.compile(r"[\s,]*")
_ID = re.compile(r'\s*\{\s*"id"\s*:\s*"([^"\n]{1,40})"')


@dataclass(frozen=True, slots=True)
class Problem:
    """`entry`: the id where it could be read."""

    line: int
    entry: str
    reason: str

    @override
    def __str__(self) -> str:
        name = f" ({self.entry})" if self.entry else ""
        return f"line {self.line}{name}: {self.reason}"


def entries(text: str) -> Iterator[tuple[int, dict[str, Any] | Problem]]:
    """Each entry with its line. One that is no JSON is a Problem, and the search goes on after it."""
    found = _SERVERS.search(text)
    if found is None:
        return
    decoder = json.JSONDecoder()
    at = _past_space(text, found.end())
    while at < len(text) and text[at] != "]":
        try:
            entry, end = decoder.raw_decode(text, at)
        except json.JSONDecodeError as error:
            yield error.lineno, Problem(error.lineno, _id_near(text, at), f"{error.msg} (JSON)")
            at = _next_entry(text, max(error.pos, at + 1), decoder)
            continue
        if isinstance(entry, dict):
            yield _line(text, at), entry
        else:
            line = _line(text, at)
            yield line, Problem(line, "", "an entry must be an object")
        at = _past_space(text, end)


def _past_space(text: str, at: int) -> int:
    skipped = _SKIPPED.match(text, at)
    return skipped.end() if skipped else at


def _next_entry(text: str, at: int, decoder: json.JSONDecoder) -> int:
    """Where the next readable object with an id begins, else the end."""
    while (at := text.find("{", at)) >= 0:
        try:
            entry, _ = decoder.raw_decode(text, at)
        except json.JSONDecodeError:
            entry = None
        if isinstance(entry, dict) and "id" in entry:
            return at
        at += 1
    return len(text)


def _id_near(text: str, at: int) -> str:
    found = _ID.match(text, at)
    return found[1] if found else ""


def _line(text: str, at: int) -> int:
    return text.count("\n", 0, at) + 1

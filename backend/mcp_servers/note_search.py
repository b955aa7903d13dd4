"""Search in notes: a ranked look through their texts, which are kept folded in memory.

Simpler than an index of its own, and at the size of a household's notes just as quick.
"""

import re
from collections.abc import Sequence
from dataclasses import dataclass

from backend.kit.errors import AppError
from backend.kit.folding import folded
from backend.mcp_servers.folders import Parts
from backend.mcp_servers.note_folder import Entry, NoteFolder

_MOST_KEPT = 16_000_000
"""Characters in memory; notes beyond are read again each time."""
_SNIPPET = 240
_WORD = re.compile(r'"([^"]+)"|(\S+)')
_NAME_WEIGHT = 20


@dataclass(frozen=True, slots=True)
class Found:
    entry: Entry
    line: int
    snippet: str


@dataclass(frozen=True, slots=True)
class _Folded:
    stamp: tuple[int, int, int]
    text: str


class NoteSearch:
    def __init__(self, folder: NoteFolder) -> None:
        self._folder = folder
        self._kept: dict[Parts, _Folded] = {}
        self._size = 0

    def find(self, query: str, limit: int) -> tuple[int, list[Found]]:
        """How many notes have one of the words, and the best of them; all words count most."""
        words = [folded(quoted or plain) for quoted, plain in _WORD.findall(query)]
        entries = self._folder.entries()
        self._forget_all_but(entries)
        ranked = []
        for entry in entries:
            score = _score(words, folded(entry.name), self._text(entry))
            if score[0]:
                ranked.append((score, entry))
        ranked.sort(key=lambda pair: (-pair[0][0], -pair[0][1], pair[1].parts))
        best = [found for _, entry in ranked[:limit] if (found := self._show(entry, words))]
        return len(ranked), best

    def _text(self, entry: Entry) -> str:
        known = self._kept.get(entry.parts)
        if known and known.stamp == entry.stamp:
            return known.text
        try:
            text = folded(self._folder.read_parts(entry.parts).text)
        except AppError:
            text = ""  # too large, or gone since it was listed; its name still counts
        self._keep(entry, text)
        return text

    def _keep(self, entry: Entry, text: str) -> None:
        before = self._kept.pop(entry.parts, None)
        self._size -= len(before.text) if before else 0
        if self._size + len(text) <= _MOST_KEPT:
            self._kept[entry.parts] = _Folded(entry.stamp, text)
            self._size += len(text)

    def _forget_all_but(self, entries: Sequence[Entry]) -> None:
        for gone in self._kept.keys() - {entry.parts for entry in entries}:
            self._size -= len(self._kept.pop(gone).text)

    def _show(self, entry: Entry, words: Sequence[str]) -> Found | None:
        try:
            lines = self._folder.read_parts(entry.parts).text.split("\n")
        except AppError:
            return Found(entry, 1, "")
        best = max(range(len(lines)), key=lambda i: (_hits(words, folded(lines[i])), -i))
        return Found(entry, best + 1, _cut(lines[best].strip(), words))


def _hits(words: Sequence[str], text: str) -> int:
    return sum(word in text for word in words)


def _score(words: Sequence[str], name: str, text: str) -> tuple[int, float]:
    """How many of the words there are, then how often for the length."""
    present, weight = 0, 0.0
    for word in words:
        in_name, in_text = word in name, word in text
        if in_name or in_text:
            present += 1
            often = text.count(word) if in_text else 0
            weight += _NAME_WEIGHT * in_name + often / (often + 2 + len(text) / 5000) * 10
    return present, weight


def _cut(line: str, words: Sequence[str]) -> str:
    if len(line) <= _SNIPPET:
        return line
    low = folded(line)
    first = min((at for word in words if (at := low.find(word)) >= 0), default=0)
    start = max(0, min(first, len(line)) - _SNIPPET // 3)
    piece = line[start : start + _SNIPPET]
    return ("…" if start else "") + piece + ("…" if start + _SNIPPET < len(line) else "")

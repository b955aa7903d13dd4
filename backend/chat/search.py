"""Full-text search: what is found, what a person types to find it, and what they are shown of it."""

import re
from collections.abc import Mapping, Sequence
from functools import cache
from itertools import islice

import orjson

from backend.chat.records import ExcerptRun
from backend.db.database import Connection
from backend.kit.folding import folded

_TEXT = "(?, ?)"
_INDEX = """
    WITH said (id, text) AS (VALUES (?, ?))
    INSERT OR REPLACE INTO message_text (rowid, text)
    SELECT messages.number, said.text FROM said CROSS JOIN messages USING (id)
"""
_NEWEST = """
    SELECT m.conversation_id, max(m.number) FROM message_text f JOIN messages m ON m.number = f.rowid
    WHERE message_text MATCH ? GROUP BY m.conversation_id
"""
_TEXTS = "SELECT rowid, text FROM message_text WHERE rowid IN (SELECT value FROM json_each(?))"
_WORD = re.compile(r"[^\W_]+")
_MARKDOWN = re.compile(r"\*\*|~~|`+|^#{1,6} ", re.MULTILINE)
_BLANK = re.compile(r"\s+")
_LEAD, _LENGTH = 32, 160
_MATCHES_SEEN = 50


def as_match(text: str) -> str:
    """Every word must occur; the last one may be unfinished. Never FTS5 syntax."""
    words = [word.replace('"', '""') for word in text.split()]
    return " ".join(f'"{word}"' for word in words) + ("*" if words else "")


def as_any_match(text: str) -> str:
    """One of the words must occur; how many do is the ranking's business."""
    words = [word.replace('"', '""') for word in text.split()]
    return " OR ".join(f'"{word}"' for word in words)


def index_texts(connection: Connection, texts: Sequence[tuple[str, str]]) -> None:
    """Make messages (id, text) findable by their text; one that does not exist is left out."""
    if texts:
        connection.execute(
            _INDEX.replace(_TEXT, ", ".join([_TEXT] * len(texts))),
            [value for message in texts for value in message],
        )


def newest_with(connection: Connection, text: str) -> dict[str, int]:
    """The number of the newest message that has all the words, by conversation; of everybody."""
    match = as_match(text)
    return dict(connection.execute(_NEWEST, (match,)).fetchall()) if match else {}


def excerpts(
    connection: Connection, text: str, numbers: Mapping[str, int]
) -> dict[str, list[ExcerptRun]]:
    """What those messages, by conversation, say around the words.

    The words are looked for here again: SQLite's own `snippet` would search all messages once more.
    """
    wanted = orjson.dumps(list(numbers.values())).decode()
    texts = dict(connection.execute(_TEXTS, (wanted,)).fetchall())
    words = _as_pattern(text)
    found = {key: excerpt(texts.get(number, ""), words) for key, number in numbers.items()}
    return {key: runs for key, runs in found.items() if runs}


def excerpt(text: str, words: re.Pattern[str]) -> list[ExcerptRun]:
    """The part with most of the words; few letters before the first, so that it is seen where there
    is little room. Empty where none is found."""
    matches = list(islice(words.finditer(_alike(text)), _MATCHES_SEEN))
    if not matches:
        return []
    near = [_near(matches[at:]) for at in range(len(matches))]
    best = max(near, key=lambda some: len({match.lastgroup for match in some}))
    at = best[0].start() - _LEAD
    # A word that is cut off says nothing.
    at = 0 if at <= 0 else at + len(text[at : best[0].start()].partition(" ")[0]) + 1
    at = min(at, best[0].start())
    end = at + _LENGTH
    runs = [("…" if at else "", False)]
    for match in best:
        runs += [(text[at : match.start()], False), (text[match.start() : match.end()], True)]
        at = match.end()
    runs.append((text[at:end] + ("…" if end < len(text) else ""), False))
    return [
        ExcerptRun(text=shown[:_LENGTH], found=found)
        for raw, found in runs
        if (shown := _plain(raw))
    ]


def _near(matches: Sequence[re.Match[str]]) -> list[re.Match[str]]:
    end = matches[0].start() + _LENGTH - _LEAD
    return [matches[0], *(match for match in matches[1:] if match.end() <= end)]


def _plain(text: str) -> str:
    """In one line, without the signs that markdown is written with."""
    return _BLANK.sub(" ", _MARKDOWN.sub("", text))


def _as_pattern(text: str) -> re.Pattern[str]:
    """What `as_match` fits, a named group for each word."""
    found = [_WORD.findall(_alike(word)) for word in text.split()]
    words = [r"[\W_]+".join(parts) for parts in found if parts]
    if not words:
        return re.compile("(?!)")
    ends = [*[r"(?![^\W_])"] * (len(words) - 1), r"[^\W_]*"]
    groups = (f"(?P<word{at}>{word}{ends[at]})" for at, word in enumerate(words))
    return re.compile(rf"(?<![^\W_])(?:{'|'.join(groups)})")


def _alike(text: str) -> str:
    """As the index compares words, letter by letter: nothing changes its place."""
    lower = text.lower()
    if len(lower) != len(text):  # a few letters grow
        lower = "".join(low if len(low := letter.lower()) == 1 else letter for letter in text)
    return lower if lower.isascii() else lower.translate(_bare_letters())


@cache
def _bare_letters() -> dict[int, str]:
    """Latin, Greek and Cyrillic ones with an accent."""
    codes = (*range(0xC0, 0x530), *range(0x1E00, 0x2000))
    return {code: bare for code in codes if len(bare := folded(chr(code))) == 1}

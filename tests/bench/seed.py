"""Fills a stopped server's database: 1,000 conversations, 50,000 messages, one of them long."""

import random
import sqlite3
import time
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import orjson

CONVERSATIONS = 1000
BIG = "conv_bench_big"
BIG_MESSAGES = 1000
BIG_LENGTH = 2000
MESSAGES = 49
"""In each of the other conversations; 50,000 in all, nearly."""

_SYLLABLES = [
    "ka",
    "lo",
    "mi",
    "ra",
    "te",
    "su",
    "no",
    "ve",
    "di",
    "pa",
    "go",
    "fe",
    "lu",
    "zi",
    "bo",
    "ne",
]
_WORDS = [
    first + second + third for first in _SYLLABLES for second in _SYLLABLES for third in _SYLLABLES
]


def common_word(rank: int) -> str:
    return _WORDS[rank]


def rare_word(rank: int) -> str:
    return _WORDS[-1 - rank]


def prose(dice: random.Random, words: int) -> str:
    """Words as unevenly spread as in a language."""
    size = len(_WORDS)
    return " ".join(_WORDS[int(size ** dice.random()) - 1] for _ in range(words))


def database_of(state: Path) -> Path:
    found = [path for path in state.rglob("*") if path.suffix in (".db", ".sqlite3", ".sqlite")]
    if len(found) != 1:
        raise FileNotFoundError(f"expected one database below the state directory, found {found}")
    return found[0]


def fill(state: Path, *, everything: bool) -> None:
    """Without `everything` the short conversations stay empty of messages (quick runs)."""
    dice = random.Random(7)  # noqa: S311  # the same data in every run
    now = int(time.time() * 1000)
    with closing(sqlite3.connect(database_of(state))) as connection:
        owner = connection.execute("SELECT id FROM users").fetchone()[0]
        for number in range(CONVERSATIONS):
            big = number == 0
            conversation = BIG if big else f"conv_bench_{number:04d}"
            moment = now - number * 60_000
            connection.execute(
                "INSERT INTO conversations (id, owner_id, title, title_source, model, created_at,"
                " updated_at) VALUES (?, ?, ?, 'auto', 'bench/model', ?, ?)",
                (conversation, owner, prose(dice, 6), moment, moment),
            )
            if big:
                insert(connection, conversation, moment, long_texts(dice))
            elif everything:
                insert(connection, conversation, moment, short_texts(dice))
        connection.commit()


def long_texts(dice: random.Random) -> Iterator[str]:
    for _ in range(BIG_MESSAGES):
        yield prose(dice, BIG_LENGTH // 7)


def short_texts(dice: random.Random) -> Iterator[str]:
    for _ in range(MESSAGES):
        yield prose(dice, dice.randint(10, 110))


def insert(
    connection: sqlite3.Connection, conversation: str, moment: int, texts: Iterator[str]
) -> None:
    parent = None
    usage = orjson.dumps(
        {
            "prompt_tokens": 20,
            "completion_tokens": 100,
            "reasoning_tokens": 0,
            "cached_tokens": 0,
            "cost": 0.0001,
        }
    ).decode()
    for place, text in enumerate(texts):
        role = "assistant" if place % 2 else "user"
        message = f"msg_{conversation}_{place}"
        parts = orjson.dumps([{"type": "text", "text": text}]).decode()
        answer = (usage, "bench/model", "stop") if place % 2 else (None, None, None)
        row = connection.execute(
            "INSERT INTO messages (id, conversation_id, parent_id, role, status, parts, usage,"
            " model, finish_reason, created_at) VALUES (?, ?, ?, ?, 'complete', ?, ?, ?, ?, ?)",
            (message, conversation, parent, role, parts, *answer, moment),
        )
        connection.execute(
            "INSERT INTO message_text (rowid, text) VALUES (?, ?)", (row.lastrowid, text)
        )
        parent = message
    connection.execute("UPDATE conversations SET leaf_id = ? WHERE id = ?", (parent, conversation))

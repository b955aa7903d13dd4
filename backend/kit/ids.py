"""Identifiers: sortable by age, unguessable, with a prefix for human eyes that nothing parses."""

import secrets
from datetime import datetime

from backend.kit.clock import Clock, to_millis

_ALPHABET = "0123456789abcdefghjkmnpqrstvwxyz"
"""Crockford's base 32 in lower case: sorts like the number it stands for."""


def new_id(prefix: str, clock: Clock) -> str:
    """`prefix_` + 10 characters of time + 16 characters (80 bits) of chance."""
    return _written(prefix, to_millis(clock.now()) << 80 | secrets.randbits(80))


def first_id(prefix: str, moment: datetime) -> str:
    """Sorts before every id of that moment or later, and after all earlier ones."""
    return _written(prefix, to_millis(moment) << 80)


def _written(prefix: str, number: int) -> str:
    text = ""
    for _ in range(26):
        text = _ALPHABET[number & 31] + text
        number >>= 5
    return f"{prefix}_{text}"

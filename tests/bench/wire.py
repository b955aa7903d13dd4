"""What upstream and load client agree on: how a prompt asks for an answer, how a token looks.

A prompt holds `bench:MODE:GAP_MS:TOKENS`. Every token of the answer is 15 characters: a mark, the
microsecond it was written at (monotonic clock, the same for all processes of one machine), its
index and a space. So a client can tell the age of each token and that none is missing.
"""

import re
import time

ASK = re.compile(rb"bench:(\w+):(\d+):(\d+)")
TOKEN = re.compile(rb"~([0-9a-f]{9})([0-9a-f]{4}) ")
CLOCK_MASK = 0xF_FFFF_FFFF
MODEL = "bench/model"
MODEL_COUNT = 350


def ask(mode: str, gap_ms: int, tokens: int) -> str:
    """The user's message that makes the fake upstream answer this way."""
    return f"bench:{mode}:{gap_ms}:{tokens} please"


def now_us() -> int:
    return time.monotonic_ns() // 1000


def token(index: int) -> bytes:
    return b"~%09x%04x " % (now_us() & CLOCK_MASK, index & 0xFFFF)


def age_us(stamp: bytes, now: int) -> int:
    return (now - int(stamp, 16)) & CLOCK_MASK


def quantile(values: list[float], share: float) -> float:
    """Nearest rank; 0 for an empty list."""
    if not values:
        return 0.0
    ordered = sorted(values)
    return ordered[min(len(ordered) - 1, int(share * len(ordered)))]

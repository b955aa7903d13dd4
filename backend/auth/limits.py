"""What a person's limits allow: pure judgements about models, tools, hours and money."""

from collections.abc import Sequence
from datetime import datetime, time
from zoneinfo import ZoneInfo

from backend.auth.people import Hours, Limits

NEARLY = 0.8
"""The part of a daily budget from which the owner hears of it."""


def allows(patterns: Sequence[str] | None, name: str) -> bool:
    """Whether one of the patterns fits; None fits everything."""
    return patterns is None or any(fits(pattern, name) for pattern in patterns)


def fits(pattern: str, name: str) -> bool:
    """`*` stands for any text, also none; everything else for itself."""
    first, *others = pattern.split("*")
    if not others:
        return pattern == name
    *inner, last = others
    if not name.startswith(first):
        return False
    place = len(first)
    for piece in inner:
        found = name.find(piece, place)
        if found < 0:
            return False
        place = found + len(piece)
    return len(name) - len(last) >= place and name.endswith(last)


def model_allowed(limits: Limits, model: str) -> bool:
    return allows(limits.models, model)


def tool_allowed(limits: Limits, tool: str) -> bool:
    return allows(limits.tools, tool)


def within_hours(hours: Sequence[Hours] | None, now: datetime, zone: ZoneInfo) -> bool:
    """By the clock on the wall, so that summer time shifts nothing."""
    if hours is None:
        return True
    wall = now.astimezone(zone).strftime("%H:%M")
    return any(_covers(one, wall) for one in hours)


def _covers(hours: Hours, wall: str) -> bool:
    if hours.start < hours.end:
        return hours.start <= wall < hours.end
    return wall >= hours.start or wall < hours.end  # past midnight; alike: all day


def next_start(hours: Sequence[Hours], now: datetime, zone: ZoneInfo) -> str:
    """The clock time at which the next of the hours begins, "" when there are none."""
    wall = now.astimezone(zone).strftime("%H:%M")
    starts = sorted(one.start for one in hours)
    return next((start for start in starts if start > wall), starts[0] if starts else "")


def day_start(now: datetime, zone: ZoneInfo) -> datetime:
    """The last local midnight; where clocks skip it, the moment at which they do."""
    today = now.astimezone(zone).date()
    return datetime.combine(today, time(), zone)


def is_nearly_used(spent: float, budget: float) -> bool:
    return budget > 0 and spent >= NEARLY * budget

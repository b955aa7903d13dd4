"""Moments, zones and dates, as a household asks for them."""

from calendar import monthrange
from datetime import UTC, date, datetime, timedelta, tzinfo
from functools import cache
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError, available_timezones

from backend.kit.errors import InvalidInputError

WEEKDAYS = ("Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday", "Sunday")


def zone(name: str) -> tzinfo:
    """Raises InvalidInputError with names that are near."""
    if name.upper() in ("UTC", "GMT", "Z"):
        return UTC
    if name not in _zones():
        word = name.strip().replace(" ", "_").rpartition("/")[2].lower()
        near = sorted(known for known in _zones() if word and word in known.lower())[:5]
        hint = f" Did you mean {', '.join(near)}?" if near else ""
        raise InvalidInputError(
            f"There is no time zone {name[:40]!r}; write it as Europe/Oslo or UTC.{hint}"
        )
    try:
        return ZoneInfo(name)
    except (ZoneInfoNotFoundError, OSError, ValueError) as error:
        raise InvalidInputError(f"The time zone {name} cannot be read here.") from error


@cache
def _zones() -> frozenset[str]:
    return frozenset(available_timezones())


def moment(text: str, home: tzinfo) -> datetime:
    """ISO 8601; without an offset it is a time in `home`. Raises InvalidInputError."""
    try:
        found = datetime.fromisoformat(text.strip())
    except ValueError:
        raise InvalidInputError(
            f"{text[:40]!r} is not a time; write it as 2026-03-29T14:30 or with +02:00."
        ) from None
    if found.tzinfo is not None:
        return found
    there = found.replace(tzinfo=home)
    if there.astimezone(UTC).astimezone(home).replace(tzinfo=None) != found:
        raise InvalidInputError(f"{text} does not exist in {home}: clocks are set forward over it.")
    return there


def day(text: str) -> date:
    try:
        return date.fromisoformat(text.strip())
    except ValueError:
        raise InvalidInputError(f"{text[:40]!r} is not a date; write it as 2026-03-29.") from None


def later(start: date, *, years: int, months: int, weeks: int, days: int) -> date:
    """A month on from the 31st is the last day of a shorter month."""
    count = start.year * 12 + start.month - 1 + years * 12 + months
    year, month = divmod(count, 12)
    try:
        shifted = date(year, month + 1, min(start.day, monthrange(year, month + 1)[1]))
        return shifted + timedelta(days=weeks * 7 + days)
    except (ValueError, OverflowError, IndexError) as error:
        raise InvalidInputError("That is outside the years 1 to 9999.") from error


def apart(start: date, end: date) -> tuple[int, int, int]:
    """Whole years, months and days from the earlier to the later."""
    first, last = sorted((start, end))
    months = (last.year - first.year) * 12 + last.month - first.month
    if later(first, years=0, months=months, weeks=0, days=0) > last:
        months -= 1
    rest = last - later(first, years=0, months=months, weeks=0, days=0)
    return months // 12, months % 12, rest.days


def working_days(first: date, last: date) -> int:
    """Mondays to Fridays, the first day included, the last not."""
    weeks, rest = divmod((last - first).days, 7)
    return weeks * 5 + sum((first.weekday() + day) % 7 < 5 for day in range(rest))

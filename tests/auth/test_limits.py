"""What limits allow: names by pattern, hours by the clock on the wall, days from local midnight."""

from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest
from pydantic import ValidationError

from backend.auth.limits import (
    allows,
    day_start,
    fits,
    is_nearly_used,
    next_start,
    within_hours,
)
from backend.auth.people import Hours, Limits

BERLIN = ZoneInfo("Europe/Berlin")
SANTIAGO = ZoneInfo("America/Santiago")
HAVANA = ZoneInfo("America/Havana")


def hours(*spans: str) -> tuple[Hours, ...]:
    pairs = (span.split("-") for span in spans)
    return tuple(Hours(start=start, end=end) for start, end in pairs)


def utc(text: str) -> datetime:
    return datetime.fromisoformat(text).replace(tzinfo=UTC)


@pytest.mark.parametrize(
    ("pattern", "name"),
    [
        ("a/b", "a/b"),
        ("*", ""),
        ("*", "anything"),
        ("google/*", "google/gemini"),
        ("google/*", "google/"),
        ("*:free", "a/b:free"),
        ("a*b*c", "abc"),
        ("a*b*c", "a-b-b-c"),
        ("a**c", "abc"),
        ("*mini*", "gpt-mini-x"),
        ("[x]?.+", "[x]?.+"),
    ],
)
def test_a_star_stands_for_any_text_and_all_else_for_itself(pattern: str, name: str) -> None:
    assert fits(pattern, name)


@pytest.mark.parametrize(
    ("pattern", "name"),
    [
        ("a/b", "a/bc"),
        ("a/b", "A/b"),
        ("google/*", "openai/google/x"),
        ("*:free", "a/b:freedom"),
        ("a*a", "a"),
        ("ab*ba", "aba"),
        ("a*b*c", "acb"),
        ("a?", "ab"),
        ("[ab]", "a"),
        ("a.c", "abc"),
        ("", "a"),
    ],
)
def test_what_a_pattern_does_not_say_does_not_fit(pattern: str, name: str) -> None:
    assert not fits(pattern, name)


def test_a_pattern_of_many_stars_is_judged_quickly() -> None:
    """The textbook trap: with backtracking this would take longer than the universe has."""
    assert not fits("*a" * 100 + "b", "a" * 20_000)


def test_no_list_allows_everything_and_an_empty_one_nothing() -> None:
    assert allows(None, "x")
    assert not allows((), "x")
    assert allows(("y", "x*"), "xy")


@pytest.mark.parametrize(
    ("moment", "inside"),
    [
        ("2026-07-01T12:59", False),  # 14:59 in Berlin
        ("2026-07-01T13:00", True),
        ("2026-07-01T15:59:59.999", True),
        ("2026-07-01T16:00", False),  # up to the end, not with it
        ("2026-01-15T13:59", False),  # in winter an hour later
        ("2026-01-15T14:00", True),
    ],
)
def test_hours_hold_by_the_household_s_clock(moment: str, inside: bool) -> None:
    assert within_hours(hours("15:00-18:00"), utc(moment), BERLIN) is inside


@pytest.mark.parametrize(
    ("moment", "inside"),
    [
        ("2026-07-01T19:59", False),
        ("2026-07-01T20:00", True),
        ("2026-07-01T22:30", True),  # 0:30 of the next day
        ("2026-07-02T03:59", True),
        ("2026-07-02T04:00", False),
    ],
)
def test_an_end_before_the_start_runs_past_midnight(moment: str, inside: bool) -> None:
    assert within_hours(hours("22:00-06:00"), utc(moment), BERLIN) is inside


def test_of_several_hours_each_counts_and_none_means_never() -> None:
    at_nine = utc("2026-07-01T07:00")
    assert within_hours(hours("15:00-16:00", "09:00-09:30"), at_nine, BERLIN)
    assert not within_hours((), at_nine, BERLIN)
    assert within_hours(None, at_nine, BERLIN)
    assert within_hours(hours("10:00-10:00"), at_nine, BERLIN)  # all day


def minutes_allowed(allowed: tuple[Hours, ...], start: datetime, zone: ZoneInfo) -> int:
    moments = (start + timedelta(minutes=minute) for minute in range(26 * 60))
    day = start.astimezone(zone).date()
    return sum(
        within_hours(allowed, moment, zone)
        for moment in moments
        if moment.astimezone(zone).date() == day
    )


@pytest.mark.parametrize(
    ("midnight", "minutes"),
    [
        ("2026-03-27T23:00", 120),  # an ordinary day
        ("2026-03-28T23:00", 60),  # 2:00 to 3:00 does not exist
        ("2026-10-24T22:00", 180),  # 2:00 to 3:00 comes twice
    ],
)
def test_hours_around_a_clock_change_mean_what_the_wall_shows(midnight: str, minutes: int) -> None:
    assert minutes_allowed(hours("01:30-03:30"), utc(midnight), BERLIN) == minutes


@pytest.mark.parametrize(
    ("now", "start", "zone"),
    [
        ("2026-07-01T12:00", "2026-06-30T22:00", BERLIN),
        ("2026-06-30T21:59:59", "2026-06-29T22:00", BERLIN),
        ("2026-06-30T22:00", "2026-06-30T22:00", BERLIN),
        # In the night of the change, before and after it: the day began by the old offset.
        ("2026-03-29T00:30", "2026-03-28T23:00", BERLIN),
        ("2026-03-29T20:00", "2026-03-28T23:00", BERLIN),
        ("2026-10-25T00:30", "2026-10-24T22:00", BERLIN),  # 2:30, the first time
        ("2026-10-25T01:30", "2026-10-24T22:00", BERLIN),  # 2:30, the second time
        # Midnight itself is skipped: the day begins at 1:00, the moment of the change.
        ("2026-09-06T12:00", "2026-09-06T04:00", SANTIAGO),
        ("2026-09-06T03:59", "2026-09-05T04:00", SANTIAGO),
        # Midnight comes twice: the day began with the first.
        ("2026-11-01T04:30", "2026-11-01T04:00", HAVANA),
        ("2026-11-01T05:30", "2026-11-01T04:00", HAVANA),
    ],
)
def test_a_day_begins_at_local_midnight_also_when_clocks_change(
    now: str, start: str, zone: ZoneInfo
) -> None:
    assert day_start(utc(now), zone).astimezone(UTC) == utc(start)


def test_the_next_start_is_today_s_or_the_first_of_tomorrow() -> None:
    spans = hours("15:00-16:00", "08:00-09:00")
    assert next_start(spans, utc("2026-07-01T08:00"), BERLIN) == "15:00"
    assert next_start(spans, utc("2026-07-01T18:00"), BERLIN) == "08:00"
    assert next_start((), utc("2026-07-01T18:00"), BERLIN) == ""


def test_a_budget_is_nearly_used_from_four_fifths_on() -> None:
    assert is_nearly_used(0.8, 1.0)
    assert not is_nearly_used(0.79, 1.0)
    assert not is_nearly_used(0.0, 0.0)


@pytest.mark.parametrize("text", ["24:00", "9:00", "09:60", "09:00 ", "", "0\uff19:00"])
def test_a_time_of_day_is_written_in_one_way(text: str) -> None:
    with pytest.raises(ValidationError):
        Hours(start=text, end="10:00")


def test_money_is_neither_negative_nor_endless_nor_no_number() -> None:
    for amount in (-0.01, 10_001, float("inf"), float("nan")):
        with pytest.raises(ValidationError):
            Limits(dollars_a_day=amount)

"""Housekeeping: clocks, calendars, units."""

from datetime import date, timedelta
from decimal import Decimal
from fractions import Fraction
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from backend.mcp_servers.calendar_days import apart, later, working_days
from backend.mcp_servers.housekeeping import build
from backend.mcp_servers.units import UNITS, convert, unit
from tests.fakes.clock import StillClock
from tests.mcp_servers.calling import calling
from tests.mcp_servers.conftest import WithSettings

DAYS = st.dates(date(1600, 1, 1), date(2400, 1, 1))


async def test_the_time_is_told_in_any_zone(mcp_settings: WithSettings) -> None:
    clock = StillClock()
    async with calling(build(mcp_settings(), clock=clock)) as caller:
        told = await caller.ok("get_current_time", zone="Asia/Tokyo")
        assert told["utc"] == clock.now().isoformat(timespec="seconds")
        assert told["time"].endswith("+09:00")
        refusal = await caller.refused("get_current_time", zone="tokyo")
        assert "Asia/Tokyo" in refusal
        assert "no time zone" in await caller.refused("get_current_time", zone="../../etc/passwd")


async def test_times_are_converted_over_a_change_of_clocks(mcp_settings: WithSettings) -> None:
    async with calling(build(mcp_settings())) as caller:

        async def converted(time: str) -> str:
            answer = await caller.ok(
                "convert_time", time=time, from_zone="Europe/Oslo", to_zone="UTC"
            )
            return str(answer["time"])

        assert await converted("2026-03-29T01:59") == "2026-03-29T00:59:00+00:00"
        assert await converted("2026-03-29T03:00") == "2026-03-29T01:00:00+00:00"
        assert await converted("2026-03-29T03:00-05:00") == "2026-03-29T08:00:00+00:00"
        missing = await caller.refused(
            "convert_time", time="2026-03-29T02:30", from_zone="Europe/Oslo", to_zone="UTC"
        )
        assert "does not exist" in missing
        told = await caller.refused("convert_time", time="tomorrow", to_zone="UTC")
        assert "2026-03-29T14:30" in told
        early = await caller.refused(
            "convert_time", time="0001-01-01T00:00", to_zone="America/Lima"
        )
        assert "years 1 to 9999" in early


async def test_a_date_is_shifted_and_has_a_weekday(mcp_settings: WithSettings) -> None:
    async with calling(build(mcp_settings())) as caller:
        assert await caller.ok("shift_date", date="2024-01-31", months=1) == {
            "date": "2024-02-29",
            "weekday": "Thursday",
            "iso_week": 9,
            "day_of_year": 60,
        }
        assert (await caller.ok("shift_date", date="2024-02-29", years=1))["date"] == "2025-02-28"
        assert (await caller.ok("shift_date", date="2026-01-01", days=-1))["weekday"] == "Wednesday"
        assert "2026-03-29" in await caller.refused("shift_date", date="29.3.2026")
        assert "years 1 to" in await caller.refused("shift_date", date="9999-12-31", days=1)


async def test_days_between_dates_are_counted(mcp_settings: WithSettings) -> None:
    async with calling(build(mcp_settings())) as caller:
        assert await caller.ok("count_days", first="2026-11-20", second="2026-12-25") == {
            "days": 35,
            "years_months_days": "0 years, 1 months, 5 days",
            "weeks": "5 weeks, 0 days",
            "working_days": 25,
        }
        assert (await caller.ok("count_days", first="2026-01-02", second="2026-01-01"))[
            "days"
        ] == -1


@given(DAYS, DAYS)
def test_the_span_between_dates_leads_from_one_to_the_other(first: date, second: date) -> None:
    years, months, days = apart(first, second)
    start, end = sorted((first, second))
    assert later(start, years=years, months=months, weeks=0, days=days) == end
    assert 0 <= months < 12
    assert 0 <= days < 31


@given(DAYS, st.integers(-60, 60))
def test_working_days_are_mondays_to_fridays(first: date, length: int) -> None:
    start, end = sorted((first, first + timedelta(days=length)))
    days = [start + timedelta(days=day) for day in range((end - start).days)]
    assert working_days(start, end) == sum(day.weekday() < 5 for day in days)


@pytest.mark.parametrize(
    ("amount", "source", "target", "value"),
    [
        ("1", "mile", "km", "1.609344"),
        ("100", "celsius", "fahrenheit", "212"),
        ("-40", "°F", "C", "-40"),
        ("0", "kelvin", "celsius", "-273.15"),
        ("1", "GiB", "bytes", "1073741824"),
        ("8", "Mbit", "MB", "1"),
        ("8", "Mb", "mb", "1"),
        ("1", "us_gallon", "l", "3.785411784"),
        ("1", "lb", "g", "453.59237"),
        ("36", "km/h", "m/s", "10"),
        ("1", "kWh", "MJ", "3.6"),
        ("1", "atm", "hPa", "1013.25"),
        ("90", "min", "hours", "1.5"),
        ("1", "acre", "square feet", "43560"),
        ("1", "inches", "cm", "2.54"),
        ("1", "feet", "in", "12"),
        ("2", "us cups", "ml", "473.176473"),
    ],
)
async def test_units_are_converted_exactly(
    mcp_settings: WithSettings, amount: str, source: str, target: str, value: str
) -> None:
    async with calling(build(mcp_settings())) as caller:
        told = await caller.ok("convert_units", amount=amount, from_unit=source, to_unit=target)
        assert told["value"] == value
        assert told["exact"]


async def test_units_that_do_not_fit_are_refused_in_words(mcp_settings: WithSettings) -> None:
    async with calling(build(mcp_settings())) as caller:

        async def refused(amount: object, source: str, target: str) -> str:
            return await caller.refused(
                "convert_units", amount=amount, from_unit=source, to_unit=target
            )

        assert "mile is a unit of length, kg of mass" in await refused(1, "mile", "kg")
        assert "There are: mm" in await refused(1, "parsnip", "kg")
        assert "absolute zero" in await refused(-300, "celsius", "kelvin")
        assert "amount" in await refused("1e999999", "m", "km")
        assert "too many digits" in await refused("1e-999", "m", "km")
        assert "amount" in await refused("NaN", "m", "km")
        assert "amount" in await refused("many", "m", "km")
        listed = await caller.ok("list_units", kind="temperature")
        assert listed == {"units": {"temperature": ["kelvin", "celsius", "fahrenheit"]}}


@given(
    st.sampled_from(sorted(UNITS)), st.sampled_from(sorted(UNITS)), st.decimals(1, 1000, places=2)
)
def test_there_and_back_is_the_same_amount(first: str, second: str, amount: Decimal) -> None:
    source, target = unit(first), unit(second)
    if source.kind != target.kind:
        return
    there = convert(amount, source, target)
    back = (there * target.factor + target.offset - source.offset) / source.factor
    assert back == Fraction(amount)


def test_no_unit_has_two_meanings() -> None:
    by_lower = sorted(name.lower() for name in UNITS)
    assert [a for a, b in pairwise(by_lower) if a == b] == []


async def test_the_host_tells_how_it_is_and_nothing_of_its_processes(
    mcp_settings: WithSettings,
) -> None:
    async with calling(build(mcp_settings())) as caller:
        status = await caller.ok("get_host_status")
        assert status["memory_total_bytes"] > status["memory_available_bytes"] > 0
        assert status["state_disk"]["total_bytes"] > 0
        assert set(status) == {
            "load_1_min",
            "load_5_min",
            "load_15_min",
            "cpus",
            "memory_total_bytes",
            "memory_available_bytes",
            "uptime_seconds",
            "state_disk",
        }

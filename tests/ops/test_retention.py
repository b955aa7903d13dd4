"""Which backups stay: 7 daily, 4 weekly, 6 monthly, whatever happened between them."""

from datetime import UTC, datetime, timedelta

from hypothesis import given
from hypothesis import strategies as st

from backend.ops.retention import USUAL, Keep, kept

MOMENTS = st.integers(0, 5 * 365 * 86_400).map(
    lambda second: datetime(2024, 1, 1, tzinfo=UTC) + timedelta(seconds=second)
)
KEEPS = st.builds(Keep, st.integers(0, 9), st.integers(0, 6), st.integers(0, 8))


@given(st.sets(MOMENTS, max_size=60), KEEPS)
def test_the_newest_always_stays_and_no_more_than_asked_for(
    moments: set[datetime], keep: Keep
) -> None:
    stay = kept(moments, keep)
    assert stay <= moments
    assert not moments or max(moments) in stay
    assert len(stay) <= max(1, keep.daily + keep.weekly + keep.monthly)


@given(st.sets(MOMENTS, max_size=60), KEEPS)
def test_each_of_the_last_days_weeks_and_months_has_one_left(
    moments: set[datetime], keep: Keep
) -> None:
    stay = kept(moments, keep)
    for words, count in (("%Y-%m-%d", keep.daily), ("%G-%V", keep.weekly), ("%Y-%m", keep.monthly)):
        periods = sorted({f"{moment:{words}}" for moment in moments}, reverse=True)[:count]
        assert set(periods) <= {f"{moment:{words}}" for moment in stay}


@given(st.sets(MOMENTS, max_size=60), KEEPS)
def test_asked_twice_it_says_the_same(moments: set[datetime], keep: Keep) -> None:
    stay = kept(moments, keep)
    assert kept(stay, keep) == stay


@given(st.sets(MOMENTS, max_size=60), KEEPS)
def test_pruned_after_each_or_once_at_the_end_comes_to_the_same(
    moments: set[datetime], keep: Keep
) -> None:
    left: set[datetime] = set()
    for moment in sorted(moments):
        left = kept(left | {moment}, keep)
    assert left == kept(moments, keep)


def test_a_year_of_nights_leaves_a_week_a_month_and_half_a_year() -> None:
    night = datetime(2026, 11, 21, 3, 30, tzinfo=UTC)  # a Saturday
    stay = sorted(kept([night - timedelta(days=n) for n in range(365)], USUAL), reverse=True)
    assert [f"{moment:%m-%d}" for moment in stay] == [
        *("11-21", "11-20", "11-19", "11-18", "11-17", "11-16", "11-15"),
        *("11-08", "11-01"),  # the Sunday before is among the days
        *("10-31", "09-30", "08-31", "07-31", "06-30"),
    ]


def test_a_holiday_costs_nothing() -> None:
    old = datetime(2025, 1, 3, tzinfo=UTC)
    assert kept([old, datetime(2026, 11, 21, tzinfo=UTC)], USUAL) == {
        old,
        datetime(2026, 11, 21, tzinfo=UTC),
    }


def test_what_is_written_in_the_setting_is_what_counts() -> None:
    assert Keep.parse("7/4/6") == USUAL
    assert Keep.parse("1/0/12") == Keep(1, 0, 12)

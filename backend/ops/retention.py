"""Which backups stay: the newest of each of the last days, weeks and months that have any."""

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Self

type _Period = Callable[[datetime], tuple[int, ...]]


@dataclass(frozen=True, slots=True)
class Keep:
    daily: int = 7
    weekly: int = 4
    monthly: int = 6

    @classmethod
    def parse(cls, text: str) -> Self:
        """`7/4/6`."""
        daily, weekly, monthly = map(int, text.split("/"))
        return cls(daily, weekly, monthly)


USUAL = Keep()


def kept(moments: Iterable[datetime], keep: Keep) -> set[datetime]:
    """Those that stay; the newest always does. In UTC, weeks begin on Monday.

    A period that is over keeps its last backup, so pruning every night or once a year comes to
    the same.
    """
    newest_first = sorted(set(moments), reverse=True)
    stay = set(newest_first[:1])
    for period, count in ((_day, keep.daily), (_week, keep.weekly), (_month, keep.monthly)):
        stay |= _newest_of_each(newest_first, period, count)
    return stay


def _newest_of_each(newest_first: Sequence[datetime], period: _Period, count: int) -> set[datetime]:
    found: dict[tuple[int, ...], datetime] = {}
    for moment in newest_first:
        found.setdefault(period(moment), moment)
    return set(list(found.values())[:count])


def _day(moment: datetime) -> tuple[int, ...]:
    return (moment.year, moment.month, moment.day)


def _week(moment: datetime) -> tuple[int, ...]:
    return tuple(moment.isocalendar())[:2]


def _month(moment: datetime) -> tuple[int, ...]:
    return (moment.year, moment.month)

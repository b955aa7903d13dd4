"""Time that passes only when a test says so."""

from datetime import UTC, datetime, timedelta

NOON = datetime(2026, 11, 20, 12, 0, tzinfo=UTC)


class StillClock:
    def __init__(self, moment: datetime = NOON) -> None:
        self._moment = moment
        self._monotonic = 1000.0

    def now(self) -> datetime:
        return self._moment

    def monotonic(self) -> float:
        return self._monotonic

    def forward(self, *, seconds: float = 0, hours: float = 0, days: float = 0) -> None:
        step = timedelta(seconds=seconds, hours=hours, days=days)
        self._moment += step
        self._monotonic += step.total_seconds()

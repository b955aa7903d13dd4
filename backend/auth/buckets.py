"""How often something happened lately, by who did it: buckets that run empty with time, in memory."""

from collections import deque
from dataclasses import dataclass

from backend.kit.clock import Clock

_SWEEP_ABOVE, _SWEEP_SECONDS = 2000, 60

type Key = tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Rule:
    failures: int
    seconds: float


class Buckets:
    """`most`: where strangers make up the keys, as many are kept. The ones begun first give way:
    whoever has that many addresses gains nothing by it."""

    def __init__(self, clock: Clock, *, most: int | None = None) -> None:
        self._clock = clock
        self._most = most
        self._kept: dict[Key, tuple[Rule, deque[float]]] = {}
        self._next_sweep = 0.0

    def __len__(self) -> int:
        return len(self._kept)

    def count(self, key: Key, rule: Rule) -> int:
        """As of now."""
        found = self._kept.get(key)
        if found is None:
            return 0
        moments, oldest = found[1], self._clock.monotonic() - rule.seconds
        while moments and moments[0] <= oldest:
            moments.popleft()
        if not moments:
            del self._kept[key]
        return len(moments)

    def wait(self, key: Key, rule: Rule) -> float:
        """Seconds until there is room; 0 when there is."""
        if self.count(key, rule) < rule.failures:
            return 0
        first = self._kept[key][1][0]
        # At least a second: "0" would say nothing in the header.
        return max(first + rule.seconds - self._clock.monotonic(), 1)

    def add(self, key: Key, rule: Rule) -> float:
        """The moment it counts for."""
        now = self._clock.monotonic()
        if key not in self._kept:
            self._make_room(now)
            self._kept[key] = (rule, deque())
        self._kept[key][1].append(now)
        return now

    def take_back(self, key: Key, at: float) -> None:
        found = self._kept.get(key)
        if found and at in found[1]:
            found[1].remove(at)

    def clear(self, key: Key) -> None:
        self._kept.pop(key, None)

    def _make_room(self, now: float) -> None:
        if len(self._kept) > _SWEEP_ABOVE and now >= self._next_sweep:
            # Not for each one that comes: it looks through all that are kept.
            self._next_sweep = now + _SWEEP_SECONDS
            self._kept = {
                key: (rule, moments)
                for key, (rule, moments) in self._kept.items()
                if moments and moments[-1] > now - rule.seconds
            }
        if self._most is not None and len(self._kept) >= self._most:
            del self._kept[next(iter(self._kept))]

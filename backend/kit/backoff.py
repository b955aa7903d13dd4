"""How long to wait before the next try: soon at first, then less often, never in step."""

import random


class Backoff:
    """Doubles from `first` to `most` while trouble is young, then on to `most_later`.

    Chance takes or adds a fifth, so that many who lost the same server do not return at once.
    """

    def __init__(
        self, *, first: float = 0.25, most: float = 3.3, young: float = 300, later: float = 60
    ) -> None:
        self._first = first
        self._most = most
        self._young = young
        self._later = later
        self._next = first
        self._waited = 0.0

    def reset(self) -> None:
        self._next = self._first
        self._waited = 0.0

    def next(self) -> float:
        limit = self._most if self._waited < self._young else self._later
        seconds = min(self._next, limit) * random.uniform(0.8, 1.2)  # noqa: S311  # no secret
        self._next = min(self._next * 2, self._later)
        self._waited += seconds
        return seconds

"""How often programs nobody knows yet may knock: registrations, tokens, and looks at a request."""

from collections import deque
from math import ceil

from backend.auth.limiter import Rule, TooManyAttemptsError, network_of
from backend.kit.clock import Clock

_MINUTE, _HOUR = 60, 3600
REGISTRATIONS = Rule(20, _HOUR)
"""From one address."""
ALL_REGISTRATIONS = Rule(200, _HOUR)
"""As many as are kept, so that a flood cannot push out what somebody just made."""
TOKENS = Rule(120, 5 * _MINUTE)
"""At the token endpoint, from one address, right or wrong: each is a write."""
LOOKS = Rule(30, 5 * _MINUTE)
"""Of one person: each may fetch a program's document."""
_SWEEP_ABOVE = 1000


class AppLimits:
    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._seen: dict[tuple[str, str], deque[float]] = {}

    def registration(self, address: str) -> None:
        """Raises TooManyAttemptsError."""
        self._count("registration", network_of(address), REGISTRATIONS)
        self._count("registrations", "", ALL_REGISTRATIONS)

    def token(self, address: str) -> None:
        """Raises TooManyAttemptsError."""
        self._count("token", network_of(address), TOKENS)

    def look(self, user_id: str) -> None:
        """Raises TooManyAttemptsError."""
        self._count("look", user_id, LOOKS)

    def _count(self, what: str, who: str, rule: Rule) -> None:
        now = self._clock.monotonic()
        if len(self._seen) > _SWEEP_ABOVE:
            self._sweep(now)
        seen = self._seen.setdefault((what, who), deque(maxlen=rule.failures))
        if len(seen) == rule.failures and seen[0] > now - rule.seconds:
            raise TooManyAttemptsError(ceil(seen[0] + rule.seconds - now))
        seen.append(now)

    def _sweep(self, now: float) -> None:
        for key in [key for key, seen in self._seen.items() if seen[-1] <= now - _HOUR]:
            del self._seen[key]

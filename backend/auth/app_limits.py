"""How often programs nobody knows yet may knock: registrations, tokens, and looks at a request."""

from backend.auth.buckets import Buckets, Key, Rule
from backend.auth.limiter import MOST_NETWORKS, TooManyAttemptsError, network_of
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


class AppLimits:
    def __init__(self, clock: Clock) -> None:
        self._networks = Buckets(clock, most=MOST_NETWORKS)
        self._others = Buckets(clock)

    def registration(self, address: str) -> None:
        """Raises TooManyAttemptsError."""
        _count(self._networks, ("registration", network_of(address)), REGISTRATIONS)
        _count(self._others, ("registrations",), ALL_REGISTRATIONS)

    def token(self, address: str) -> None:
        """Raises TooManyAttemptsError."""
        _count(self._networks, ("token", network_of(address)), TOKENS)

    def look(self, user_id: str) -> None:
        """Raises TooManyAttemptsError."""
        _count(self._others, ("look", user_id), LOOKS)


def _count(buckets: Buckets, key: Key, rule: Rule) -> None:
    if wait := buckets.wait(key, rule):
        raise TooManyAttemptsError(wait)
    buckets.add(key, rule)

"""How often somebody may guess: passwords, codes and passkeys.

Failures are kept in memory, in buckets that run empty with time. A guess is counted before it is
looked at, so that guesses at the same moment cannot slip past. Whether a name exists plays no
part. What is refused is not counted: whoever waits as told gets in.
"""

from collections import deque
from dataclasses import dataclass
from ipaddress import IPv6Address, IPv6Network, ip_address
from math import ceil
from typing import ClassVar

from backend.kit.clock import Clock
from backend.kit.errors import AppError

_MINUTE, _HOUR = 60, 3600
_SWEEP_ABOVE = 2000


class TooManyAttemptsError(AppError):
    """The words are the same whoever was asked for."""

    code: ClassVar[str] = "too_many_attempts"
    status = 429

    def __init__(self, retry_after: float) -> None:
        super().__init__("Too many attempts. Try again later.", retry_after=ceil(retry_after))


@dataclass(frozen=True, slots=True)
class Rule:
    failures: int
    seconds: float


ACCOUNT_AND_ADDRESS = Rule(5, 15 * _MINUTE)
ACCOUNT = Rule(20, _HOUR)
"""From anywhere unknown, whatever the address."""
ADDRESS = Rule(30, 15 * _MINUTE)
"""Over all accounts."""
EVERYTHING = Rule(300, _HOUR)
"""From anywhere unknown, over all names: bounds what hashing costs, and the buckets' number."""
KNOWN_PLACE = Rule(5, 15 * _MINUTE)
PASSKEYS = Rule(30, 15 * _MINUTE)
PASSKEY_QUESTIONS = Rule(120, 15 * _MINUTE)


@dataclass(frozen=True, slots=True)
class Place:
    """Where somebody tries. `known`: what shows that this person was signed in from there."""

    address: str
    known: str = ""


type _Key = tuple[str, ...]


class Attempt:
    """A guess that was counted; nothing more has to be done when it was wrong."""

    def __init__(
        self, limiter: "LoginLimiter", keys: tuple[_Key, ...], at: float, *, fills: bool
    ) -> None:
        self._limiter = limiter
        self._keys = keys
        self._at = at
        self.fills = fills
        """If it was wrong, it was the last one for now."""

    def release(self) -> None:
        """It was no wrong guess; the count is as it was before."""
        for key in self._keys:
            self._limiter.take_back(key, self._at)

    def succeeded(self) -> None:
        """It was right: the place starts anew."""
        self.release()
        self._limiter.clear(self._keys[0])


class LoginLimiter:
    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._failures: dict[_Key, deque[float]] = {}
        self._seconds: dict[str, float] = {}

    def password(self, name: str, place: Place) -> Attempt:
        """A guess at an account's password or code. Raises TooManyAttemptsError."""
        # As the database compares names, or one person would have several buckets.
        name = name.strip().lower()
        if place.known:
            return self._count({("known", name, place.known): KNOWN_PLACE})
        network = network_of(place.address)
        return self._count(
            {
                ("pair", name, network): ACCOUNT_AND_ADDRESS,
                ("account", name): ACCOUNT,
                ("address", network): ADDRESS,
                ("everything",): EVERYTHING,
            }
        )

    def passkey(self, address: str) -> Attempt:
        """A passkey cannot be guessed; this bounds the work. Raises TooManyAttemptsError."""
        return self._count({("passkey", network_of(address)): PASSKEYS})

    def passkey_question(self, address: str) -> None:
        """Every one counts: each is kept for a while. Raises TooManyAttemptsError."""
        self._count({("question", network_of(address)): PASSKEY_QUESTIONS})

    def _count(self, rules: dict[_Key, Rule]) -> Attempt:
        now = self._clock.monotonic()
        if len(self._failures) > _SWEEP_ABOVE:
            self._sweep(now)
        waits = [wait for key, rule in rules.items() if (wait := self._wait(key, rule, now))]
        if waits:
            raise TooManyAttemptsError(max(waits))
        for key, rule in rules.items():
            self._seconds[key[0]] = rule.seconds
            self._failures.setdefault(key, deque()).append(now)
        fills = any(
            len(self._failures[key]) == rule.failures
            for key, rule in rules.items()
            if key[0] in ("known", "pair", "account")
        )
        return Attempt(self, tuple(rules), now, fills=fills)

    def _wait(self, key: _Key, rule: Rule, now: float) -> float:
        failures = self._failures.get(key)
        if failures is None:
            return 0
        while failures and failures[0] <= now - rule.seconds:
            failures.popleft()
        if not failures:
            del self._failures[key]
            return 0
        # At least a second: "0" would say nothing in the header.
        is_full = len(failures) >= rule.failures
        return max(failures[0] + rule.seconds - now, 1) if is_full else 0

    def take_back(self, key: _Key, at: float) -> None:
        failures = self._failures.get(key)
        if failures and at in failures:
            failures.remove(at)

    def clear(self, key: _Key) -> None:
        self._failures.pop(key, None)

    def _sweep(self, now: float) -> None:
        """Drop what has run empty; what is left is bounded by the rule over everything."""
        gone = [
            key
            for key, failures in self._failures.items()
            if not failures or failures[-1] <= now - self._seconds[key[0]]
        ]
        for key in gone:
            del self._failures[key]


def network_of(address: str) -> str:
    """A household has a whole /64 of IPv6 addresses, and so has an attacker."""
    try:
        parsed = ip_address(address.partition("%")[0])
    except ValueError:
        return address[:100]
    if isinstance(parsed, IPv6Address):
        if parsed.ipv4_mapped:
            return str(parsed.ipv4_mapped)
        return str(IPv6Network((parsed, 64), strict=False))
    return str(parsed)

"""How often somebody may guess: passwords, codes and passkeys.

Failures are kept in memory, in buckets that run empty with time. A guess is counted before it is
looked at, so that guesses at the same moment cannot slip past. Whether a name exists plays no
part. What is refused is not counted: whoever waits as told gets in.
"""

from dataclasses import dataclass
from ipaddress import IPv6Address, IPv6Network, ip_address
from math import ceil
from typing import ClassVar

from backend.auth.buckets import Buckets, Key, Rule
from backend.kit.clock import Clock
from backend.kit.errors import AppError

_MINUTE, _HOUR = 60, 3600


class TooManyAttemptsError(AppError):
    """The words are the same whoever was asked for."""

    code: ClassVar[str] = "too_many_attempts"
    status = 429

    def __init__(self, retry_after: float) -> None:
        super().__init__("Too many attempts. Try again later.", retry_after=ceil(retry_after))


ACCOUNT_AND_ADDRESS = Rule(5, 15 * _MINUTE)
ACCOUNT = Rule(20, _HOUR)
"""From anywhere unknown, whatever the address."""
ADDRESS = Rule(30, 15 * _MINUTE)
"""Over all accounts."""
EVERYTHING = Rule(300, _HOUR)
"""From anywhere unknown, over all names: bounds what hashing costs, and the buckets' number."""
KNOWN_PLACE = Rule(5, 15 * _MINUTE)
PASSKEYS = Rule(30, 15 * _MINUTE)
QUESTIONS = Rule(120, 15 * _MINUTE)
MOST_NETWORKS = 10_000


@dataclass(frozen=True, slots=True)
class Place:
    """Where somebody tries. `known`: what shows that this person was signed in from there."""

    address: str
    known: str = ""


class Attempt:
    """A guess that was counted; nothing more has to be done when it was wrong."""

    def __init__(self, buckets: Buckets, counted: dict[Key, float], *, fills: bool) -> None:
        self._buckets = buckets
        self._counted = counted
        self.fills = fills
        """If it was wrong, it was the last one for now."""

    def release(self) -> None:
        """It was no wrong guess; the count is as it was before."""
        for key, at in self._counted.items():
            self._buckets.take_back(key, at)

    def succeeded(self) -> None:
        """It was right: the place starts anew."""
        self.release()
        self._buckets.clear(next(iter(self._counted)))


class LoginLimiter:
    def __init__(self, clock: Clock) -> None:
        self._guesses = Buckets(clock)
        """Bounded by the rule over everything."""
        self._knocks = Buckets(clock, most=MOST_NETWORKS)
        """What everybody may do at any time, so that only each network is counted."""

    def __len__(self) -> int:
        return len(self._guesses) + len(self._knocks)

    def password(self, name: str, place: Place) -> Attempt:
        """A guess at an account's password or code. Raises TooManyAttemptsError."""
        # As the database compares names, or one person would have several buckets.
        name = name.strip().lower()
        if place.known:
            return self._count(self._guesses, {("known", name, place.known): KNOWN_PLACE})
        network = network_of(place.address)
        rules = {
            ("pair", name, network): ACCOUNT_AND_ADDRESS,
            ("account", name): ACCOUNT,
            ("address", network): ADDRESS,
            ("everything",): EVERYTHING,
        }
        return self._count(self._guesses, rules)

    def passkey(self, address: str) -> Attempt:
        """A passkey cannot be guessed; this bounds the work. Raises TooManyAttemptsError."""
        return self._count(self._knocks, {("passkey", network_of(address)): PASSKEYS})

    def question(self, address: str) -> None:
        """For a passkey, or by way of an account elsewhere. Every one counts: each is kept for a
        while. Raises TooManyAttemptsError."""
        self._count(self._knocks, {("question", network_of(address)): QUESTIONS})

    def _count(self, buckets: Buckets, rules: dict[Key, Rule]) -> Attempt:
        waits = [wait for key, rule in rules.items() if (wait := buckets.wait(key, rule))]
        if waits:
            raise TooManyAttemptsError(max(waits))
        counted = {key: buckets.add(key, rule) for key, rule in rules.items()}
        fills = any(
            buckets.count(key, rule) == rule.failures
            for key, rule in rules.items()
            if key[0] in ("known", "pair", "account")
        )
        return Attempt(buckets, counted, fills=fills)


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

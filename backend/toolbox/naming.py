"""Names of tools as models see them: unique, stable, and valid for every provider."""

import hashlib
import re
from collections import Counter
from collections.abc import Collection, Mapping, Sequence

LONGEST = 64
_FORBIDDEN = re.compile(r"[^a-zA-Z0-9_-]+")
_SEPARATOR = "__"
_HASH = 6

type ToolKey = tuple[str, str]
"""Server id and the tool's own name."""


def valid_name(name: str) -> str:
    """`name` itself where every provider takes it, else one made of it that nothing else gives."""
    if 0 < len(name) <= LONGEST and not _FORBIDDEN.search(name):
        return name
    mark = hashlib.sha256(name.encode("utf-8", "replace")).hexdigest()[:_HASH]
    stem = _FORBIDDEN.sub("_", name).strip("_")[: LONGEST - _HASH - 1]
    return f"{stem}_{mark}" if stem else f"tool_{mark}"


def server_id_of(name: str) -> str:
    """A server id from what a server calls itself: lower case, dashes."""
    return re.sub(r"[^a-z0-9]+", "-", name.lower()).strip("-")[:40].strip("-")


def offered_names(
    tools: Sequence[ToolKey],
    *,
    taken: Collection[str] = (),
    prefixes: Mapping[str, str] | None = None,
) -> dict[ToolKey, str]:
    """Server and tool -> the name a model sees.

    A tool keeps its own name unless several have it: then each gets its server's id in front.
    The result depends on the set of tools alone, not on who connected first.
    """
    plain = {key: _wanted(key, prefixes or {}) for key in tools}
    count = Counter(plain.values())
    names: dict[ToolKey, str] = {}
    used = set(taken)
    for key in sorted(plain):
        name = plain[key]
        if count[name] > 1 or name in taken:
            name = valid_name(f"{key[0]}{_SEPARATOR}{key[1]}")
        if name in used or (name != plain[key] and name in count):
            # `a` with the tool `b__c`, and `a__b` with the tool `c`: the hash of both tells them
            # apart wherever the joined names do not.
            mark = hashlib.sha256("\0".join(key).encode("utf-8", "replace")).hexdigest()[:_HASH]
            name = f"{name[: LONGEST - _HASH - 1]}_{mark}"
        used.add(name)
        names[key] = name
    return names


def _wanted(key: ToolKey, prefixes: Mapping[str, str]) -> str:
    prefix = prefixes.get(key[0])
    return valid_name(f"{prefix}{key[1]}" if prefix else key[1])

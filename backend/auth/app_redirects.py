"""Where the browser goes back to with an answer for a program: only to addresses it named before.

A program of a web site has an https address of that site, one on the person's own device listens
on loopback (RFC 8252). Nothing else: a scheme of its own can be taken by any program there, and
`javascript:` and its kin would run in a page of ours.
"""

import re
from collections.abc import Iterable
from urllib.parse import SplitResult, urlencode, urlsplit

_LONGEST = 1000
_PLAIN = re.compile(r"[!$-;=?-\[\]_a-z~]+")
"""What RFC 3986 has, without a fragment. Two readers could take anything else for different
addresses."""
_HOST = re.compile(r"[a-z0-9](?:[a-z0-9.-]*[a-z0-9])?|\[[0-9a-f:.]+\]")
"""In lower case, without escapes; an international name as `xn--`, so that the person sees it."""
_LOOPBACK = frozenset({"127.0.0.1", "[::1]", "localhost"})


def is_fit(uri: str) -> bool:
    """Whether a program may name it as its own."""
    return _parts(uri) is not None


def redirect_host(uri: str) -> str:
    """What a person is shown of it. `uri` is fit."""
    parts = _parts(uri)
    return "" if parts is None else parts.netloc


def is_on_device(uri: str) -> bool:
    parts = _parts(uri)
    return parts is not None and _name(parts) in _LOOPBACK


def is_registered(asked: str, registered: Iterable[str]) -> bool:
    """To the letter; a program on the person's device learns its port only when it starts."""
    without_port = _portless(asked)
    return is_fit(asked) and any(
        asked == one or (without_port is not None and without_port == _portless(one))
        for one in registered
    )


def with_answer(uri: str, answer: dict[str, str | None]) -> str:
    """`uri` is fit: it has no fragment, and may have a query of its own."""
    query = urlencode({name: value for name, value in answer.items() if value is not None})
    return f"{uri}{'&' if '?' in uri else '?'}{query}"


def _parts(uri: str) -> SplitResult | None:
    if len(uri) > _LONGEST or not uri.startswith(("https://", "http://")):
        return None
    if not _PLAIN.fullmatch(uri):
        return None
    try:
        parts = urlsplit(uri)
        port = parts.port
    except ValueError:
        return None
    name = _name(parts)
    is_plain_host = parts.netloc == name + (f":{port}" if port is not None else "")
    if not is_plain_host or port == 0 or not _HOST.fullmatch(name) or ".." in name:
        return None
    is_near = name in _LOOPBACK
    return parts if parts.scheme == "https" or (parts.scheme == "http" and is_near) else None


def _name(parts: SplitResult) -> str:
    name = parts.hostname or ""
    return f"[{name}]" if ":" in name else name


def _portless(uri: str) -> str | None:
    """Of an address on the person's own device: what has to be the same whatever the port."""
    parts = _parts(uri)
    if parts is None or parts.scheme != "http":
        return None
    return parts._replace(netloc=_name(parts)).geturl()

"""Secrets that got into words: out again, before the words are logged or told."""

import re
from collections.abc import MutableMapping
from typing import Any

REDACTED = "[redacted]"
_DEEPEST = 4

_SHAPES = re.compile(
    r"""
    (?P<before>\b(?:Bearer\s+(?=\S{8})|(?-i:Basic)\s+(?=\S{8,}[\d=])))[\w.~+/=-]+
    | \bparlor_(?:key|wall|app|renew)_[\w.-]+
    | \b(?:sk|pk|rk|key(?=\S{0,200}\d))-[\w*.-]{6,}           # providers' keys, half hidden too
    | \beyJ[\w-]{6,}(?:\.[\w-]*){0,4}                         # JWT
    | \bAIza[\w-]{30,} | \bgh[pousr]_\w{20,} | \bxox[abprs]-[\w-]{10,}
    | (?-i:\b[A-Z2-9]{5}(?:-[A-Z2-9]{5}){3}\b)                # the set-up code
    | -----BEGIN\ [A-Z ]*PRIVATE\ KEY-----(?:(?!-----END)[\s\S])*(?:-----END\ [A-Z ]*-----)?
    | (?P<scheme>(?<![a-z0-9+.-])[a-z0-9+.-]+://)[^\s/@:]*:[^\s/@]+(?=@)
    | (?P<name>[?&\#](?:code|state|token|key|secret|password|assertion|\w+_token|api_key)=)[^&\s"']+
    """,
    re.VERBOSE | re.IGNORECASE,
)
_SECRET_NAME = re.compile(
    r"(?:^|[_-])(?:authorization|cookies?|tokens?|passwords?|secrets?|api_?key|key|code|assertion)$",
    re.IGNORECASE,
)
_HUMP = re.compile(r"(?<=[a-z0-9])[A-Z]")
_PLAIN_NAMES = frozenset({"progressToken"})
"""Ids of MCP that only sound like secrets."""
_OUR_CODE = re.compile(r"[a-z][a-z_]*")
"""An error's code is no secret, and what one looks for in a log."""


def redacted(text: str) -> str:
    """The same words without what looks like a secret; the same object when there is none."""
    return _SHAPES.sub(_hide, text) if _SHAPES.search(text) else text


def without_secrets(value: object) -> object:
    """The same JSON: text that looks like a secret and values under a secret's name are out."""
    match value:
        case str():
            return redacted(value)
        case list():
            return [without_secrets(one) for one in value]
        case dict():
            return {
                key: _hidden(inner) if _names_secret(key) else without_secrets(inner)
                for key, inner in value.items()
            }
        case _:
            return value


def _names_secret(name: str) -> bool:
    """`accessToken` does as `access_token` does."""
    return name not in _PLAIN_NAMES and bool(_SECRET_NAME.search(_HUMP.sub(r"_\g<0>", name)))


def _hidden(value: object) -> object:
    """What has a secret's name. Numbers hold none by themselves; a schema only tells of one."""
    match value:
        case str() if value:
            return REDACTED
        case list():
            return [_hidden(one) for one in value]
        case dict() if "type" not in value:
            return {key: _hidden(inner) for key, inner in value.items()}
        case _:
            return without_secrets(value)


def _hide(found: re.Match[str]) -> str:
    kept = found["before"] or found["scheme"] or found["name"] or ""
    return f"{kept}{REDACTED}"


def redact_event(
    _logger: object, _method: str, event: MutableMapping[str, Any]
) -> MutableMapping[str, Any]:
    """A step of structlog, for our own lines and for those of libraries."""
    for name, value in event.items():
        event[name] = _clean(name, value, _DEEPEST)
    return event


def _clean(name: str, value: object, depth: int) -> object:
    if value and _SECRET_NAME.search(name) and not _is_harmless(name, value):
        return REDACTED
    match value:
        case str():
            return redacted(value)
        case bytes():
            return redacted(value.decode("utf-8", "replace"))
        case dict() if depth:
            return {key: _clean(str(key), inner, depth - 1) for key, inner in value.items()}
        case list() | tuple() if depth:
            return [_clean("", inner, depth - 1) for inner in value]
        case None | bool() | int() | float():
            return value
        case _:
            return redacted(repr(value))


def _is_harmless(name: str, value: object) -> bool:
    if isinstance(value, str):
        return name.endswith("code") and _OUR_CODE.fullmatch(value) is not None
    return isinstance(value, bool | int)  # how many tokens, whether there is a key

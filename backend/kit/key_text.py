"""256 random bits as text that a person can copy from paper: `ABCD-EFGH-...`, with a check sum."""

import base64
import binascii
import hashlib
import secrets

_BYTES = 32
_SUM = 3
_GROUP = 4
_LENGTH = 56
"""Characters without the dashes: (32 + 3) * 8 / 5, so nothing is left over."""


class KeyTextError(ValueError):
    """`str()` says what is wrong with the text, and never quotes it."""


def new_key_text() -> str:
    return key_text(secrets.token_bytes(_BYTES))


def key_text(key: bytes) -> str:
    text = base64.b32encode(key + _sum(key)).decode()
    return "-".join(text[at : at + _GROUP] for at in range(0, len(text), _GROUP))


def key_from_text(text: str) -> bytes:
    """Small letters, blanks and missing dashes do no harm. Raises KeyTextError."""
    plain = "".join(text.split()).replace("-", "").upper()
    if len(plain) != _LENGTH:
        raise KeyTextError(
            f"a key has 14 groups of 4 characters; this text has {len(plain)} in all"
        )
    try:
        raw = base64.b32decode(plain)
    except binascii.Error:
        raise KeyTextError("a key holds only the letters A-Z and the digits 2-7") from None
    key, given = raw[:_BYTES], raw[_BYTES:]
    if not secrets.compare_digest(given, _sum(key)):
        raise KeyTextError("a character of this key is wrong (its check sum does not fit)")
    return key


def _sum(key: bytes) -> bytes:
    return hashlib.sha256(b"parlor key" + key).digest()[:_SUM]

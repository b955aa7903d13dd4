"""The certificate authorities that this machine trusts."""

from functools import cache
from ssl import SSLContext


@cache
def machine_trust() -> SSLContext:
    """Reads files, which takes 25 ms: once for all clients. Nobody may change it."""
    from httpcore2 import default_ssl_context  # noqa: PLC0415  # start-up: heavy, rarely needed

    return default_ssl_context()

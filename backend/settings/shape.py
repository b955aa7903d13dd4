"""What the classes of settings have in common."""

from ipaddress import ip_address
from typing import Annotated, TypeVar

from pydantic import BeforeValidator
from pydantic_settings import NoDecode, SettingsConfigDict

_Entry = TypeVar("_Entry")


def settings_config(prefix: str) -> SettingsConfigDict:
    """For a class whose variables are named `prefix` and the field."""
    return SettingsConfigDict(
        env_prefix=prefix, frozen=True, extra="ignore", env_ignore_empty=True, populate_by_name=True
    )


def _split(value: object) -> object:
    return tuple(value.replace(",", " ").split()) if isinstance(value, str) else value


Listed = Annotated[tuple[_Entry, ...], NoDecode, BeforeValidator(_split)]
"""Separated by commas or blanks: easier to write on one line than JSON."""


def is_loopback(host: str) -> bool:
    try:
        return ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"

"""The machine's time zone by name, so that summer time is known."""

from pathlib import Path
from zoneinfo import ZoneInfo

_ETC = Path("/etc")


def machine_zone(etc: Path = _ETC) -> ZoneInfo:
    """UTC where the machine does not say. Reads files: at start, or in a thread."""
    names = [_linked_name(etc / "localtime"), _written_name(etc / "timezone")]
    for name in filter(None, names):
        try:
            return ZoneInfo(name)
        except (KeyError, ValueError, OSError):
            continue
    return ZoneInfo("UTC")


def _linked_name(link: Path) -> str:
    try:
        _, found, name = str(link.readlink()).rpartition("zoneinfo/")
    except OSError:
        return ""
    return name if found else ""


def _written_name(file: Path) -> str:
    try:
        return file.read_text("ascii").strip()
    except (OSError, UnicodeError):
        return ""

"""Names of notes: what may become a path, on this system and on any a vault is synchronised to."""

import unicodedata

from backend.kit.errors import InvalidInputError

_SUFFIX = ".md"
_LONGEST_PART = 255
_LONGEST = 1000
_DEEPEST = 8
_FORBIDDEN = frozenset('\\:*?"<>|')
_RESERVED = frozenset(
    {"con", "prn", "aux", "nul"}
    | {f"{port}{digit}" for port in ("com", "lpt") for digit in "0123456789¹²³"}
)


def new_note(name: str) -> tuple[str, ...]:
    """The folders and the file of a note to be, `.md` added. Raises InvalidInputError."""
    parts = existing_note(unicodedata.normalize("NFC", name))
    for part in parts:
        if problem := _problem(part):
            raise InvalidInputError(f"{part[:40]!r} cannot be in a name: {problem}.")
    return parts


def existing_note(name: str) -> tuple[str, ...]:
    """As above, for a note that somebody else may have named as no note of ours would be."""
    return _parts(name if name.lower().endswith(_SUFFIX) else name + _SUFFIX)


def existing_folder(name: str) -> tuple[str, ...]:
    """The folders; none for the top. Raises InvalidInputError."""
    whole = name.strip("/")
    return _parts(whole) if whole else ()


def _parts(whole: str) -> tuple[str, ...]:
    """What cannot lead out of the folder, nor to what is hidden in it."""
    parts = tuple(whole.split("/"))
    if len(parts) > _DEEPEST:
        raise InvalidInputError(f"Notes lie at most {_DEEPEST - 1} folders deep.")
    if len(whole.encode("utf-8", "replace")) > _LONGEST:
        raise InvalidInputError(f"A name may have {_LONGEST} bytes.")
    for part in parts:
        if problem := _danger(part):
            raise InvalidInputError(f"{part[:40]!r} cannot be in a name: {problem}.")
    return parts


def _danger(part: str) -> str | None:
    if not part:
        return "a part between slashes is empty, or it begins with a slash"
    if part.startswith("."):
        return "it begins with a dot"
    if "\0" in part or (not part.isascii() and any("\ud800" <= sign <= "\udfff" for sign in part)):
        return "it has a sign that is none"
    if len(part.encode()) > _LONGEST_PART:
        return f"it has more than {_LONGEST_PART} bytes"
    return None


def _problem(part: str) -> str | None:
    """Why a new note shall not be named so."""
    stem = part[: -len(_SUFFIX)] if part.lower().endswith(_SUFFIX) else part
    if stem != stem.strip() or stem.endswith("."):
        return "it begins or ends with a blank, or ends with a dot"
    if any(sign in _FORBIDDEN or unicodedata.category(sign) in _UNPRINTABLE for sign in part):
        return 'it has one of \\ : * ? " < > | or a sign that cannot be seen'
    if part.split(".", 1)[0].strip().lower() in _RESERVED:
        return "some systems keep that name for a device"
    return None


_UNPRINTABLE = frozenset({"Cc", "Cf", "Cs", "Co", "Cn", "Zl", "Zp"})

"""The one-time code that makes the owner: a file in the state folder until it is used."""

import secrets
from pathlib import Path

_ALPHABET = "ABCDEFGHJKLMNPQRSTUVWXYZ23456789"
_GROUPS, _GROUP = 4, 5
"""20 characters of 32: 100 bits."""


class SetupCode:
    def __init__(self, state_dir: Path) -> None:
        self._path = state_dir / "setup-code"

    def read_or_make(self) -> str:
        """The same code at every start until the owner exists."""
        try:
            self._path.touch(mode=0o600, exist_ok=False)
        except FileExistsError:
            if code := self._path.read_text("ascii").strip():
                return code
        groups = ("".join(secrets.choice(_ALPHABET) for _ in range(_GROUP)) for _ in range(_GROUPS))
        code = "-".join(groups)
        self._path.write_text(f"{code}\n", "ascii")
        return code

    def matches(self, code: str) -> bool:
        try:
            known = self._path.read_text("ascii").strip()
        except FileNotFoundError:
            return False
        given = code.strip().upper().encode()
        return bool(known) and secrets.compare_digest(known.encode(), given)

    def discard(self) -> None:
        self._path.unlink(missing_ok=True)

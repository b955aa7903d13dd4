"""Secret keys of this installation: made once, kept in one file beside the database, never in it."""

import fcntl
import json
import os
import secrets
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any, Literal

from backend.kit.clock import Clock
from backend.kit.errors import AppError

type Purpose = Literal["tokens", "secrets"]
"""What a key is for: signing sign-in tokens, or sealing what the database keeps for others."""

_BYTES = 32


class KeyringError(AppError):
    code = "keyring_unreadable"


@dataclass(frozen=True, slots=True)
class Key:
    id: str
    secret: bytes
    made_at: datetime


class Keyring:
    """Keys by purpose, newest last. Another process may turn the keys at any time: an unknown id
    makes this one look into the file again."""

    def __init__(self, state_dir: Path, clock: Clock) -> None:
        self._path = state_dir / "keys.json"
        self._clock = clock
        self._keys: dict[Purpose, list[Key]] = {}
        self._read_at = 0

    def newest(self, purpose: Purpose) -> Key:
        """The key to sign or seal with. Makes the first one. Raises KeyringError."""
        self._refresh()
        if not self._keys.get(purpose):
            self._change(purpose, only_first=True)
        return self._keys[purpose][-1]

    def find(self, purpose: Purpose, key_id: str) -> Key | None:
        """Raises KeyringError."""
        found = self._known(purpose, key_id)
        if found is None:
            self._refresh()  # or another thread just has: there may be news either way
            found = self._known(purpose, key_id)
        return found

    def rotate(self, purpose: Purpose, *, keep: timedelta | None = None) -> Key:
        """Make a new key. Older ones stay readable; with `keep`, those replaced for longer go."""
        self._change(purpose, only_first=False, keep=keep)
        return self._keys[purpose][-1]

    def _known(self, purpose: Purpose, key_id: str) -> Key | None:
        return next((key for key in self._keys.get(purpose, ()) if key.id == key_id), None)

    def _refresh(self) -> None:
        """Read the file, if it has changed since."""
        try:
            changed_at = self._path.stat().st_mtime_ns
        except FileNotFoundError:
            return
        if changed_at == self._read_at:
            return
        try:
            given = json.loads(self._path.read_text("utf-8"))
            self._keys = {purpose: [_key(raw) for raw in given[purpose]] for purpose in given}
        except (ValueError, KeyError, TypeError) as error:
            raise KeyringError(
                f"{self._path} is damaged. Restore it from a backup; without it sign-ins end and"
                " stored secrets have to be entered again (then remove the file)."
            ) from error
        self._read_at = changed_at

    def _change(self, purpose: Purpose, *, only_first: bool, keep: timedelta | None = None) -> None:
        """Under a lock, because two processes may start on a fresh folder together."""
        lock = os.open(f"{self._path}.lock", os.O_CREAT | os.O_RDWR | os.O_CLOEXEC, 0o600)
        try:
            fcntl.flock(lock, fcntl.LOCK_EX)
            self._refresh()
            keys = self._keys.get(purpose, [])
            if keys and only_first:
                return
            now = self._clock.now()
            made = Key(secrets.token_hex(4), secrets.token_bytes(_BYTES), now)
            # A key was in use until the next one was made.
            replaced = [following.made_at for following in keys[1:]] + [now]
            kept = [
                key
                for key, until in zip(keys, replaced, strict=False)
                if keep is None or now - until <= keep
            ]
            self._keys[purpose] = [*kept, made]
            self._write()
        finally:
            os.close(lock)

    def _write(self) -> None:
        content = {purpose: [_raw(key) for key in keys] for purpose, keys in self._keys.items()}
        fresh = self._path.with_suffix(".new")
        fresh.unlink(missing_ok=True)
        handle = os.open(fresh, os.O_CREAT | os.O_EXCL | os.O_WRONLY | os.O_CLOEXEC, 0o600)
        with os.fdopen(handle, "w") as file:
            json.dump(content, file, indent=1)
            file.flush()
            os.fsync(file.fileno())
        fresh.replace(self._path)
        self._read_at = self._path.stat().st_mtime_ns


def _key(raw: dict[str, Any]) -> Key:
    made_at = datetime.fromtimestamp(float(raw["made_at"]), UTC)
    return Key(str(raw["id"]), bytes.fromhex(raw["secret"]), made_at)


def _raw(key: Key) -> dict[str, Any]:
    return {"id": key.id, "secret": key.secret.hex(), "made_at": key.made_at.timestamp()}

"""The keys of an installation, asked for by many at once."""

from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from threading import Barrier

from backend.kit.clock import SystemClock
from backend.kit.keyring import Keyring


def test_after_a_restart_nobody_is_told_that_a_good_key_is_unknown(tmp_path: Path) -> None:
    clock = SystemClock()
    key = Keyring(tmp_path, clock).newest("tokens")
    together = Barrier(4)

    def ask(keyring: Keyring) -> bool:
        together.wait(5)
        return keyring.find("tokens", key.id) == key

    with ThreadPoolExecutor(4) as threads:
        for _ in range(300):  # each a process that has just started
            assert all(threads.map(ask, [Keyring(tmp_path, clock)] * 4))

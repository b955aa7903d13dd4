"""Who has the database open, and who replaces it."""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from backend.db.database import Database
from backend.db.in_use import InUseError, in_use, out_of_use


@contextmanager
def opened(path: Path) -> Iterator[None]:
    database = Database(path)
    try:
        database.open()
        yield
    finally:
        database.close()


def test_an_open_database_cannot_be_replaced(tmp_path: Path) -> None:
    path = tmp_path / "test.db"
    with (
        opened(path),
        opened(path),
        pytest.raises(InUseError, match="is running"),
        out_of_use(path),
    ):
        pass
    with out_of_use(path):
        pass


def test_a_database_that_is_being_replaced_cannot_be_opened(tmp_path: Path) -> None:
    path = tmp_path / "test.db"
    with out_of_use(path):
        with pytest.raises(InUseError, match="being restored"), opened(path):
            pass
        with pytest.raises(InUseError), in_use(path):
            pass
    with opened(path):
        pass

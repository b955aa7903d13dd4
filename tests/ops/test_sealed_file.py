"""An encrypted file is the writer's, whole and in order, or nothing of the wrong part is given."""

import io
import os
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from backend.kit.key_text import key_text
from backend.ops.archive import BackupError
from backend.ops.sealed_file import MAGIC, PIECE, BackupKey, SealedReader, SealedWriter, unsealed

KEY = BackupKey(bytes(range(32)))
HEADER = len(MAGIC) + 8 + 32
SEALED_PIECE = PIECE + 16
SIZES = st.sampled_from([0, 1, 100, PIECE - 1, PIECE, PIECE + 1, 3 * PIECE, 3 * PIECE + 7])


def seal(content: bytes, *, step: int = 10_000) -> bytes:
    file = io.BytesIO()
    writer = SealedWriter(file, KEY)
    for at in range(0, len(content), step):
        writer.write(content[at : at + step])
    writer.finish()
    return file.getvalue()


def opened(sealed: bytes, key: BackupKey = KEY) -> bytes:
    return io.BufferedReader(SealedReader(io.BytesIO(sealed), key, "it")).read()


@given(SIZES, st.sampled_from([1000, PIECE, 5 * PIECE]))
@settings(deadline=None)
def test_what_went_in_comes_out_however_it_was_written(size: int, step: int) -> None:
    content = os.urandom(size)
    assert opened(seal(content, step=step)) == content


@given(st.data())
@settings(deadline=None)
def test_a_changed_bit_anywhere_is_noticed_the_header_included(data: st.DataObject) -> None:
    sealed = bytearray(seal(b"x" * (2 * PIECE + 5)))
    at = data.draw(st.integers(0, len(sealed) - 1))
    sealed[at] ^= 1 << data.draw(st.integers(0, 7))
    with pytest.raises(BackupError):
        opened(bytes(sealed))


@given(SIZES, st.data())
@settings(deadline=None)
def test_a_file_that_was_cut_is_noticed_also_between_pieces(size: int, data: st.DataObject) -> None:
    sealed = seal(bytes(size))
    borders = list(range(HEADER, len(sealed), SEALED_PIECE))
    end = data.draw(st.one_of(st.integers(0, len(sealed) - 1), st.sampled_from(borders)))
    with pytest.raises(BackupError):
        opened(sealed[:end])


@pytest.mark.parametrize("size", [3 * PIECE, 3 * PIECE + 7])
def test_pieces_that_were_exchanged_repeated_left_out_or_added_are_noticed(size: int) -> None:
    sealed = seal(os.urandom(size))
    header, body = sealed[:HEADER], sealed[HEADER:]
    pieces = [body[at : at + SEALED_PIECE] for at in range(0, len(body), SEALED_PIECE)]
    first, second, *rest = pieces
    for changed in (
        [second, first, *rest],
        [first, first, second, *rest],
        [second, *rest],
        [*pieces, rest[-1]],
        [*pieces, b"x"],
    ):
        with pytest.raises(BackupError, match="bytes have changed, or its end"):
            opened(header + b"".join(changed))


def test_pieces_of_another_file_under_the_same_key_do_not_fit() -> None:
    one, other = seal(b"a" * 3 * PIECE), seal(b"b" * 3 * PIECE)
    with pytest.raises(BackupError):
        opened(one[: HEADER + SEALED_PIECE] + other[HEADER + SEALED_PIECE :])


def test_nothing_readable_is_in_it_and_no_two_are_alike() -> None:
    content = b"sk-or-v1-a-secret" * 1000
    one, other = seal(content), seal(content)
    assert one[HEADER:] != other[HEADER:]
    assert b"secret" not in one


def test_another_key_is_told_from_damage(tmp_path: Path) -> None:
    path = tmp_path / "sealed"
    path.write_bytes(seal(b"x"))
    with pytest.raises(BackupError, match="another key"), unsealed(path, BackupKey(bytes(32))):
        pass
    with pytest.raises(BackupError, match=r"is encrypted.*--key-file"), unsealed(path, None):
        pass


def test_a_key_shows_itself_to_nobody() -> None:
    assert "0102" not in repr(KEY)
    assert key_text(KEY.secret) not in repr(KEY)
    assert BackupKey.parse(key_text(KEY.secret)) == KEY

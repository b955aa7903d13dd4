"""A key as text: what a person copies from paper is the key, or is refused."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from backend.kit.key_text import KeyTextError, key_from_text, key_text, new_key_text

KEYS = st.binary(min_size=32, max_size=32)


@given(KEYS)
def test_a_key_survives_being_written_down_in_small_letters_without_dashes(key: bytes) -> None:
    text = key_text(key)
    assert key_from_text(text) == key
    assert key_from_text(f"  {text.lower().replace('-', ' ')}\n") == key
    assert [len(group) for group in text.split("-")] == [4] * 14


@given(KEYS, st.integers(0, 55), st.sampled_from("ABCDEFGHIJKLMNOPQRSTUVWXYZ234567"))
def test_one_wrong_character_is_noticed(key: bytes, at: int, letter: str) -> None:
    plain = key_text(key).replace("-", "")
    changed = plain[:at] + letter + plain[at + 1 :]
    if changed != plain:
        with pytest.raises(KeyTextError, match="check sum"):
            key_from_text(changed)


@pytest.mark.parametrize("text", ["", "ABCD", "a secret password of mine", "1" * 56])
def test_what_is_no_key_is_refused_without_being_quoted(text: str) -> None:
    with pytest.raises(KeyTextError) as refused:
        key_from_text(text)
    assert not text or text not in str(refused.value)


def test_no_two_are_the_same() -> None:
    assert len({new_key_text() for _ in range(100)}) == 100

"""Long results: the model reads the beginning, and on as far as it likes."""

import re

import pytest

from backend.kit.errors import InvalidInputError, NotFoundError
from backend.toolbox.paging import PAGE, Pages

LONG = "".join(f"{number:06}\n" for number in range(10_000))


def key_of(page: str) -> str:
    found = re.search(r'id "([0-9a-f]+)"', page)
    assert found
    return found[1]


def read_all(pages: Pages, text: str, person: str) -> str:
    page = pages.first(text, person)
    read = ""
    while "to read on:" in page:
        body, _, note = page.rpartition("\n[")
        read += body
        offset = int(note.rpartition("offset ")[2].rstrip("]"))
        page = pages.read({"id": key_of(page), "offset": offset}, person)
    return read + page.rpartition("\n[")[0]


def test_a_short_result_is_left_alone():
    assert Pages().first("short", "anna") == "short"


def test_the_whole_of_a_long_result_can_be_read():
    assert read_all(Pages(), LONG, "anna") == LONG


def test_a_page_fits_and_tells_how_to_read_on():
    page = Pages().first(LONG, "anna")
    assert len(page) < PAGE + 200
    assert f"[characters 0 to {PAGE} of {len(LONG)}; to read on: read_more" in page


def test_nobody_reads_somebody_else_s_result():
    pages = Pages()
    key = key_of(pages.first(LONG, "anna"))
    with pytest.raises(NotFoundError):
        pages.read({"id": key, "offset": 0}, "ben")


def test_old_results_go_a_person_s_own_first():
    pages = Pages()
    bens = key_of(pages.first(LONG, "ben"))
    keys = [key_of(pages.first(LONG, "anna")) for _ in range(20)]
    assert pages.read({"id": bens, "offset": 0}, "ben")
    assert pages.read({"id": keys[-1], "offset": 0}, "anna")
    with pytest.raises(NotFoundError):
        pages.read({"id": keys[0], "offset": 0}, "anna")


def test_no_more_is_kept_than_a_model_would_read():
    text = "x" * 3_000_000
    pages = Pages()
    key = key_of(pages.first(text, "anna"))
    last = pages.read({"id": key, "offset": 1_999_999}, "anna")
    assert last.startswith("x")
    with pytest.raises(InvalidInputError, match="only 2000000"):
        pages.read({"id": key, "offset": 2_000_000}, "anna")


@pytest.mark.parametrize(
    "arguments", [{}, {"id": 3}, {"id": "x", "offset": -1}, {"id": "x", "offset": True}]
)
def test_wrong_arguments_have_a_reason(arguments):
    with pytest.raises(InvalidInputError):
        Pages().read(arguments, "anna")

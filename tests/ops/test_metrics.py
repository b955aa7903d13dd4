"""Prometheus' text format."""

from hypothesis import given
from hypothesis import strategies as st

from backend.ops.metrics import Family, rendered


def test_a_family_has_its_words_its_kind_and_a_line_for_each_value() -> None:
    family = Family.by("status", {"a": 2, "b": 0.25}, "turns_total", "Turns.", "counter")
    assert rendered([family, Family.one("size", "gauge", "Size.", 7.0)]) == (
        "# HELP parlor_turns_total Turns.\n"
        "# TYPE parlor_turns_total counter\n"
        'parlor_turns_total{status="a"} 2\n'
        'parlor_turns_total{status="b"} 0.25\n'
        "# HELP parlor_size Size.\n"
        "# TYPE parlor_size gauge\n"
        "parlor_size 7\n"
    )


def test_what_nobody_knows_is_left_out() -> None:
    assert rendered([Family.one("age", "gauge", "Age.", None)]) == ""


@given(st.text())
def test_no_label_breaks_out_of_its_line(text: str) -> None:
    sample = Family("x", "gauge", "X.", (({"name": text}, 1),))
    lines = rendered([sample]).removesuffix("\n").split("\n")
    assert len(lines) == 3
    inner = lines[2].removeprefix('parlor_x{name="').removesuffix('"} 1')
    assert inner.replace(r"\\", "").replace(r"\"", "").count('"') == 0

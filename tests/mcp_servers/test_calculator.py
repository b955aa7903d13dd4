"""The calculator: right, exact where that is possible, and never long."""

import asyncio
import math
import time
from contextlib import suppress
from decimal import Decimal
from fractions import Fraction

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from backend.mcp_servers.arithmetic.expression import evaluate
from backend.mcp_servers.arithmetic.numbers import CalculationError, Number, shown
from backend.mcp_servers.calculator import build
from backend.settings import Settings
from tests.mcp_servers.calling import calling


def value(text: str, *, degrees: bool = False) -> Number:
    return evaluate(text, precision=20, degrees=degrees)


def text_of(text: str, *, degrees: bool = False) -> str:
    return shown(value(text, degrees=degrees), 20).value


EXACT = {
    "1 + 2 * 3": "7",
    "(1 + 2) * 3": "9",
    "-2^2": "-4",
    "(-2)^2": "4",
    "2^-1": "0.5",
    "2^3^2": "512",
    "2**10": "1024",
    "0.1 + 0.2": "0.3",
    "10 % 3": "1",
    "15% * 80": "12",
    "200 + 10%": "200.1",
    "50% % 3": "0.5",
    "-7 // 2": "-4",
    "7 mod -3": "-2",
    "5!": "120",
    "3!!": "720",
    "-3!": "-6",
    "sqrt(16/9) * 3": "4",
    "4^0.5": "2",
    "8^(1/2)^2": "1.6817928305074290861",
    "cbrt(-27)": "-3",
    "root(1024, 10)": "2",
    "0x1F + 0b11 + 0o7": "41",
    "1_000 * 2.5e3": "2500000",
    ".5 + 5.": "5.5",
    "round(2.5) + round(-2.5)": "0",
    "round(2.345, 2)": "2.35",
    "round(1234, -2)": "1200",
    "floor(-1.5) + ceil(-1.5) + trunc(-1.5)": "-4",
    "min(3, 1, 2) + max(3, 1, 2)": "4",
    "sum(1, 2, 3) / mean(1, 2, 3)": "3",
    "median(5, 1, 3) + median(1, 2)": "4.5",
    "gcd(12, 18) + lcm(4, 6)": "18",
    "comb(50, 6)": "15890700",
    "perm(10, 3)": "720",
    "hypot(3, 4)": "5",
    "abs(-3) + sign(-3)": "2",
    "√(9) + 1": "4",
    "6 \u00f7 3 \u00d7 2 \u2212 1": "3",
    "log(1000) + log2(8) + log10(100) + log(81, 3)": "12",
    "ln(e^3)": "3",
    "sin(pi) + cos(pi/2)": "0",
    "deg(pi) + rad(180) / pi": "181",
    "tau / pi": "2",
    "phi^2 - phi": "1",
    "atan2(0, -1) / pi + atan2(-1, 0) / pi": "0.5",
    "cosh(1)^2 - sinh(1)^2": "1",
    "20!": "2432902008176640000",
    "1/3 * 3": "1",
    "2 ^ 0 + 0 ^ 0": "2",
}  # fmt: skip


@pytest.mark.parametrize("text", EXACT)
def test_an_expression_has_its_value(text: str) -> None:
    assert text_of(text) == EXACT[text]


WRONG = {
    "": "nothing to calculate",
    "1 +": "missing at the end",
    "(1": "character 1 is not closed",
    "1)": "not expected",
    "2pi": "operator missing",
    "3(4)": "operator missing",
    "1,000": "without commas",
    "1/0": "Division by zero",
    "1 % 0": "Division by zero",
    "0^-1": "Division by zero",
    "sqrt(-1)": "no real square root",
    "(-8)^0.5": "negative number",
    "ln(0)": "Only positive",
    "log(2, 1)": "base 1",
    "asin(2)": "-1 to 1",
    "tan(pi/2)": "not defined",
    "atan2(0, 0)": "not defined",
    "0.5!": "whole numbers",
    "(-1)!": "no factorial",
    "round(1, 500)": "at most",
    "gcd(1.5, 3)": "whole numbers",
    "sqrt": "parentheses",
    "sqrt()": "does not take 0",
    "sqrt(1, 2)": "does not take 2",
    "foo(1)": "not known",
    "__import__('os').system('id')": "not understood",
    "().__class__": "not understood",
    "1; 2": "not understood",
    "x = 1": "not understood",
    "x + 1": "not known",
    "²": "not understood",
    "\0": "not understood",
}


@pytest.mark.parametrize("text", WRONG)
def test_what_has_no_value_says_why(text: str) -> None:
    with pytest.raises(CalculationError) as refusal:
        value(text)
    assert WRONG[text] in refusal.value.detail


HUGE = [
    "9**9**9",
    "9^9^9^9",
    "2^(2^(2^(2^(2^2))))",
    "1e3000 * 1e3000",
    "1e999999999",
    "(1e-3000)^3",
    "factorial(99999999)",
    "99999999!",
    "3!!!!!!",
    "comb(10^9, 10^8)",
    "perm(9999, 9999)",
    "e^e^e^e^e",
    "exp(10^12)",
    "sin(10^40)",
    "floor(e^20000)",
    "lcm(" + ",".join(str(10**300 + i) for i in range(1, 6)) + ")" + "^10",
    "(" * 500 + "1" + ")" * 500,
    "2^" * 900 + "2",
    "1.5^" * 200 + "1.5",
    "-" * 1999 + "x",
]


@pytest.mark.parametrize("text", HUGE, ids=range(len(HUGE)))
def test_what_is_too_large_is_refused_at_once(text: str) -> None:
    begun = time.process_time()
    with pytest.raises(CalculationError):
        value(text)
    assert time.process_time() - begun < 0.2


SLOWEST = [
    "+".join(["sin(1)"] * 280),
    "+".join(f"1/{number}" for number in range(100, 400)),
    "*".join(["1.1"] * 400),
    "sin(" * 50 + "1" + ")" * 50,
    "+".join(["1400!"] * 330),
    "+".join(["comb(9999,5000)"] * 120),
    "+".join(["2^0.3"] * 330),
]


@pytest.mark.parametrize("text", SLOWEST, ids=range(len(SLOWEST)))
def test_the_longest_calculations_take_less_than_a_second(text: str) -> None:
    begun = time.process_time()
    evaluate(text, precision=100)
    assert time.process_time() - begun < 1


NUMBERS = st.integers(-1000, 1000).map(Fraction) | st.decimals(
    -1000, 1000, places=3, allow_nan=False
).map(Fraction)


@st.composite
def sums(draw: st.DrawFn, depth: int = 3) -> tuple[str, Fraction]:
    """An expression of the four operations, and its value by Python's fractions."""
    if depth == 0 or draw(st.booleans()):
        number = draw(NUMBERS)
        plain = f"{Decimal(number.numerator) / Decimal(number.denominator):f}"
        return (f"({plain})", number)
    left, right = draw(sums(depth - 1)), draw(sums(depth - 1))
    operator = draw(st.sampled_from("+-*/"))
    if operator == "/" and right[1] == 0:
        operator = "+"
    found = {
        "+": lambda a, b: a + b,
        "-": lambda a, b: a - b,
        "*": lambda a, b: a * b,
        "/": lambda a, b: a / b,
    }[operator](left[1], right[1])
    return (f"({left[0]} {operator} {right[0]})", found)


@given(sums())
def test_the_four_operations_agree_with_fractions(case: tuple[str, Fraction]) -> None:
    assert value(case[0]) == case[1]


@given(
    st.sampled_from(
        ["sin", "cos", "tan", "atan", "exp", "sinh", "cosh", "tanh", "asin", "acos", "sqrt", "ln"]
    ),
    st.floats(-20, 20, allow_nan=False),
)
def test_functions_agree_with_floats_to_their_last_digits(name: str, number: float) -> None:
    if name in ("asin", "acos"):
        number /= 20
    if name in ("sqrt", "ln"):
        number = abs(number) + 0.001
    expected = getattr(math, "log" if name == "ln" else name)(number)
    found = float(value(f"{name}({Decimal(number):f})"))
    assert found == pytest.approx(expected, rel=1e-9, abs=1e-12)


@given(st.integers(1, 60), st.sampled_from(["pi", "e", "sqrt(2)", "sin(1)", "1/7"]))
def test_every_digit_that_is_shown_is_right(precision: int, text: str) -> None:
    few = Decimal(shown(evaluate(text, precision=precision), precision).value)
    many = Decimal(shown(evaluate(text, precision=100), 100).value)
    unit = Decimal(10) ** (few.adjusted() - precision + 1)
    assert abs(few - many) <= unit / 2


@settings(max_examples=300)
@given(st.text("0123456789.eE+-*/^!%(),√πsincoqrtlgmax ", max_size=60))
def test_any_text_is_a_value_or_a_refusal(text: str) -> None:
    with suppress(CalculationError):
        shown(value(text), 20)


async def test_the_tool_tells_whether_the_answer_is_exact() -> None:
    async with calling(build(Settings.defaults())) as caller:
        third = await caller.ok("calculate", expression="1/3")
        assert third["value"] == "0.33333333333333333333"
        assert third["fraction"] == "1/3"
        assert not third["exact"]
        assert (await caller.ok("calculate", expression="2/4"))["exact"]
        assert (await caller.ok("calculate", expression="sin(30)", degrees=True))["value"] == "0.5"
        assert (await caller.ok("calculate", expression="pi", precision=5))["value"] == "3.1416"
        assert "4000 digits" in await caller.refused("calculate", expression="9**9**9")
        assert "2000 characters" in await caller.refused("calculate", expression="1" * 2001)


async def test_numbers_are_summarised_exactly() -> None:
    async with calling(build(Settings.defaults())) as caller:
        found = await caller.ok("summarise_numbers", numbers=["0.1", "0.2", "3*0.1", 0.4])
        assert found == {
            "count": 4,
            "sum": "1",
            "mean": "0.25",
            "median": "0.25",
            "minimum": "0.1",
            "maximum": "0.4",
            "sample_standard_deviation": "0.12909944487358056284",
        }
        single = await caller.ok("summarise_numbers", numbers=["7"])
        assert single["sample_standard_deviation"] is None


async def test_a_long_summary_leaves_others_their_turn() -> None:
    """All servers share a process, and whoever asks for little waits for little."""
    async with calling(build(Settings.defaults())) as caller:
        many = caller.ok("summarise_numbers", numbers=["+".join(["2^.51"] * 30)] * 150)
        summary = asyncio.ensure_future(many)
        await asyncio.sleep(0)
        await caller.ok("calculate", expression="1+1")
        assert not summary.done()
        assert (await summary)["count"] == 150


async def test_misspelt_and_missing_arguments_are_named() -> None:
    async with calling(build(Settings.defaults())) as caller:
        told = await caller.refused("calculate", expr="1")
        assert "expression: Field required" in told
        assert "expr:" in told
        assert "pydantic" not in told

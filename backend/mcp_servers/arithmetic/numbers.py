"""Numbers as people mean them: fractions while that is exact, decimals where it cannot be."""

from dataclasses import dataclass
from decimal import (
    ROUND_HALF_EVEN,
    ROUND_HALF_UP,
    Context,
    Decimal,
    DivisionByZero,
    InvalidOperation,
    Overflow,
)
from fractions import Fraction
from math import isqrt

from backend.kit.errors import InvalidInputError

type Number = Fraction | Decimal

LARGEST_PRECISION = 100
_GUARD_DIGITS = 15
_MOST_DIGITS = 4000
_MOST_BITS = 13_280
"""Of a numerator or denominator: 4,000 digits, less than what Python refuses to print."""
_PLAIN_DIGITS = 40
"""Zeros after the point before a number gets an exponent."""


class CalculationError(InvalidInputError):
    """There is no answer; says why, and where it can, what to write instead."""


TOO_LARGE = f"The result has more than {_MOST_DIGITS} digits."


def working_context(precision: int) -> Context:
    """With digits to spare, so that what is shown is right to the last one."""
    return Context(
        prec=precision + _GUARD_DIGITS,
        rounding=ROUND_HALF_EVEN,
        Emin=-10_000,
        Emax=10_000,
        traps=[DivisionByZero, InvalidOperation, Overflow],
    )


def bounded(number: Number) -> Number:
    """Raises when a number has grown beyond what is worth computing."""
    if (
        isinstance(number, Fraction)
        and max(number.numerator.bit_length(), number.denominator.bit_length()) > _MOST_BITS
    ):
        raise CalculationError(TOO_LARGE)
    return number


def to_decimal(number: Number, context: Context) -> Decimal:
    if isinstance(number, Decimal):
        return number
    return context.divide(Decimal(number.numerator), Decimal(number.denominator))


def to_fraction(number: Number) -> Fraction:
    return number if isinstance(number, Fraction) else Fraction(number)


def whole(number: Number, name: str) -> int:
    """Raises with the name of who needs a whole number."""
    exact = to_fraction(number)
    if exact.denominator != 1:
        raise CalculationError(f"{name} needs whole numbers.")
    return exact.numerator


def add(left: Number, right: Number, context: Context) -> Number:
    if isinstance(left, Fraction) and isinstance(right, Fraction):
        return bounded(left + right)
    return context.add(to_decimal(left, context), to_decimal(right, context))


def multiply(left: Number, right: Number, context: Context) -> Number:
    if isinstance(left, Fraction) and isinstance(right, Fraction):
        return bounded(left * right)
    return context.multiply(to_decimal(left, context), to_decimal(right, context))


def divide(left: Number, right: Number, context: Context) -> Number:
    if not right:
        raise CalculationError("Division by zero.")
    if isinstance(left, Fraction) and isinstance(right, Fraction):
        return bounded(left / right)
    return context.divide(to_decimal(left, context), to_decimal(right, context))


def floor_divide(left: Number, right: Number) -> Number:
    if not right:
        raise CalculationError("Division by zero.")
    return bounded(Fraction(to_fraction(left) // to_fraction(right)))


def modulo(left: Number, right: Number) -> Number:
    """With the sign of the divisor, as the remainder of `//`."""
    if not right:
        raise CalculationError("Division by zero.")
    return bounded(to_fraction(left) % to_fraction(right))


def power(base: Number, exponent: Number, context: Context) -> Number:
    if isinstance(exponent, Fraction):
        if exponent.denominator == 1 and isinstance(base, Fraction):
            return _whole_power(base, exponent.numerator)
        if exponent.denominator == 2 and isinstance(base, Fraction):
            root = exact_root(base)
            if root is not None:
                return _whole_power(root, exponent.numerator)
    if not base:
        if exponent <= 0:
            raise CalculationError("Zero has no such power.")
        return Fraction(0)
    if base < 0 and to_fraction(exponent).denominator != 1:
        raise CalculationError("A negative number has no real power that is not whole.")
    return context.power(to_decimal(base, context), to_decimal(exponent, context))


def _whole_power(base: Fraction, exponent: int) -> Fraction:
    if not base and exponent < 0:
        raise CalculationError("Division by zero.")
    if base in (0, 1, -1):
        return base ** (exponent % 2 + 2) if exponent else Fraction(1)
    bits = max(base.numerator.bit_length(), base.denominator.bit_length()) - 1
    if bits * abs(exponent) > _MOST_BITS or abs(exponent) > _MOST_BITS:
        raise CalculationError(TOO_LARGE)
    raised = base**exponent
    bounded(raised)
    return raised


def exact_root(number: Fraction) -> Fraction | None:
    """The square root, when it is rational."""
    if number < 0:
        return None
    above, below = isqrt(number.numerator), isqrt(number.denominator)
    if above * above == number.numerator and below * below == number.denominator:
        return Fraction(above, below)
    return None


def rounded(number: Number, digits: int) -> Fraction:
    """Half away from zero, as at school."""
    if abs(digits) > LARGEST_PRECISION:
        raise CalculationError(f"round keeps at most {LARGEST_PRECISION} digits.")
    scale = Fraction(10) ** digits
    scaled = abs(to_fraction(number)) * scale + Fraction(1, 2)
    up = Fraction(scaled.numerator // scaled.denominator) / scale
    return up if number >= 0 else -up


@dataclass(frozen=True, slots=True)
class Shown:
    """A number as text: `value` to the precision asked for, and whether that is all of it."""

    value: str
    exact: bool
    fraction: str | None


def shown(number: Number, precision: int) -> Shown:
    if isinstance(number, Fraction) and number.denominator == 1:
        return Shown(str(number.numerator), exact=True, fraction=None)
    cut = Context(prec=precision, rounding=ROUND_HALF_UP, Emin=-20_000, Emax=20_000, traps=[])
    if isinstance(number, Decimal):
        return Shown(_plain(cut.plus(number), cut), exact=False, fraction=None)
    value = cut.divide(Decimal(number.numerator), Decimal(number.denominator))
    exact = Fraction(value) == number
    fraction = f"{number.numerator}/{number.denominator}"
    return Shown(
        _plain(value, cut), exact=exact, fraction=fraction if len(fraction) <= 200 else None
    )


def _plain(value: Decimal, context: Context) -> str:
    """Without an exponent where that can be read."""
    trimmed = value.normalize(context)
    if not trimmed:
        return "0"
    if -_PLAIN_DIGITS <= trimmed.adjusted() <= LARGEST_PRECISION:
        return f"{trimmed:f}"
    return str(trimmed)

"""Angles and circles to any precision: pi, sine, cosine, arc tangent by their series."""

from decimal import Context, Decimal
from functools import cache

from backend.mcp_servers.arithmetic.numbers import CalculationError

_LARGEST_ANGLE = Decimal("1e20")
_SPARE = 25
"""More digits than the largest angle eats when whole turns are taken off."""


@cache
def pi(precision: int) -> Decimal:
    """By Machin's formula."""
    context = Context(prec=precision + 5)

    def arctan_of_inverse(whole: int) -> Decimal:
        term = context.divide(Decimal(1), Decimal(whole))
        square, total, odd, sign = Decimal(whole * whole), term, 1, 1
        while True:
            term = context.divide(term, square)
            odd, sign = odd + 2, -sign
            grown = context.add(total, context.divide(term * sign, Decimal(odd)))
            if grown == total:
                return total
            total = grown

    four = context.subtract(
        context.multiply(Decimal(4), arctan_of_inverse(5)), arctan_of_inverse(239)
    )
    return Context(prec=precision).multiply(Decimal(4), four)


def sine_and_cosine(angle: Decimal, context: Context) -> tuple[Decimal, Decimal]:
    """Of an angle in radians. Multiples of a quarter turn give exact zeros."""
    if abs(angle) > _LARGEST_ANGLE:
        raise CalculationError("That angle is too large to mean anything.")
    wide = Context(prec=context.prec + _SPARE)
    quarter = wide.divide(pi(wide.prec), Decimal(2))
    quarters = wide.divide(angle, quarter).to_integral_value()
    rest = wide.subtract(angle, wide.multiply(quarters, quarter))
    # What is left of a multiple of pi is the rounding of pi.
    digits_lost = max(angle.adjusted(), 0) + 2
    if quarters and abs(rest) < Decimal(1).scaleb(digits_lost - context.prec):
        rest = Decimal(0)
    sine, cosine = _series(rest, wide, first=1), _series(rest, wide, first=0)
    turned = (sine, cosine), (cosine, -sine), (-sine, -cosine), (-cosine, sine)
    found = turned[int(quarters) % 4]
    return context.plus(found[0]), context.plus(found[1])


def _series(angle: Decimal, context: Context, *, first: int) -> Decimal:
    """x - x³/3! + x⁵/5! ... from the given power on: 1 is the sine, 0 the cosine."""
    square = -context.multiply(angle, angle)
    term = angle if first else Decimal(1)
    total, step = term, first
    while True:
        step += 2
        term = context.divide(context.multiply(term, square), Decimal(step * (step - 1)))
        grown = context.add(total, term)
        if grown == total:
            return total
        total = grown


def arc_tangent(number: Decimal, context: Context) -> Decimal:
    if number < 0:
        return -arc_tangent(-number, context)
    wide = Context(prec=context.prec + _SPARE)
    if number > 1:
        inverse = arc_tangent(wide.divide(Decimal(1), number), wide)
        return context.subtract(wide.divide(pi(wide.prec), Decimal(2)), inverse)
    # Halved until the series is quick: atan(x) = 2 atan(x / (1 + sqrt(1 + x²))).
    halvings = 0
    while number > Decimal("0.1"):
        root = wide.sqrt(wide.add(Decimal(1), wide.multiply(number, number)))
        number = wide.divide(number, wide.add(Decimal(1), root))
        halvings += 1
    square, term, total, odd = -wide.multiply(number, number), number, number, 1
    while True:
        term, odd = wide.multiply(term, square), odd + 2
        grown = wide.add(total, wide.divide(term, Decimal(odd)))
        if grown == total:
            return context.multiply(total, Decimal(2**halvings))
        total = grown


def arc_sine(number: Decimal, context: Context) -> Decimal:
    if abs(number) > 1:
        raise CalculationError("asin and acos take numbers from -1 to 1.")
    wide = Context(prec=context.prec + _SPARE)
    rest = wide.sqrt(wide.subtract(Decimal(1), wide.multiply(number, number)))
    if not rest:
        return context.divide(pi(wide.prec) * int(number), Decimal(2))
    return context.plus(arc_tangent(wide.divide(number, rest), wide))

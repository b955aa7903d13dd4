"""The functions and constants an expression may name."""

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from decimal import Context, Decimal
from fractions import Fraction

from backend.mcp_servers.arithmetic.numbers import (
    TOO_LARGE,
    CalculationError,
    Number,
    add,
    bounded,
    divide,
    exact_root,
    modulo,
    multiply,
    power,
    rounded,
    to_decimal,
    to_fraction,
    whole,
)
from backend.mcp_servers.arithmetic.series import arc_sine, arc_tangent, pi, sine_and_cosine

_LARGEST_FACTORIAL = 1400
_MOST_CHOICES = 10_000
_GOLDEN = (Fraction(1), Fraction(5), Fraction(2))


@dataclass(frozen=True, slots=True)
class Setting:
    """How to calculate: with how many digits, and what a bare angle means."""

    context: Context
    degrees: bool = False

    def decimal(self, number: Number) -> Decimal:
        return to_decimal(number, self.context)


type Run = Callable[[Setting, Sequence[Number]], Number]


@dataclass(frozen=True, slots=True)
class Function:
    run: Run
    least: int = 1
    most: int | None = 1
    """None: as many as one likes."""


def constant(name: str, setting: Setting) -> Number | None:
    context = setting.context
    match name:
        case "pi" | "π":
            return pi(context.prec)
        case "tau" | "τ":
            return context.multiply(pi(context.prec + 1), Decimal(2))
        case "e":
            return context.exp(Decimal(1))
        case "phi" | "φ":
            one, five, two = (Decimal(part.numerator) for part in _GOLDEN)
            return context.divide(context.add(one, context.sqrt(five)), two)
    return None


def square_root(setting: Setting, given: Sequence[Number]) -> Number:
    number = given[0]
    if number < 0:
        raise CalculationError("A negative number has no real square root.")
    exact = exact_root(number) if isinstance(number, Fraction) else None
    return exact if exact is not None else setting.context.sqrt(setting.decimal(number))


def nth_root(setting: Setting, given: Sequence[Number]) -> Number:
    number, degree = given[0], whole(given[1], "root")
    if not 1 <= degree <= 1000:
        raise CalculationError("root(x, n) takes n from 1 to 1000.")
    if number < 0:
        if degree % 2 == 0:
            raise CalculationError("A negative number has no real even root.")
        return -nth_root(setting, [-number, given[1]])
    if not number:
        return Fraction(0)
    found = power(setting.decimal(number), Fraction(1, degree), setting.context)
    near = rounded(found, 0)
    # An exact answer shall look exact: root(27, 3) is 3.
    is_exact = near.numerator.bit_length() * degree < 10_000 and near**degree == number
    return near if is_exact else found


def natural_logarithm(setting: Setting, given: Sequence[Number]) -> Number:
    if given[0] <= 0:
        raise CalculationError("Only positive numbers have a logarithm.")
    return setting.context.ln(setting.decimal(given[0]))


def logarithm(setting: Setting, given: Sequence[Number]) -> Number:
    """To base 10, or to the second number."""
    top = natural_logarithm(setting, given)
    if len(given) == 1:
        return setting.context.log10(setting.decimal(given[0]))
    below = natural_logarithm(setting, given[1:])
    if not below:
        raise CalculationError("There is no logarithm to base 1.")
    return divide(top, below, setting.context)


def _logarithm_to_2(setting: Setting, given: Sequence[Number]) -> Number:
    return logarithm(setting, [given[0], Fraction(2)])


def _exponential(setting: Setting, given: Sequence[Number]) -> Number:
    return setting.context.exp(setting.decimal(given[0]))


def _turned(setting: Setting, angle: Number) -> tuple[Decimal, Decimal]:
    if setting.degrees:
        angle = multiply(modulo(angle, Fraction(360)), _degree(setting), setting.context)
    return sine_and_cosine(setting.decimal(angle), setting.context)


def _degree(setting: Setting) -> Decimal:
    return setting.context.divide(pi(setting.context.prec + 3), Decimal(180))


def _angle(setting: Setting, radians: Decimal) -> Number:
    if not setting.degrees:
        return radians
    return setting.context.divide(radians, _degree(setting))


def _tangent(setting: Setting, given: Sequence[Number]) -> Number:
    sine, cosine = _turned(setting, given[0])
    if not cosine:
        raise CalculationError("tan is not defined there.")
    return setting.context.divide(sine, cosine)


def _arc_cosine(setting: Setting, given: Sequence[Number]) -> Number:
    context = setting.context
    quarter = context.divide(pi(context.prec + 3), Decimal(2))
    return _angle(setting, context.subtract(quarter, arc_sine(setting.decimal(given[0]), context)))


def _arc_tangent_of_two(setting: Setting, given: Sequence[Number]) -> Number:
    up, right = setting.decimal(given[0]), setting.decimal(given[1])
    context = setting.context
    if not up and not right:
        raise CalculationError("atan2(0, 0) is not defined.")
    half = pi(context.prec + 3)
    if not right:
        return _angle(setting, context.divide(half.copy_sign(up), Decimal(2)))
    angle = arc_tangent(context.divide(up, right), context)
    if right < 0:
        angle = context.add(angle, half.copy_sign(up) if up else half)
    return _angle(setting, angle)


def _hyperbolic(setting: Setting, given: Sequence[Number], name: str) -> Number:
    context, number = setting.context, setting.decimal(given[0])
    up, down = context.exp(number), context.exp(-number)
    difference, total = context.subtract(up, down), context.add(up, down)
    if name == "tanh":
        return context.divide(difference, total)
    return context.divide(difference if name == "sinh" else total, Decimal(2))


def _round(_setting: Setting, given: Sequence[Number]) -> Number:
    return rounded(given[0], whole(given[1], "round") if len(given) > 1 else 0)


def factorial(number: Number) -> Fraction:
    n = whole(number, "factorial")
    if n < 0:
        raise CalculationError("A negative number has no factorial.")
    if n > _LARGEST_FACTORIAL:
        raise CalculationError(TOO_LARGE)
    return Fraction(math.factorial(n))


def _choices(given: Sequence[Number], name: str) -> Fraction:
    n, k = whole(given[0], name), whole(given[1], name)
    if n < 0 or k < 0:
        raise CalculationError(f"{name} takes no negative numbers.")
    if n > _MOST_CHOICES or (name == "perm" and min(k, n) > _LARGEST_FACTORIAL):
        raise CalculationError(TOO_LARGE)
    found = Fraction(math.comb(n, k) if name == "comb" else math.perm(n, k))
    bounded(found)
    return found


def _common(given: Sequence[Number], name: str) -> Fraction:
    numbers = [whole(number, name) for number in given]
    found = Fraction(math.gcd(*numbers) if name == "gcd" else math.lcm(*numbers))
    bounded(found)
    return found


def total(setting: Setting, given: Sequence[Number]) -> Number:
    found: Number = Fraction(0)
    for number in given:
        found = add(found, number, setting.context)
    return found


def mean(setting: Setting, given: Sequence[Number]) -> Number:
    return divide(total(setting, given), Fraction(len(given)), setting.context)


def _hypotenuse(setting: Setting, given: Sequence[Number]) -> Number:
    squares = [multiply(number, number, setting.context) for number in given]
    return square_root(setting, [total(setting, squares)])


def median(setting: Setting, given: Sequence[Number]) -> Number:
    ordered = sorted(given)
    middle = len(ordered) // 2
    if len(ordered) % 2:
        return ordered[middle]
    return mean(setting, ordered[middle - 1 : middle + 1])


def _absolute(_setting: Setting, given: Sequence[Number]) -> Number:
    return -given[0] if given[0] < 0 else given[0]


def _smallest(_setting: Setting, given: Sequence[Number]) -> Number:
    return min(given)


def _largest(_setting: Setting, given: Sequence[Number]) -> Number:
    return max(given)


def _sign(_setting: Setting, given: Sequence[Number]) -> Number:
    return Fraction((given[0] > 0) - (given[0] < 0))


FUNCTIONS: dict[str, Function] = {
    "sqrt": Function(square_root),
    "cbrt": Function(lambda s, g: nth_root(s, [g[0], Fraction(3)])),
    "root": Function(nth_root, 2, 2),
    "exp": Function(_exponential),
    "ln": Function(natural_logarithm),
    "log": Function(logarithm, 1, 2),
    "log10": Function(logarithm),
    "log2": Function(_logarithm_to_2),
    "sin": Function(lambda s, g: _turned(s, g[0])[0]),
    "cos": Function(lambda s, g: _turned(s, g[0])[1]),
    "tan": Function(_tangent),
    "asin": Function(lambda s, g: _angle(s, arc_sine(s.decimal(g[0]), s.context))),
    "acos": Function(_arc_cosine),
    "atan": Function(lambda s, g: _angle(s, arc_tangent(s.decimal(g[0]), s.context))),
    "atan2": Function(_arc_tangent_of_two, 2, 2),
    "sinh": Function(lambda s, g: _hyperbolic(s, g, "sinh")),
    "cosh": Function(lambda s, g: _hyperbolic(s, g, "cosh")),
    "tanh": Function(lambda s, g: _hyperbolic(s, g, "tanh")),
    "deg": Function(lambda s, g: s.context.divide(s.decimal(g[0]), _degree(s))),
    "rad": Function(lambda s, g: multiply(g[0], _degree(s), s.context)),
    "abs": Function(_absolute),
    "sign": Function(_sign),
    "round": Function(_round, 1, 2),
    "floor": Function(lambda _, g: Fraction(math.floor(to_fraction(g[0])))),
    "ceil": Function(lambda _, g: Fraction(math.ceil(to_fraction(g[0])))),
    "trunc": Function(lambda _, g: Fraction(math.trunc(to_fraction(g[0])))),
    "min": Function(_smallest, 1, None),
    "max": Function(_largest, 1, None),
    "sum": Function(total, 1, None),
    "mean": Function(mean, 1, None),
    "median": Function(median, 1, None),
    "hypot": Function(_hypotenuse, 1, None),
    "factorial": Function(lambda _, g: factorial(g[0])),
    "comb": Function(lambda _, g: _choices(g, "comb"), 2, 2),
    "perm": Function(lambda _, g: _choices(g, "perm"), 2, 2),
    "gcd": Function(lambda _, g: _common(g, "gcd"), 1, None),
    "lcm": Function(lambda _, g: _common(g, "lcm"), 1, None),
}

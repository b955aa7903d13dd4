"""Expressions: text -> tokens -> value, by precedence climbing. Nothing is ever run as code."""

import re
from collections.abc import Callable
from dataclasses import dataclass
from decimal import Context, DivisionByZero, InvalidOperation, Overflow
from fractions import Fraction
from typing import Literal

from backend.mcp_servers.arithmetic.functions import FUNCTIONS, Setting, constant, factorial
from backend.mcp_servers.arithmetic.numbers import (
    TOO_LARGE,
    CalculationError,
    Number,
    add,
    bounded,
    divide,
    floor_divide,
    modulo,
    multiply,
    power,
    working_context,
)

LONGEST = 2000
_DEEPEST = 60
_LARGEST_EXPONENT = 3000
_MOST_ARGUMENTS = 500

_TOKEN = re.compile(
    r"\s*(?:"
    r"(?P<number>0[xX][0-9a-fA-F_]+|0[bB][01_]+|0[oO][0-7_]+"
    r"|(?:\d[\d_]*(?:\.[\d_]*)?|\.\d[\d_]*)(?:[eE][+-]?\d+)?)"
    r"|(?P<name>[A-Za-zπτφ]\w*)"
    r"|(?P<operator>\*\*|//|[-+*/^!%(),×÷·−√])"  # noqa: RUF001  # people paste these signs
    r")"
)
_SAME = {"×": "*", "·": "*", "÷": "/", "−": "-", "**": "^"}  # noqa: RUF001  # as above

type Kind = Literal["number", "name", "operator", "end"]
type Operation = Callable[[Number, Number, Context], Number]

_BINARY: dict[str, tuple[int, Operation]] = {
    "+": (1, add),
    "-": (1, lambda a, b, context: add(a, -b, context)),
    "*": (2, multiply),
    "/": (2, divide),
    "//": (2, lambda a, b, _: floor_divide(a, b)),
    "mod": (2, lambda a, b, _: modulo(a, b)),
    "^": (4, power),
}
_UNARY = 3
_POWER = 4


@dataclass(frozen=True, slots=True)
class _Token:
    kind: Kind
    text: str
    place: int


def evaluate(text: str, *, precision: int, degrees: bool = False) -> Number:
    """The value of an expression. Raises CalculationError."""
    if len(text) > LONGEST:
        raise CalculationError(f"An expression may have {LONGEST} characters.")
    setting = Setting(working_context(precision), degrees=degrees)
    parser = _Parser(_tokens(text), setting)
    try:
        value = parser.whole_expression()
    except Overflow:
        raise CalculationError(TOO_LARGE) from None
    except (InvalidOperation, DivisionByZero):
        raise CalculationError("That is not defined.") from None
    return bounded(value)


def _tokens(text: str) -> list[_Token]:
    found, place = [], 0
    end = len(text.rstrip())
    while place < end:
        match = _TOKEN.match(text, place)
        if match is None or match.lastgroup is None:
            where = len(text[place:]) - len(text[place:].lstrip()) + place
            raise CalculationError(f"{text[where]!r} at character {where + 1} is not understood.")
        kind: Kind = match.lastgroup  # type: ignore[assignment]  # the three groups of the pattern
        word = match[kind]
        found.append(_Token(kind, _SAME.get(word, word), match.start(kind) + 1))
        place = match.end()
    return [*found, _Token("end", "the end", end + 1)]


class _Parser:
    def __init__(self, tokens: list[_Token], setting: Setting) -> None:
        self._tokens = tokens
        self._setting = setting
        self._next = 0
        self._depth = 0

    def whole_expression(self) -> Number:
        if len(self._tokens) == 1:
            raise CalculationError("There is nothing to calculate.")
        value = self._expression(0)
        if self._next < len(self._tokens) - 1:
            raise self._unexpected()
        return value

    @property
    def _seen(self) -> _Token:
        return self._tokens[self._next]

    def _take(self) -> _Token:
        token = self._seen
        self._next += 1
        return token

    def _saw(self, operator: str) -> bool:
        if self._seen.kind == "operator" and self._seen.text == operator:
            self._next += 1
            return True
        return False

    def _expression(self, least: int) -> Number:
        self._depth += 1
        if self._depth > _DEEPEST:
            raise CalculationError(f"More than {_DEEPEST} levels are nested.")
        value = self._operand()
        while (operator := self._binary()) and (strength := _BINARY[operator][0]) >= least:
            self._next += 1
            # A power binds to the right: 2^3^2 is 2^9.
            right = self._expression(strength if operator == "^" else strength + 1)
            value = _BINARY[operator][1](value, right, self._setting.context)
        self._depth -= 1
        return value

    def _binary(self) -> str | None:
        token = self._seen
        if token.kind == "name":
            return token.text if token.text == "mod" else None
        if token.kind != "operator":
            return None
        # A % that was not taken as percent stands between two operands.
        name = "mod" if token.text == "%" else token.text
        return name if name in _BINARY else None

    def _operand(self) -> Number:
        negative = False
        signed = False
        while (minus := self._saw("-")) or self._saw("+"):
            negative ^= minus
            signed = True
        # -2^2 is -4, and 2^-1 a half.
        value = self._expression(_POWER) if signed else self._postfixed()
        return -value if negative else value

    def _postfixed(self) -> Number:
        value = self._primary()
        while True:
            if self._saw("!"):
                value = factorial(value)
            elif self._seen.text == "%" and not self._operand_follows():
                self._next += 1
                value = divide(value, Fraction(100), self._setting.context)
            else:
                return value

    def _operand_follows(self) -> bool:
        following = self._tokens[self._next + 1]
        if following.kind == "name":
            return following.text != "mod"
        return following.kind == "number" or following.text in ("(", "√")

    def _primary(self) -> Number:
        token = self._take()
        if token.kind == "number":
            return _number(token)
        if token.kind == "name":
            return self._named(token)
        if token.text == "(":
            value = self._expression(0)
            self._close(token)
            return value
        if token.text == "√":
            return FUNCTIONS["sqrt"].run(self._setting, [self._expression(_UNARY)])
        self._next -= 1
        raise self._unexpected()

    def _named(self, token: _Token) -> Number:
        name = token.text
        function = FUNCTIONS.get(name.lower())
        if function is None:
            value = constant(name.lower(), self._setting)
            if value is None:
                known = ", ".join(sorted(FUNCTIONS))
                raise CalculationError(
                    f"{name[:40]!r} is not known. There are pi, e, tau, phi and {known}."
                )
            return value
        if not self._saw("("):
            raise CalculationError(f"{name} needs its numbers in parentheses, as {name}(2).")
        given = self._arguments(token)
        if len(given) < function.least or (function.most and len(given) > function.most):
            raise CalculationError(f"{name} does not take {len(given)} numbers.")
        return bounded(function.run(self._setting, given))

    def _arguments(self, opened: _Token) -> list[Number]:
        if self._saw(")"):
            return []
        given = [self._expression(0)]
        while self._saw(","):
            if len(given) >= _MOST_ARGUMENTS:
                raise CalculationError(f"A function takes {_MOST_ARGUMENTS} numbers at most.")
            given.append(self._expression(0))
        self._close(opened)
        return given

    def _close(self, opened: _Token) -> None:
        if self._seen.kind == "end":
            raise CalculationError(f"The parenthesis at character {opened.place} is not closed.")
        if not self._saw(")"):
            raise self._unexpected()

    def _unexpected(self) -> CalculationError:
        token = self._seen
        if token.kind == "end":
            return CalculationError("Something is missing at the end.")
        hint = ""
        if token.text == ",":
            hint = " Write large numbers without commas: 1000 or 1_000."
        elif token.kind in ("number", "name") or token.text == "(":
            hint = " Is there an operator missing before it, as in 2*pi?"
        return CalculationError(
            f"{token.text[:40]!r} at character {token.place} is not expected.{hint}"
        )


def _number(token: _Token) -> Fraction:
    text = token.text.replace("_", "")
    if text[:2].lower() in ("0x", "0b", "0o"):
        return Fraction(int(text, 0)) if len(text) > 2 else Fraction(0)
    digits, _, exponent = text.lower().partition("e")
    if exponent and abs(int(exponent)) > _LARGEST_EXPONENT:
        raise CalculationError(TOO_LARGE)
    return Fraction(digits) * Fraction(10) ** int(exponent or 0)

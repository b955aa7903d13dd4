"""The calculator: exact arithmetic, for a model that would guess digits."""

from fractions import Fraction
from typing import Annotated, Any

from mcp.server import MCPServer
from pydantic import BaseModel, Field

from backend.mcp_servers.arithmetic.expression import LONGEST, evaluate
from backend.mcp_servers.arithmetic.functions import FUNCTIONS, Setting, mean, median, total
from backend.mcp_servers.arithmetic.numbers import (
    LARGEST_PRECISION,
    Number,
    add,
    divide,
    multiply,
    shown,
    working_context,
)
from backend.mcp_servers.stdio import run_as_module
from backend.mcp_servers.toolset import READS, Toolset
from backend.settings import Settings

_MOST_NUMBERS = 1000

type Precision = Annotated[
    int, Field(ge=1, le=LARGEST_PRECISION, description="significant digits of a rounded answer")
]
type Expression = Annotated[
    str,
    Field(
        min_length=1,
        max_length=LONGEST,
        description="for example (1299.99 * 0.81) / 12, 2^0.5, sin(pi/6), 20!, 17 mod 5, 15% * 80",
    ),
]
type Written = Annotated[str, Field(min_length=1, max_length=200)] | int | float


class Calculated(BaseModel):
    expression: str
    value: str = Field(description="the result as a decimal number")
    exact: bool = Field(description="false when digits had to be cut off")
    fraction: str | None = Field(None, description="the exact result as a fraction, if it is one")


class Summary(BaseModel):
    count: int
    sum: str
    mean: str
    median: str
    minimum: str
    maximum: str
    sample_standard_deviation: str | None = Field(description="absent for a single number")


tools = Toolset()


@tools.tool(READS, title="Calculate")
async def calculate(
    expression: Expression, precision: Precision = 20, *, degrees: bool = False
) -> Calculated:
    """Evaluate an arithmetic expression exactly: whole numbers and fractions without rounding,
    everything else to `precision` significant digits.

    Operators: + - * / // mod ^ (or **) ! and x% (x/100; 200 + 10% is 200.1, so write 200 * 110%).
    Constants: pi, e, tau, phi. Functions: sqrt cbrt root(x,n) exp ln log(x[,base]) log2 log10
    sin cos tan asin acos atan atan2 sinh cosh tanh deg rad abs sign round(x[,digits]) floor ceil
    trunc min max sum mean median hypot factorial comb perm gcd lcm. Angles are radians unless
    `degrees` is true. No variables, no units.
    """
    number = evaluate(expression, precision=precision, degrees=degrees)
    result = shown(number, precision)
    return Calculated(
        expression=expression, value=result.value, exact=result.exact, fraction=result.fraction
    )


@tools.tool(READS, title="Summarise numbers")
def summarise_numbers(
    numbers: Annotated[
        list[Written],
        Field(
            min_length=1,
            max_length=_MOST_NUMBERS,
            description='numbers or expressions as text, for example ["12.50", "3*4", "-1"]',
        ),
    ],
    precision: Precision = 20,
) -> Summary:
    """Count, sum, mean, median, smallest, largest and sample standard deviation of a list."""
    values = [evaluate(str(text), precision=precision) for text in numbers]
    setting = Setting(working_context(precision))
    deviation = _deviation(values, setting)

    def text(number: Number) -> str:
        return shown(number, precision).value

    return Summary(
        count=len(values),
        sum=text(total(setting, values)),
        mean=text(mean(setting, values)),
        median=text(median(setting, values)),
        minimum=text(min(values)),
        maximum=text(max(values)),
        sample_standard_deviation=None if deviation is None else text(deviation),
    )


def _deviation(values: list[Number], setting: Setting) -> Number | None:
    if len(values) < 2:
        return None
    context, middle = setting.context, mean(setting, values)
    offsets = [add(value, -middle, context) for value in values]
    squares = total(setting, [multiply(offset, offset, context) for offset in offsets])
    variance = divide(squares, Fraction(len(values) - 1), context)
    return FUNCTIONS["sqrt"].run(setting, [variance])


def build(settings: Settings) -> MCPServer[Any]:
    return tools.server(
        "calculator",
        title="Calculator",
        instructions="Exact arithmetic. Use it instead of computing in your head.",
        token=settings.mcp_servers.token,
    )


if __name__ == "__main__":
    run_as_module("calculator")

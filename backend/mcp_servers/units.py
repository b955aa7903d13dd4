"""Units people use at home, with exact factors to one base unit each."""

from dataclasses import dataclass
from decimal import Decimal
from fractions import Fraction

from backend.kit.errors import InvalidInputError


@dataclass(frozen=True, slots=True)
class Unit:
    name: str
    kind: str
    factor: Fraction
    """How many of the kind's base unit it is."""
    offset: Fraction = Fraction(0)
    """Where its zero lies, in the base unit."""


_TABLE: dict[str, dict[str, str]] = {
    "length": {
        "mm": "0.001", "cm": "0.01", "m": "1", "km": "1000", "inch": "0.0254", "foot": "0.3048",
        "yard": "0.9144", "mile": "1609.344", "nautical_mile": "1852", "micrometre": "1e-6",
        "nanometre": "1e-9", "light_year": "9460730472580800", "au": "149597870700",
    },
    "mass": {
        "mg": "1e-6", "g": "0.001", "kg": "1", "tonne": "1000", "ounce": "0.028349523125",
        "pound": "0.45359237", "stone": "6.35029318", "us_ton": "907.18474",
        "imperial_ton": "1016.0469088", "microgram": "1e-9", "carat": "0.0002",
    },
    "volume": {
        "ml": "0.001", "cl": "0.01", "dl": "0.1", "l": "1", "m3": "1000", "cm3": "0.001",
        "teaspoon": "0.00492892159375", "tablespoon": "0.01478676478125",
        "us_fluid_ounce": "0.0295735295625", "us_cup": "0.2365882365", "us_pint": "0.473176473",
        "us_quart": "0.946352946", "us_gallon": "3.785411784", "metric_cup": "0.25",
        "imperial_fluid_ounce": "0.0284130625", "imperial_pint": "0.56826125",
        "imperial_gallon": "4.54609", "cubic_inch": "0.016387064", "cubic_foot": "28.316846592",
    },
    "area": {
        "mm2": "1e-6", "cm2": "0.0001", "m2": "1", "are": "100", "hectare": "10000",
        "km2": "1e6", "square_inch": "0.00064516", "square_foot": "0.09290304",
        "square_yard": "0.83612736", "acre": "4046.8564224", "square_mile": "2589988.110336",
    },
    "speed": {
        "m/s": "1", "km/h": "5/18", "mph": "0.44704", "knot": "463/900", "ft/s": "0.3048",
    },
    "data": {
        "bit": "1/8", "byte": "1", "kB": "1000", "MB": "1e6", "GB": "1e9", "TB": "1e12",
        "PB": "1e15", "KiB": "1024", "MiB": "1048576", "GiB": "1073741824",
        "TiB": "1099511627776", "kbit": "125", "Mbit": "125000", "Gbit": "125000000",
    },
    "time": {
        "ms": "0.001", "second": "1", "minute": "60", "hour": "3600", "day": "86400",
        "week": "604800", "year": "31557600", "month": "2629800", "microsecond": "1e-6",
    },
    "energy": {
        "J": "1", "kJ": "1000", "MJ": "1e6", "Wh": "3600", "kWh": "3600000", "cal": "4.184",
        "kcal": "4184", "BTU": "1055.05585262", "eV": "1.602176634e-19",
    },
    "pressure": {
        "Pa": "1", "hPa": "100", "kPa": "1000", "bar": "100000", "mbar": "100",
        "atm": "101325", "mmHg": "133.322387415", "psi": "6894.757293168",
        "inHg": "3386.38864034",
    },
}  # fmt: skip
_TEMPERATURES = (
    Unit("kelvin", "temperature", Fraction(1)),
    Unit("celsius", "temperature", Fraction(1), Fraction("273.15")),
    Unit("fahrenheit", "temperature", Fraction(5, 9), Fraction("273.15") - Fraction(160, 9)),
)
_OTHER_NAMES = {
    "in": "inch", '"': "inch", "inches": "inch", "ft": "foot", "feet": "foot", "'": "foot",
    "yd": "yard", "mi": "mile", "nmi": "nautical_mile", "metre": "m", "meter": "m",
    "kilometre": "km", "kilometer": "km", "centimetre": "cm", "centimeter": "cm",
    "millimetre": "mm", "millimeter": "mm", "um": "micrometre", "nm": "nanometre",
    "oz": "ounce", "lb": "pound", "lbs": "pound", "gram": "g", "kilogram": "kg", "kilo": "kg",
    "milligram": "mg", "t": "tonne", "ton": "tonne", "st": "stone", "litre": "l", "liter": "l",
    "millilitre": "ml", "milliliter": "ml", "tsp": "teaspoon", "tbsp": "tablespoon",
    "cup": "us_cup", "floz": "us_fluid_ounce", "fl_oz": "us_fluid_ounce", "pint": "us_pint",
    "quart": "us_quart", "gallon": "us_gallon", "gal": "us_gallon", "ha": "hectare",
    "sqm": "m2", "m²": "m2", "sqft": "square_foot", "ft2": "square_foot", "km²": "km2",
    "m³": "m3", "kmh": "km/h", "kph": "km/h", "mps": "m/s", "kn": "knot", "kt": "knot",
    "Mb": "Mbit", "Gb": "Gbit", "b": "byte", "kb": "kB", "mb": "MB", "gb": "GB", "tb": "TB",
    "kib": "KiB", "mib": "MiB", "gib": "GiB", "tib": "TiB", "s": "second", "sec": "second", "min": "minute", "h": "hour",
    "hr": "hour", "d": "day", "wk": "week", "yr": "year", "joule": "J", "calorie": "cal",
    "kilocalorie": "kcal", "pascal": "Pa", "torr": "mmHg", "c": "celsius", "°c": "celsius",
    "f": "fahrenheit", "°f": "fahrenheit", "k": "kelvin",
}  # fmt: skip

UNITS = {
    unit.name: unit
    for unit in (
        *(
            Unit(name, kind, Fraction(factor))
            for kind, factors in _TABLE.items()
            for name, factor in factors.items()
        ),
        *_TEMPERATURES,
    )
}
_BY_LOWER: dict[str, set[str]] = {}
for _name in UNITS:
    _BY_LOWER.setdefault(_name.lower(), set()).add(_name)


def unit(name: str) -> Unit:
    """By name, abbreviation or plural. Raises InvalidInputError with what there is."""
    given = name.strip().replace(" ", "_").replace("feet", "foot").replace("inches", "inch")
    for spelt in (given, given.removesuffix("s")):
        if spelt in UNITS:
            return UNITS[spelt]
        if known := _OTHER_NAMES.get(spelt):
            return UNITS[known]
        lower = spelt.lower()
        if len(same := _BY_LOWER.get(lower, set())) == 1:
            return UNITS[next(iter(same))]
        if known := _OTHER_NAMES.get(lower):
            return UNITS[known]
    raise InvalidInputError(f"There is no unit {name[:40]!r}. There are: {', '.join(UNITS)}.")


def convert(amount: Decimal, source: Unit, target: Unit) -> Fraction:
    """Exactly. Raises InvalidInputError when the two do not measure the same."""
    if source.kind != target.kind:
        raise InvalidInputError(
            f"{source.name} is a unit of {source.kind}, {target.name} of {target.kind};"
            " they cannot be converted into each other."
        )
    base = Fraction(amount) * source.factor + source.offset
    if source.kind == "temperature" and base < 0:
        raise InvalidInputError(f"{amount} {source.name} is below absolute zero.")
    return (base - target.offset) / target.factor

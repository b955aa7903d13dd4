"""Housekeeping: what time it is, days and units, and how this host is doing."""

import os
import shutil
from datetime import UTC, datetime
from decimal import Decimal
from fractions import Fraction
from pathlib import Path
from typing import Annotated, Any, Literal

from mcp.server import MCPServer
from pydantic import BaseModel, Field

from backend.kit.clock import Clock, SystemClock
from backend.kit.errors import InvalidInputError
from backend.mcp_servers import calendar_days
from backend.mcp_servers.arithmetic.numbers import shown
from backend.mcp_servers.stdio import run_as_module
from backend.mcp_servers.toolset import READS, Toolset
from backend.mcp_servers.units import UNITS, convert, unit
from backend.settings import Settings

type ZoneName = Annotated[
    str, Field(max_length=64, description="IANA time zone, for example Europe/Oslo, or UTC")
]
type Day = Annotated[str, Field(max_length=20, description="date, for example 2026-03-29")]
type Shift = Annotated[int, Field(ge=-100_000, le=100_000)]
type UnitName = Annotated[
    str, Field(max_length=40, description="for example km, pound, celsius, us_cup, GiB, km/h")
]
type Kind = Literal[
    "length", "mass", "volume", "area", "speed", "data", "time", "energy", "pressure", "temperature"
]

_MOST = Decimal(10) ** 30


class Moment(BaseModel):
    time: str = Field(description="ISO 8601 with the zone's offset")
    zone: str
    weekday: str
    utc: str
    iso_week: int


class ShiftedDay(BaseModel):
    date: str
    weekday: str
    iso_week: int
    day_of_year: int


class Between(BaseModel):
    days: int = Field(description="negative when the second date is the earlier one")
    years_months_days: str = Field(description="the same span in calendar units, without sign")
    weeks: str
    working_days: int = Field(description="Mondays to Fridays, first day included, last not")


class Converted(BaseModel):
    value: str
    unit: str
    exact: bool = Field(description="false when digits had to be cut off")
    kind: Kind


class KnownUnits(BaseModel):
    units: dict[str, list[str]]


class Disk(BaseModel):
    total_bytes: int
    free_bytes: int
    used_percent: float


class HostStatus(BaseModel):
    load_1_min: float
    load_5_min: float
    load_15_min: float
    cpus: int
    memory_total_bytes: int | None
    memory_available_bytes: int | None
    uptime_seconds: int | None
    state_disk: Disk


def build(settings: Settings, *, clock: Clock | None = None) -> MCPServer[Any]:
    tools = Toolset()
    _add_time(tools, clock or SystemClock())
    _add_days(tools)
    _add_units(tools)
    _add_host(tools, settings.server.state_dir)
    return tools.server(
        "housekeeping",
        title="Housekeeping",
        instructions="Time, dates, units and the state of the host Parlor runs on.",
        token=settings.mcp_servers.token,
    )


def _add_time(tools: Toolset, clock: Clock) -> None:
    """Plain functions, because a time zone is a file."""

    @tools.tool(READS, title="Current time")
    def get_current_time(zone: ZoneName = "UTC") -> Moment:
        """The current date and time in a time zone."""
        return _moment(clock.now(), zone)

    @tools.tool(READS, title="Convert a time")
    def convert_time(
        time: Annotated[
            str, Field(max_length=40, description="for example 2026-03-29T14:30, or with +02:00")
        ],
        to_zone: ZoneName,
        from_zone: ZoneName = "UTC",
    ) -> Moment:
        """The same moment in another time zone. `from_zone` counts when the time has no offset."""
        return _moment(calendar_days.moment(time, calendar_days.zone(from_zone)), to_zone)


def _moment(now: datetime, zone_name: str) -> Moment:
    try:
        there = now.astimezone(calendar_days.zone(zone_name))
        utc = now.astimezone(UTC)
    except OverflowError as error:
        raise InvalidInputError("That is outside the years 1 to 9999.") from error
    return Moment(
        time=there.isoformat(timespec="seconds"),
        zone=zone_name,
        weekday=calendar_days.WEEKDAYS[there.weekday()],
        utc=utc.isoformat(timespec="seconds"),
        iso_week=there.isocalendar().week,
    )


def _add_days(tools: Toolset) -> None:
    @tools.tool(READS, title="Shift a date")
    async def shift_date(
        date: Day, years: Shift = 0, months: Shift = 0, weeks: Shift = 0, days: Shift = 0
    ) -> ShiftedDay:
        """A date some years, months, weeks and days later (negative: earlier), with its weekday.

        All zero tells the weekday of the date itself. A month after January 31 is the end of
        February.
        """
        found = calendar_days.later(
            calendar_days.day(date), years=years, months=months, weeks=weeks, days=days
        )
        return ShiftedDay(
            date=found.isoformat(),
            weekday=calendar_days.WEEKDAYS[found.weekday()],
            iso_week=found.isocalendar().week,
            day_of_year=found.timetuple().tm_yday,
        )

    @tools.tool(READS, title="Days between two dates")
    async def count_days(first: Day, second: Day) -> Between:
        """How far two dates are apart: days, weeks, years and months, working days."""
        start, end = calendar_days.day(first), calendar_days.day(second)
        count = (end - start).days
        years, months, days = calendar_days.apart(start, end)
        weeks, rest = divmod(abs(count), 7)
        return Between(
            days=count,
            years_months_days=f"{years} years, {months} months, {days} days",
            weeks=f"{weeks} weeks, {rest} days",
            working_days=calendar_days.working_days(*sorted((start, end))),
        )


def _add_units(tools: Toolset) -> None:
    @tools.tool(READS, title="Convert units")
    async def convert_units(
        amount: Annotated[
            Decimal, Field(ge=-_MOST, le=_MOST, description="for example 12.5 or 1e3")
        ],
        from_unit: UnitName,
        to_unit: UnitName,
    ) -> Converted:
        """Convert a length, mass, volume, area, speed, amount of data, time, energy, pressure or
        temperature. Exact factors; kB is 1000 bytes and KiB 1024; a bare cup, pint, quart or
        gallon is the US one, a month 30.4375 days.
        """
        source, target = unit(from_unit), unit(to_unit)
        result = shown(convert(_bounded(amount), source, target), 20)
        return Converted.model_validate(
            {
                "value": result.value,
                "unit": target.name,
                "exact": result.exact,
                "kind": target.kind,
            }
        )

    @tools.tool(READS, title="List units")
    async def list_units(kind: Kind | Literal["all"] = "all") -> KnownUnits:
        """The units convert_units knows, by what they measure."""
        found: dict[str, list[str]] = {}
        for known in UNITS.values():
            if kind in ("all", known.kind):
                found.setdefault(known.kind, []).append(known.name)
        return KnownUnits(units=found)


def _bounded(amount: Decimal) -> Decimal:
    if amount.adjusted() < -100 or len(amount.as_tuple().digits) > 100:
        raise InvalidInputError("That amount has too many digits to convert.")
    return amount


def _add_host(tools: Toolset, state_dir: Path) -> None:
    @tools.tool(READS, title="Host status")
    def get_host_status() -> HostStatus:
        """Load, memory, uptime of this host, and how full the disk is that keeps Parlor's data."""
        load = os.getloadavg()
        memory = _memory()
        usage = shutil.disk_usage(_existing(state_dir))
        return HostStatus(
            load_1_min=round(load[0], 2),
            load_5_min=round(load[1], 2),
            load_15_min=round(load[2], 2),
            cpus=os.process_cpu_count() or 1,
            memory_total_bytes=memory.get("MemTotal"),
            memory_available_bytes=memory.get("MemAvailable"),
            uptime_seconds=_uptime(),
            state_disk=Disk(
                total_bytes=usage.total,
                free_bytes=usage.free,
                used_percent=float(round(Fraction(usage.used * 100, max(usage.total, 1)), 1)),
            ),
        )


def _existing(folder: Path) -> Path:
    """The folder, or the nearest above it that is there."""
    folder = folder.absolute()
    return next(place for place in (folder, *folder.parents) if place.exists())


def _memory() -> dict[str, int]:
    try:
        lines = Path("/proc/meminfo").read_text().splitlines()
    except OSError:
        return {}
    fields = (line.replace(":", " ").split() for line in lines)
    return {words[0]: int(words[1]) * 1024 for words in fields if len(words) == 3}


def _uptime() -> int | None:
    try:
        return int(float(Path("/proc/uptime").read_text().split()[0]))
    except (OSError, ValueError, IndexError):
        return None


if __name__ == "__main__":
    run_as_module("housekeeping")

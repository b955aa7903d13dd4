"""Weather now, by the hour and by the day, from Open-Meteo."""

from collections.abc import Mapping
from typing import Annotated, Any

from mcp.server import MCPServer
from pydantic import BaseModel, Field, JsonValue

from backend.kit.clock import Clock, SystemClock
from backend.mcp_servers.open_meteo import Answer, OpenMeteo, Place, UnitSystem, words
from backend.mcp_servers.reach import outbound_of
from backend.mcp_servers.stdio import run_as_module
from backend.mcp_servers.toolset import READS_THE_WORLD, Toolset
from backend.settings import Settings

_CURRENT = (
    "temperature_2m,apparent_temperature,relative_humidity_2m,precipitation,weather_code,"
    "cloud_cover,pressure_msl,wind_speed_10m,wind_gusts_10m,wind_direction_10m"
)
_HOURLY = "temperature_2m,precipitation_probability,precipitation,weather_code,wind_speed_10m"
_DAILY = (
    "weather_code,temperature_2m_max,temperature_2m_min,precipitation_sum,"
    "precipitation_probability_max,wind_speed_10m_max,uv_index_max,sunrise,sunset"
)
_UNITS_NOTE = (
    "Metric: °C, km/h, mm, hPa. Imperial: °F, mph, inch, hPa. Times are local to the place."
)

type Where = Annotated[
    str,
    Field(
        min_length=2,
        max_length=100,
        description='a place such as "Bergen" or "Bergen, Norway", or "60.39,5.32"',
    ),
]


class Places(BaseModel):
    places: list[Place]


class Current(BaseModel):
    place: Place
    units: UnitSystem
    time: str
    words: str
    temperature: float | None
    feels_like: float | None
    humidity_percent: float | None
    precipitation: float | None
    cloud_cover_percent: float | None
    pressure_hpa: float | None
    wind_speed: float | None
    wind_gusts: float | None
    wind_direction_degrees: float | None = Field(description="where it comes from; 0 is north")


class Hour(BaseModel):
    time: str
    words: str
    temperature: float | None
    precipitation_percent: float | None
    precipitation: float | None
    wind_speed: float | None


class Hours(BaseModel):
    place: Place
    units: UnitSystem
    hours: list[Hour]


class Day(BaseModel):
    date: str
    words: str
    highest: float | None
    lowest: float | None
    precipitation: float | None
    precipitation_percent: float | None
    wind_speed: float | None = Field(description="the strongest of the day")
    uv_index: float | None
    sunrise: str | None
    sunset: str | None


class Days(BaseModel):
    place: Place
    units: UnitSystem
    days: list[Day]


def build(settings: Settings, *, clock: Clock | None = None) -> MCPServer[Any]:
    own = settings.mcp_servers
    forecast, places = str(own.weather_url), str(own.geocoding_url)
    outbound = outbound_of(settings, forecast, places)
    service = OpenMeteo(
        outbound, forecast_url=forecast, geocoding_url=places, clock=clock or SystemClock()
    )
    tools = Toolset()
    _add_places(tools, service)
    _add_forecasts(tools, service)
    return tools.server(
        "weather",
        title="Weather",
        instructions=f"Weather from Open-Meteo. {_UNITS_NOTE}",
        token=own.token,
        closing=outbound.aclose,
    )


def _add_places(tools: Toolset, service: OpenMeteo) -> None:
    @tools.tool(READS_THE_WORLD, title="Find places")
    async def find_places(
        name: Annotated[str, Field(min_length=2, max_length=100, description="for example Bergen")],
        limit: Annotated[int, Field(ge=1, le=20)] = 5,
    ) -> Places:
        """Places of a name with their coordinates, the most populous first."""
        return Places(places=await service.places(name, limit))

    @tools.tool(READS_THE_WORLD, title="Current weather")
    async def get_current_weather(place: Where, units: UnitSystem = "metric") -> Current:
        """The weather at a place now. Metric is °C, km/h, mm; imperial °F, mph, inch."""
        found = await service.place(place)
        now = _part(await service.forecast(found, units, current=_CURRENT), "current")
        return Current(
            place=found,
            units=units,
            time=str(now.get("time", "")),
            words=words(now.get("weather_code")),
            temperature=_number(now.get("temperature_2m")),
            feels_like=_number(now.get("apparent_temperature")),
            humidity_percent=_number(now.get("relative_humidity_2m")),
            precipitation=_number(now.get("precipitation")),
            cloud_cover_percent=_number(now.get("cloud_cover")),
            pressure_hpa=_number(now.get("pressure_msl")),
            wind_speed=_number(now.get("wind_speed_10m")),
            wind_gusts=_number(now.get("wind_gusts_10m")),
            wind_direction_degrees=_number(now.get("wind_direction_10m")),
        )


def _add_forecasts(tools: Toolset, service: OpenMeteo) -> None:
    @tools.tool(READS_THE_WORLD, title="Hourly forecast")
    async def get_hourly_forecast(
        place: Where,
        hours: Annotated[int, Field(ge=1, le=72)] = 24,
        units: UnitSystem = "metric",
    ) -> Hours:
        """The forecast for the coming hours. Metric is °C, km/h, mm; imperial °F, mph, inch."""
        found = await service.place(place)
        rows = _rows(
            await service.forecast(found, units, hourly=_HOURLY, forecast_hours=str(hours)),
            "hourly",
        )
        return Hours(
            place=found,
            units=units,
            hours=[
                Hour(
                    time=str(row.get("time")),
                    words=words(row.get("weather_code")),
                    temperature=_number(row.get("temperature_2m")),
                    precipitation_percent=_number(row.get("precipitation_probability")),
                    precipitation=_number(row.get("precipitation")),
                    wind_speed=_number(row.get("wind_speed_10m")),
                )
                for row in rows[:hours]
            ],
        )

    @tools.tool(READS_THE_WORLD, title="Daily forecast")
    async def get_daily_forecast(
        place: Where,
        days: Annotated[int, Field(ge=1, le=16, description="today is the first")] = 7,
        units: UnitSystem = "metric",
    ) -> Days:
        """The forecast by the day. Metric is °C, km/h, mm; imperial °F, mph, inch."""
        found = await service.place(place)
        rows = _rows(
            await service.forecast(found, units, daily=_DAILY, forecast_days=str(days)), "daily"
        )
        return Days(place=found, units=units, days=[_day(row) for row in rows[:days]])


def _day(row: Mapping[str, JsonValue]) -> Day:
    return Day(
        date=str(row.get("time")),
        words=words(row.get("weather_code")),
        highest=_number(row.get("temperature_2m_max")),
        lowest=_number(row.get("temperature_2m_min")),
        precipitation=_number(row.get("precipitation_sum")),
        precipitation_percent=_number(row.get("precipitation_probability_max")),
        wind_speed=_number(row.get("wind_speed_10m_max")),
        uv_index=_number(row.get("uv_index_max")),
        sunrise=_text(row.get("sunrise")),
        sunset=_text(row.get("sunset")),
    )


def _part(answer: Answer, name: str) -> Answer:
    part = answer.get(name)
    return part if isinstance(part, dict) else {}


def _rows(answer: Answer, name: str) -> list[Answer]:
    """The service sends a list a quantity; people think in hours and days."""
    columns = {
        key: column for key, column in _part(answer, name).items() if isinstance(column, list)
    }
    count = len(columns.get("time", []))
    return [
        {key: column[at] for key, column in columns.items() if at < len(column)}
        for at in range(count)
    ]


def _number(value: JsonValue) -> float | None:
    return float(value) if isinstance(value, int | float) else None


def _text(value: JsonValue) -> str | None:
    return value if isinstance(value, str) else None


if __name__ == "__main__":
    run_as_module("weather")

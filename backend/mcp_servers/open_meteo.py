"""Open-Meteo: places and forecasts, kept for ten minutes."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal
from urllib.parse import urlencode

from pydantic import BaseModel, JsonValue, TypeAdapter, ValidationError

from backend.kit.clock import Clock
from backend.kit.errors import InvalidInputError, NotFoundError, UnavailableError
from backend.kit.outbound import FetchFailedError, Outbound

_KEPT_SECONDS = 600
_MOST_KEPT = 200
_LARGEST = 2_000_000
_SECONDS = 10.0

type UnitSystem = Literal["metric", "imperial"]
type Answer = dict[str, JsonValue]

_UNITS: dict[UnitSystem, dict[str, str]] = {
    "metric": {"temperature_unit": "celsius", "wind_speed_unit": "kmh", "precipitation_unit": "mm"},
    "imperial": {
        "temperature_unit": "fahrenheit",
        "wind_speed_unit": "mph",
        "precipitation_unit": "inch",
    },
}
_ANSWER = TypeAdapter(Answer)

WORDS = {
    0: "clear sky",
    1: "mainly clear",
    2: "partly cloudy",
    3: "overcast",
    45: "fog",
    48: "freezing fog",
    51: "light drizzle",
    53: "drizzle",
    55: "heavy drizzle",
    56: "light freezing drizzle",
    57: "freezing drizzle",
    61: "light rain",
    63: "rain",
    65: "heavy rain",
    66: "light freezing rain",
    67: "freezing rain",
    71: "light snow",
    73: "snow",
    75: "heavy snow",
    77: "snow grains",
    80: "light showers",
    81: "showers",
    82: "violent showers",
    85: "light snow showers",
    86: "heavy snow showers",
    95: "thunderstorm",
    96: "thunderstorm with light hail",
    99: "thunderstorm with heavy hail",
}


def words(code: object) -> str:
    """What a WMO weather code means."""
    return WORDS.get(code, "unknown") if isinstance(code, int) else "unknown"


class Place(BaseModel):
    name: str
    region: str = ""
    country: str = ""
    latitude: float
    longitude: float
    time_zone: str = ""


@dataclass(frozen=True, slots=True)
class _Kept:
    until: float
    answer: Answer


class OpenMeteo:
    def __init__(
        self, outbound: Outbound, *, forecast_url: str, geocoding_url: str, clock: Clock
    ) -> None:
        self._outbound = outbound
        self._forecast_url = f"{forecast_url.rstrip('/')}/v1/forecast"
        self._places_url = f"{geocoding_url.rstrip('/')}/v1/search"
        self._clock = clock
        self._kept: dict[str, _Kept] = {}

    async def places(self, name: str, limit: int) -> list[Place]:
        answer = await self._ask(
            self._places_url,
            {"name": name, "count": str(limit), "language": "en", "format": "json"},
        )
        results = answer.get("results")
        return [
            _place(found)
            for found in (results if isinstance(results, list) else [])
            if isinstance(found, dict)
        ]

    async def place(self, where: str) -> Place:
        """The best match of a name, or `latitude,longitude`. Raises NotFoundError."""
        if coordinates := _coordinates(where):
            return coordinates
        # The search knows `Bergen`, not `Bergen, Norway`; what follows chooses among the matches.
        name, _, wanted = where.partition(",")
        if len(name.strip()) < 2:
            raise InvalidInputError("The name of a place has two letters at least.")
        found = await self.places(name.strip(), 10)
        wanted = wanted.strip().lower()
        for place in found:
            if wanted in f"{place.region}, {place.country}".lower():
                return place
        raise NotFoundError(
            f"No place is called {where[:60]!r}; try another spelling or latitude,longitude."
        )

    async def forecast(self, place: Place, units: UnitSystem, **parts: str) -> Answer:
        """`parts` as the service names them: current, hourly, daily, forecast_days, ..."""
        return await self._ask(
            self._forecast_url,
            {
                "latitude": f"{place.latitude:.4f}",
                "longitude": f"{place.longitude:.4f}",
                "timezone": "auto",
                **_UNITS[units],
                **parts,
            },
        )

    async def _ask(self, base: str, query: Mapping[str, str]) -> Answer:
        url = f"{base}?{urlencode(query)}"
        now = self._clock.monotonic()
        if (kept := self._kept.get(url)) and kept.until > now:
            return kept.answer
        try:
            fetched = await self._outbound.fetch(
                url, largest=_LARGEST, seconds=_SECONDS, redirects=0
            )
        except FetchFailedError as error:
            raise UnavailableError(
                "The weather service cannot be reached; try again in a minute."
            ) from error
        answer = _understood(fetched.status, fetched.content)
        self._forget_old(now)
        self._kept[url] = _Kept(now + _KEPT_SECONDS, answer)
        return answer

    def _forget_old(self, now: float) -> None:
        for url in [url for url, kept in self._kept.items() if kept.until <= now]:
            del self._kept[url]
        while len(self._kept) >= _MOST_KEPT:
            del self._kept[next(iter(self._kept))]


def _understood(status: int, content: bytes) -> Answer:
    try:
        answer = _ANSWER.validate_json(content)
    except ValidationError:
        answer = {}
    if status == 429:
        raise UnavailableError("The weather service wants a pause; try again in a minute.")
    if status == 400:
        reason = answer.get("reason")
        raise InvalidInputError(f"The weather service refused: {str(reason)[:200]}")
    if status != 200 or not answer:
        raise UnavailableError(f"The weather service failed (status {status}); try again later.")
    return answer


def _coordinates(where: str) -> Place | None:
    first, comma, second = where.partition(",")
    try:
        latitude, longitude = float(first), float(second)
    except ValueError:
        return None
    if not comma or not (-90 <= latitude <= 90 and -180 <= longitude <= 180):
        raise InvalidInputError("Latitude is -90 to 90, longitude -180 to 180.")
    return Place(name=where.strip(), latitude=latitude, longitude=longitude)


def _place(found: Mapping[str, JsonValue]) -> Place:
    try:
        return Place.model_validate(
            {
                "name": found.get("name"),
                "region": found.get("admin1") or "",
                "country": found.get("country") or "",
                "latitude": found.get("latitude"),
                "longitude": found.get("longitude"),
                "time_zone": found.get("timezone") or "",
            }
        )
    except ValidationError as error:
        raise UnavailableError("The weather service sent something unexpected.") from error

"""Weather: what the service says, in words, and what happens when it says nothing."""

import json

import pytest

from backend.mcp_servers.weather import build
from tests.fakes.clock import StillClock
from tests.mcp_servers.calling import OneByOne
from tests.mcp_servers.conftest import WithSettings
from tests.mcp_servers.sites import Site

BERGENS = {
    "results": [
        {
            "name": "Bergen",
            "admin1": "Vestland",
            "country": "Norway",
            "latitude": 60.39299,
            "longitude": 5.32415,
            "timezone": "Europe/Oslo",
        },
        {
            "name": "Bergen",
            "admin1": "Rügen",
            "country": "Germany",
            "latitude": 54.41871,
            "longitude": 13.43317,
        },
    ]
}
FORECAST = {
    "current": {
        "time": "2026-11-20T13:00",
        "temperature_2m": 4.5,
        "apparent_temperature": 1,
        "weather_code": 61,
        "wind_speed_10m": 20.2,
        "wind_direction_10m": 270,
    },
    "hourly": {
        "time": ["2026-11-20T13:00", "2026-11-20T14:00"],
        "temperature_2m": [4.5, None],
        "weather_code": [61, 999],
        "precipitation_probability": [80],
    },
    "daily": {
        "time": ["2026-11-20"],
        "weather_code": [95],
        "temperature_2m_max": [6.0],
        "temperature_2m_min": [-1.5],
        "sunrise": ["2026-11-20T08:50"],
    },
}


@pytest.fixture
def clock() -> StillClock:
    return StillClock()


@pytest.fixture
def weather(mcp_settings: WithSettings, site: Site, clock: StillClock) -> OneByOne:
    site.answers("/v1/search", json.dumps(BERGENS))
    site.answers("/v1/forecast", json.dumps(FORECAST))
    settings = mcp_settings(weather_url=f"{site.url}/", geocoding_url=site.url)
    return OneByOne(build(settings, clock=clock))


async def test_the_weather_now_is_told_in_words_and_numbers(weather: OneByOne, site: Site) -> None:
    now = await weather.ok("get_current_weather", place="Bergen")
    assert now["place"]["country"] == "Norway"
    assert (now["words"], now["temperature"], now["feels_like"]) == ("light rain", 4.5, 1)
    assert now["humidity_percent"] is None
    asked = site.asked[-1]
    assert asked.query["latitude"] == ["60.3930"]
    assert asked.query["temperature_unit"] == ["celsius"]


async def test_the_country_chooses_among_places_of_one_name(weather: OneByOne, site: Site) -> None:
    day = await weather.ok("get_daily_forecast", place="Bergen, Germany", units="imperial", days=3)
    assert day["place"]["region"] == "Rügen"
    assert day["days"][0] == {
        "date": "2026-11-20",
        "words": "thunderstorm",
        "highest": 6.0,
        "lowest": -1.5,
        "precipitation": None,
        "precipitation_percent": None,
        "wind_speed": None,
        "uv_index": None,
        "sunrise": "2026-11-20T08:50",
        "sunset": None,
    }
    assert site.asked[-1].query["temperature_unit"] == ["fahrenheit"]
    assert site.asked[-1].query["forecast_days"] == ["3"]


async def test_hours_come_in_order_with_gaps_left_open(weather: OneByOne) -> None:
    hours = (await weather.ok("get_hourly_forecast", place="60.39,5.32", hours=2))["hours"]
    assert [hour["temperature"] for hour in hours] == [4.5, None]
    assert [hour["words"] for hour in hours] == ["light rain", "unknown"]
    assert [hour["precipitation_percent"] for hour in hours] == [80.0, None]


async def test_the_same_question_within_ten_minutes_is_answered_from_memory(
    weather: OneByOne, site: Site, clock: StillClock
) -> None:
    await weather.ok("get_current_weather", place="Bergen")
    asked = len(site.asked)
    await weather.ok("get_current_weather", place="Bergen")
    assert len(site.asked) == asked
    clock.forward(seconds=601)
    await weather.ok("get_current_weather", place="Bergen")
    assert len(site.asked) == asked + 2


async def test_places_are_found_by_name(weather: OneByOne, site: Site) -> None:
    found = await weather.ok("find_places", name="Bergen")
    assert [place["country"] for place in found["places"]] == ["Norway", "Germany"]
    site.answers("/v1/search", "{}", status=200)
    site.answers("/v1/search", '{"generationtime_ms": 1}')
    told = await weather.refused("get_current_weather", place="Nowhereville")
    assert "another spelling" in told


async def test_a_service_in_trouble_is_told_in_words(weather: OneByOne, site: Site) -> None:
    async def refused(body: str, status: int = 200) -> str:
        site.answers("/v1/forecast", body, status=status)
        return await weather.refused("get_current_weather", place="1,1")

    assert "pause" in await refused("{}", 429)
    assert "status 503" in await refused("down", 503)
    assert "too far" in await refused('{"error": true, "reason": "too far"}', 400)
    assert "failed" in await refused("[1, 2]")
    assert "cannot be reached" in await refused("/elsewhere", 302)
    assert "Latitude" in await weather.refused("get_current_weather", place="99,0")


async def test_a_service_that_is_down_is_told_in_words(mcp_settings: WithSettings) -> None:
    nowhere = "http://127.0.0.1:1"
    weather = OneByOne(build(mcp_settings(weather_url=nowhere, geocoding_url=nowhere)))
    assert "cannot be reached" in await weather.refused("get_current_weather", place="Bergen")

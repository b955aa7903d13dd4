"""Search engines the operator may configure, behind one question and one shape of answer."""

from collections.abc import Callable, Mapping
from typing import Protocol
from urllib.parse import urlencode

from pydantic import BaseModel, JsonValue, TypeAdapter, ValidationError

from backend.kit.errors import UnavailableError
from backend.kit.outbound import FetchFailedError, Outbound
from backend.settings.mcp import McpServerSettings

_LARGEST = 3_000_000
_SECONDS = 15.0
_ANSWER = TypeAdapter(dict[str, JsonValue])

HOW_TO_SET = (
    "Web search is not set up. The operator can set PARLOR_MCP_SEARXNG_URL (a SearXNG with its"
    " JSON format enabled) or PARLOR_MCP_BRAVE_KEY. Pages can be fetched without it."
)


class Hit(BaseModel):
    title: str
    url: str
    snippet: str


class Engine(Protocol):
    name: str

    async def search(self, query: str, *, page: int, limit: int) -> list[Hit]:
        """Raises UnavailableError."""
        ...


class SearXng:
    name = "SearXNG"

    def __init__(self, outbound: Outbound, url: str) -> None:
        self._outbound = outbound
        self._url = f"{url.rstrip('/')}/search"

    async def search(self, query: str, *, page: int, limit: int) -> list[Hit]:
        asked = urlencode({"q": query, "format": "json", "pageno": page})
        answer = await _answer(self._outbound, f"{self._url}?{asked}", {}, self.name)
        return _hits(answer.get("results"), "content")[:limit]


class Brave:
    name = "Brave"

    def __init__(self, outbound: Outbound, url: str, key: str) -> None:
        self._outbound = outbound
        self._url = f"{url.rstrip('/')}/res/v1/web/search"
        self._key = key

    async def search(self, query: str, *, page: int, limit: int) -> list[Hit]:
        asked = urlencode({"q": query, "count": limit, "offset": page - 1})
        answer = await _answer(
            self._outbound, f"{self._url}?{asked}", {"X-Subscription-Token": self._key}, self.name
        )
        web = answer.get("web")
        return _hits(web.get("results") if isinstance(web, dict) else None, "description")[:limit]


def configured(settings: McpServerSettings, reach: Callable[[str], Outbound]) -> Engine | None:
    """`reach` gives a client that may reach that address, too."""
    if settings.searxng_url:
        url = str(settings.searxng_url)
        return SearXng(reach(url), url)
    if settings.brave_key:
        url = str(settings.brave_url)
        return Brave(reach(url), url, settings.brave_key.get_secret_value())
    return None


async def _answer(
    outbound: Outbound, url: str, headers: Mapping[str, str], name: str
) -> Mapping[str, JsonValue]:
    try:
        fetched = await outbound.fetch(
            url,
            headers={"Accept": "application/json", **headers},
            redirects=0,
            largest=_LARGEST,
            seconds=_SECONDS,
        )
    except FetchFailedError as error:
        raise UnavailableError(f"{name} cannot be reached; try again in a minute.") from error
    match fetched.status:
        case 200:
            pass
        case 401 | 403:
            raise UnavailableError(
                f"{name} refused (status {fetched.status}): the operator should check its key,"
                " or that SearXNG allows the format json."
            )
        case 429:
            raise UnavailableError(f"{name} wants a pause; try again in a minute.")
        case status:
            raise UnavailableError(f"{name} failed (status {status}); try again later.")
    try:
        return _ANSWER.validate_json(fetched.content)
    except ValidationError as error:
        raise UnavailableError(f"{name} sent something that is not JSON.") from error


def _hits(results: JsonValue, snippet: str) -> list[Hit]:
    found = []
    for result in results if isinstance(results, list) else []:
        if not isinstance(result, dict):
            continue
        url = result.get("url")
        if isinstance(url, str) and url.startswith(("http://", "https://")):
            found.append(
                Hit(
                    title=_plain(result.get("title"), 300),
                    url=url[:2000],
                    snippet=_plain(result.get(snippet), 1000),
                )
            )
    return found


def _plain(value: JsonValue, longest: int) -> str:
    return " ".join(value.split())[:longest] if isinstance(value, str) else ""

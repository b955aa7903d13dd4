"""O9: no other site's page can cause a change, on any route there is."""

import httpx2
import pytest

from backend.api.deps import SAFE_METHODS
from backend.api.edge import is_from_our_pages
from backend.auth.people import User
from backend.container import Services
from tests.api.asking import refused, stored
from tests.conftest import ORIGIN
from tests.edge.doors import scope
from tests.edge.test_hosts import EVERY_ROUTE

CHANGES = [(method, path) for method, path in EVERY_ROUTE if method not in SAFE_METHODS]
FOREIGN = {
    "said by the browser": {"sec-fetch-site": "cross-site"},
    "a neighbour of the same site": {"sec-fetch-site": "same-site"},
    "cross-site, though the origin looks right": {"sec-fetch-site": "cross-site", "origin": ORIGIN},
    "a word that no browser says": {"sec-fetch-site": "same-origin, none"},
    "an origin that hides": {"origin": "null"},
    "another host": {"origin": "http://evil.example"},
    "another scheme": {"origin": ORIGIN.replace("http:", "https:")},
    "another port": {"origin": ORIGIN.replace(":8000", ":8001")},
    "no port": {"origin": "http://127.0.0.1"},
    "a longer host": {"origin": ORIGIN + ".evil.example"},
    "a longer path": {"origin": ORIGIN + "/"},
    "no scheme": {"origin": "127.0.0.1:8000"},
    "an empty one": {"origin": ""},
    "a file": {"origin": "file://"},
}


def test_there_are_changes_to_protect() -> None:
    assert len(CHANGES) > 20


@pytest.mark.parametrize("name", FOREIGN)
async def test_o9_every_change_is_refused_when_another_site_causes_it(
    name: str, client: httpx2.AsyncClient, services: Services
) -> None:
    before = await stored(services)
    for method, path in CHANGES:
        answer = await client.request(method, path, json={}, headers=FOREIGN[name])
        refused(answer, 403, "cross_site")
        assert "set-cookie" not in answer.headers
    assert await stored(services) == before


async def test_o9_strangers_are_refused_likewise(stranger: httpx2.AsyncClient, owner: User) -> None:
    """Signing somebody in as somebody else is a change too."""
    for method, path in CHANGES:
        answer = await stranger.request(method, path, json={}, headers={"origin": "null"})
        refused(answer, 403, "cross_site")


async def test_our_own_pages_and_programs_go_on(client: httpx2.AsyncClient) -> None:
    for headers in (
        {},
        {"origin": ORIGIN},
        {"origin": ORIGIN.upper()},
        {"sec-fetch-site": "same-origin"},
        {"sec-fetch-site": "none"},
        # A form of ours: pages that send no referrer hide their origin there as well.
        {"sec-fetch-site": "same-origin", "origin": "null"},
    ):
        answer = await client.post("/api/auth/login", json={}, headers=headers)
        assert answer.status_code == 422, answer.text


@pytest.mark.parametrize(
    ("scheme", "host", "origin", "ours"),
    [
        ("https", "home.example", "https://home.example", True),
        ("https", "home.example", "https://home.example:443", True),
        ("https", "home.example:443", "https://home.example", True),
        ("https", "home.example:8443", "https://home.example:8443", True),
        ("https", "home.example:8443", "https://home.example", False),
        ("https", "home.example", "http://home.example", False),
        ("https", "home.example", "https://sub.home.example", False),
        ("https", "home.example", "https://xn--hme-8cd.example", False),
        ("http", "home.example", "http://home.example:443", False),
        ("http", "home.example:80", "http://home.example", True),
        ("https", "[::1]:8000", "https://[::1]:8000", True),
    ],
)
def test_o9_the_origin_is_ours_to_the_letter(
    scheme: str, host: str, origin: str, ours: bool
) -> None:
    assert is_from_our_pages(scope(("Origin", origin), host=host, scheme=scheme)) is ours


def test_o9_two_answers_to_one_question_are_none() -> None:
    assert not is_from_our_pages(scope(("Origin", ORIGIN), ("Origin", ORIGIN)))
    assert not is_from_our_pages(
        scope(("Sec-Fetch-Site", "none"), ("Sec-Fetch-Site", "same-origin"))
    )


async def test_o9_no_answer_lets_another_site_read_it(client: httpx2.AsyncClient) -> None:
    for method, path in (("GET", "/api/auth/me"), ("OPTIONS", "/api/auth/me"), ("GET", "/")):
        headers = {"origin": "https://evil.example", "access-control-request-method": "POST"}
        answer = await client.request(method, path, headers=headers)
        assert not [name for name in answer.headers if name.startswith("access-control")]
        assert answer.headers["cross-origin-resource-policy"] == "same-origin"

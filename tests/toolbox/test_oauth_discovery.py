"""Where a server wants people to sign in, in all the ways it may say so."""

import json
import time
from collections.abc import AsyncGenerator
from typing import Any

import pytest

from backend.kit.addresses import Openings
from backend.kit.outbound import Outbound
from backend.toolbox.oauth_discovery import (
    Challenge,
    Place,
    ToolSignInFailedError,
    challenge_of,
    find_place,
    is_safe,
)
from tests.fakes.site import Asked, FakeSite, Reply


class Web:
    """Pages by path, all of one site."""

    def __init__(self) -> None:
        self.pages: dict[str, dict[str, Any]] = {}
        self.broken: set[str] = set()
        self.site = FakeSite(self._answer)

    @property
    def url(self) -> str:
        return self.site.url

    def _answer(self, asked: Asked) -> Reply:
        if asked.path in self.broken:
            return Reply(500)
        page = self.pages.get(asked.path)
        return Reply(404) if page is None else Reply(200, json.dumps(page).encode())

    def resource(self, path: str, issuer: str, resource: str = "/mcp") -> None:
        self.pages[path] = {
            "resource": self.url + resource,
            "authorization_servers": [self.url + issuer],
            "scopes_supported": ["a", "b"],
        }

    def issuer(self, path: str, issuer: str, **more: Any) -> None:
        self.pages[path] = {
            "issuer": self.url + issuer,
            "authorization_endpoint": f"{self.url}/authorize",
            "token_endpoint": f"{self.url}/token",
            "code_challenge_methods_supported": ["S256"],
            **more,
        }

    async def find(self, header: str = "Bearer", openings: Openings | None = None) -> Place:
        opened = openings or Openings.of(["127.0.0.0/8"])
        outbound = Outbound(opened)
        try:
            return await find_place(outbound, f"{self.url}/mcp", challenge_of(header))
        finally:
            await outbound.aclose()


@pytest.fixture
async def web() -> AsyncGenerator[Web]:
    made = Web()
    async with made.site:
        yield made


OAUTH, OIDC = "/.well-known/oauth-authorization-server", "/.well-known/openid-configuration"
RESOURCE = "/.well-known/oauth-protected-resource"


@pytest.mark.parametrize("path", [f"{RESOURCE}/mcp", RESOURCE])
async def test_a_resource_is_found_by_its_well_known_address(web: Web, path: str) -> None:
    web.resource(path, "")
    web.issuer(OAUTH, "")
    place = await web.find()
    assert (place.resource, place.scopes) == (f"{web.url}/mcp", ("a", "b"))


async def test_the_refusal_says_where_and_what_for(web: Web) -> None:
    web.resource("/elsewhere.json", "")
    web.issuer(OAUTH, "")
    header = f'Bearer resource_metadata="{web.url}/elsewhere.json", scope="x y x"'
    assert (await web.find(header)).scopes == ("x", "y")


@pytest.mark.parametrize("path", [f"{OAUTH}/tenant", f"{OIDC}/tenant", f"/tenant{OIDC}"])
async def test_an_issuer_with_a_path_is_found_at_each_of_its_addresses(web: Web, path: str) -> None:
    web.resource(RESOURCE, "/tenant")
    web.issuer(path, "/tenant")
    assert (await web.find()).issuer.issuer == f"{web.url}/tenant"


async def test_a_server_of_the_older_protocol_is_its_own_issuer(web: Web) -> None:
    web.issuer(OAUTH, "")
    place = await web.find()
    assert (place.resource, place.issuer.issuer) == (f"{web.url}/mcp", web.url)


async def test_a_resource_above_the_server_is_fine_one_beside_it_is_not(web: Web) -> None:
    web.issuer(OAUTH, "")
    web.resource(RESOURCE, "", resource="")
    assert (await web.find()).resource == web.url
    for beside in ("/mc", "/mcp/more", "/other"):
        web.resource(RESOURCE, "", resource=beside)
        with pytest.raises(ToolSignInFailedError, match="another server"):
            await web.find()


async def test_a_failing_server_is_not_taken_for_one_without_a_description(web: Web) -> None:
    web.issuer(OAUTH, "")
    web.broken.add(RESOURCE)
    with pytest.raises(ToolSignInFailedError):
        await web.find()


async def test_the_right_to_renew_is_asked_for_where_there_is_one(web: Web) -> None:
    web.resource(RESOURCE, "")
    web.issuer(OAUTH, "", scopes_supported=["a", "offline_access"])
    assert (await web.find()).scopes == ("a", "b", "offline_access")


async def test_s1_discovery_does_not_reach_into_the_house(web: Web) -> None:
    web.resource(RESOURCE, "")
    web.issuer(OAUTH, "")
    with pytest.raises(ToolSignInFailedError):
        await web.find(openings=Openings())
    assert web.site.connections == 0


@pytest.mark.parametrize(
    ("address", "safe"),
    [
        ("https://sign-in.example/a?b", True),
        ("http://127.0.0.1:80/", True),
        ("http://localhost:1/", True),
        ("http://[::1]:1/", True),
        ("http://sign-in.example/", False),
        ("http://127.0.0.1.example/", False),
        ("http://localhost.example/", False),
        ("http://192.168.7.2/", False),
        ("https://me:secret@sign-in.example/", False),
        ("https://sign-in.example\\@evil.example/", False),
        ("https://sign-in.example/ x", False),
        ("https://[broken/", False),
        ("https://host:99999/", False),
        ("javascript:alert(1)", False),
        ("file:///etc/passwd", False),
        ("//sign-in.example/", False),
        ("", False),
    ],
)
def test_m4_only_protected_addresses_are_opened(address: str, safe: bool) -> None:
    assert is_safe(address) is safe


def test_a_refusal_that_is_one_long_word_is_read_in_no_time() -> None:
    """It comes from a stranger's server, and everybody waits while it is read."""
    begun = time.monotonic()
    for header in ("a" * 8000, "a=" * 4000, 'a="' * 2600, "a" + " " * 7990):
        assert challenge_of(f"Bearer {header}").error == ""
    assert time.monotonic() - begun < 0.2


@pytest.mark.parametrize(
    ("header", "expected"),
    [
        ("", Challenge()),
        ("Basic realm=x", Challenge()),
        ("Bearer", Challenge()),
        (
            'bearer error="insufficient_scope", scope="a"',
            Challenge("", ("a",), "insufficient_scope"),
        ),
        ("Bearer scope=a,error=invalid_token", Challenge("", ("a",), "invalid_token")),
        ('Bearer scope="a \u00e9 b"', Challenge("", ("a", "b"))),
        ('Bearer realm="a, scope=b", resource_metadata="https://x/y"', Challenge("https://x/y")),
        ("Bearer " + 'x="' * 5000, Challenge()),
    ],
)
def test_a_refusal_is_read_as_it_is_written(header: str, expected: Challenge) -> None:
    assert challenge_of(header) == expected

"""What settings amount to."""

import pytest

from backend.providers.configured import providers_from
from backend.settings import Settings
from tests.settings.conftest import SetAll


@pytest.mark.parametrize("host", ["127.0.0.1", "127.9.9.9", "::1", "localhost"])
def test_loopback_is_known_by_all_its_names(host: str) -> None:
    assert Settings.load(host=host).server.is_loopback


@pytest.mark.parametrize(
    "host",
    [
        "0.0.0.0",  # noqa: S104  # a value to be judged
        "::",
        "10.0.0.2",
        "parlor.example",
        "localhost.example",
    ],
)
def test_everything_else_is_not_loopback(host: str) -> None:
    assert not Settings.load(host=host).server.is_loopback


@pytest.mark.parametrize(
    ("variables", "url"),
    [
        ({}, None),
        ({"CHAT_LLM_API_HOST": "box"}, "http://box:8080/v1"),
        ({"CHAT_LLM_API_HOST": "box", "CHAT_LLM_API_PORT": "1"}, "http://box:1/v1"),
        ({"CHAT_LLM_API_HOST": "box", "CHAT_LLM_API_PATH_PREFIX": "/a/"}, "http://box:8080/a"),
        ({"CHAT_LLM_API_HOST": "box", "CHAT_LLM_API_SCHEME": "https"}, "https://box:8080/v1"),
        (
            {"CHAT_LLM_API_HOST": "box", "CHAT_LLM_API_BASE": "http://other:2/v1"},
            "http://other:2/v1",
        ),
        ({"CHAT_LLM_API_HOST": "box", "CHAT_LLM_ENABLED": "false"}, None),
    ],
)
def test_the_local_server_has_one_address(
    environment: SetAll, variables: dict[str, str], url: str | None
) -> None:
    environment(**variables)
    assert Settings.load().local.url == url


def test_keys_and_addresses_decide_which_providers_there_are(environment: SetAll) -> None:
    assert list(providers_from(Settings.load()).by_id) == ["demo"]
    environment(
        OPENROUTER_API_KEY="key",
        CHAT_LLM_API_HOST="127.0.0.1",
        PARLOR_PROVIDERS='{"mine": {"base_url": "http://127.0.0.1:1/v1"}}',
    )
    assert list(providers_from(Settings.load()).by_id) == ["openrouter", "local", "mine"]


def test_lists_are_separated_by_commas_or_blanks(environment: SetAll) -> None:
    environment(
        PARLOR_HOSTS="a.lan, b.lan c.lan",
        PARLOR_LAN_ALLOW="10.0.0.0/8,,nas.lan:8443",
        PARLOR_TRUSTED_PROXIES=" 127.0.0.1 ",
        PARLOR_MCP_SERVERS="notes,web",
    )
    settings = Settings.load()
    assert settings.edge.hosts == ("a.lan", "b.lan", "c.lan")
    assert settings.edge.lan_allow == ("10.0.0.0/8", "nas.lan:8443")
    assert [str(network) for network in settings.edge.trusted_proxies] == ["127.0.0.1/32"]
    assert settings.mcp_servers.servers == ("notes", "web")

"""A wrong value is told with its variable and what is allowed: all of them at once."""

from pathlib import Path

import pytest

from backend.settings import Settings, SettingsError
from tests.settings.conftest import SetAll

SECRET = "kestrelword"


def problems() -> list[str]:
    with pytest.raises(SettingsError) as caught:
        Settings.load()
    return str(caught.value).splitlines()


def test_all_wrong_values_are_told_at_once(environment: SetAll) -> None:
    environment(
        PARLOR_PORT="eighty",
        PARLOR_LOG_LEVEL="loud",
        PARLOR_DRAIN_SECONDS="-1",
        PARLOR_CHAT_STEP_LIMIT="0",
        OPENROUTER_BASE_URL="not a url",
        OPENROUTER_TIMEOUT="1",
        CHAT_LLM_API_PORT="70000",
        CHAT_LLM_ENABLED="perhaps",
        PARLOR_PROVIDERS="[",
    )
    told = problems()
    assert [line.partition(":")[0] for line in told] == [
        "PARLOR_PORT",
        "PARLOR_LOG_LEVEL",
        "PARLOR_DRAIN_SECONDS",
        "PARLOR_CHAT_STEP_LIMIT",
        "OPENROUTER_BASE_URL",
        "OPENROUTER_TIMEOUT",
        "CHAT_LLM_ENABLED",
        "CHAT_LLM_API_PORT",
        "PARLOR_PROVIDERS",
    ]


@pytest.mark.parametrize(
    ("name", "value", "allowed"),
    [
        ("PARLOR_PORT", "65536", "65535"),
        ("PARLOR_PORT", "-1", "0"),
        ("PARLOR_LOG_LEVEL", "loud", "'debug', 'info', 'warning' or 'error'"),
        ("PARLOR_CHAT_STEP_LIMIT", "201", "200"),
        ("PARLOR_CHAT_COST_LIMIT", "0", "greater than 0"),
        ("CHAT_LLM_API_SCHEME", "ftp", "http"),
        ("OPENROUTER_ATTRIBUTION", "maybe", "boolean"),
        ("OPENROUTER_BASE_URL", "ftp://x", "'http' or 'https'"),
        ("PARLOR_PROVIDERS", "not json", "JSON"),
        ("PARLOR_PROVIDERS", '{"Up Per": {"base_url": "http://x"}}', "[a-z]"),
        ("PARLOR_PROVIDERS", '{"a": {}}', "a.base_url"),
        ("PARLOR_PROVIDERS", '{"a": {"base_url": "http://x", "key": "y"}}', "a.key"),
        ("PARLOR_PROVIDERS", "[]", "dictionary"),
    ],
)
def test_a_wrong_value_is_told_with_what_is_allowed(
    environment: SetAll, name: str, value: str, allowed: str
) -> None:
    environment(**{name: value})
    (line,) = problems()
    assert line.startswith(name)
    assert allowed in line


@pytest.mark.parametrize("provider", ["openrouter", "local", "demo"])
def test_a_further_server_cannot_take_the_name_of_a_provider(
    environment: SetAll, provider: str
) -> None:
    environment(PARLOR_PROVIDERS=f'{{"{provider}": {{"base_url": "http://127.0.0.1"}}}}')
    (line,) = problems()
    assert line.startswith("PARLOR_PROVIDERS")
    assert provider in line


def test_a_secret_is_not_repeated_when_it_stands_in_a_wrong_value(environment: SetAll) -> None:
    environment(
        PARLOR_PROVIDERS=f'{{"a": {{"base_url": "nonsense", "api_key": "{SECRET}"}}, "b": "{SECRET}"',
        OPENROUTER_TIMEOUT=SECRET,
    )
    assert SECRET not in "\n".join(problems())


def test_an_option_of_the_command_is_checked_like_its_variable() -> None:
    with pytest.raises(SettingsError, match="PARLOR_PORT"):
        Settings.load(port=70000)
    with pytest.raises(SettingsError, match="PARLOR_PORT"):
        Settings.load(port=-1)


def test_a_wrong_line_in_the_env_file_is_told_too(environment: SetAll) -> None:
    Path(".env").write_text("PARLOR_PORT=eighty\n")
    assert problems()[0].startswith("PARLOR_PORT")


@pytest.mark.parametrize("content", [b"\xff\xfe\x00", b"PARLOR_PORT=\xff"])
def test_an_env_file_that_cannot_be_read_is_told(content: bytes) -> None:
    Path(".env").write_bytes(content)
    assert ".env" in problems()[0]


def test_a_line_of_the_env_file_that_cannot_be_read_is_told() -> None:
    """It would be left out, and the setting on it with nothing but a warning."""
    Path(".env").write_text('not ours\nPARLOR_PORT=9000\nOPENROUTER_API_KEY="never closed\n')
    assert problems() == [".env, line 3: is not NAME=value"]


def test_a_credential_that_is_not_text_is_told_by_its_name(credentials: Path) -> None:
    (credentials / "OPENROUTER_API_KEY").write_bytes(b"\xff\xfe")
    (credentials / "something.else").write_bytes(b"\xff\xfe")
    (line,) = problems()
    assert line.startswith("OPENROUTER_API_KEY: ")

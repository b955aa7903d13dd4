"""Where settings come from: options, environment, `.env`, systemd's credentials."""

from pathlib import Path

from backend.settings import ALL_SETTINGS, Settings, variable_names
from tests.settings.conftest import SetAll

SECRET = "kestrelword"


def test_without_anything_set_the_defaults_hold() -> None:
    assert Settings.load() == Settings.defaults()


def test_the_defaults_do_not_ask_the_environment(environment: SetAll) -> None:
    environment(PARLOR_PORT="1234", OPENROUTER_API_KEY=SECRET)
    Path(".env").write_text("PARLOR_HOST=10.0.0.1\n")
    assert Settings.defaults().server.port == 8000
    assert Settings.defaults().server.host == "127.0.0.1"
    assert Settings.defaults().openrouter.api_key is None


def test_an_empty_variable_counts_as_unset(environment: SetAll) -> None:
    names = [name for kind in ALL_SETTINGS for name in variable_names(kind).values()]
    environment(**dict.fromkeys(names, ""))
    assert Settings.load() == Settings.defaults()


def test_an_option_beats_the_environment_which_beats_the_file(environment: SetAll) -> None:
    Path(".env").write_text("PARLOR_PORT=1\nPARLOR_HOST=127.0.0.2\nPARLOR_LOG_LEVEL=error\n")
    environment(PARLOR_PORT="2", PARLOR_HOST="127.0.0.3")
    server = Settings.load(port=3, host=None).server
    assert (server.port, server.host, server.log_level) == (3, "127.0.0.3", "error")


def test_secrets_may_lie_in_the_credentials_directory(credentials: Path) -> None:
    (credentials / "OPENROUTER_API_KEY").write_text(f"{SECRET}\n")
    (credentials / "CHAT_LLM_API_KEY").write_text("second")
    (credentials / "PARLOR_PROVIDERS").write_text(
        '{"mine": {"base_url": "http://127.0.0.1:1/v1", "api_key": "third"}}'
    )
    settings = Settings.load()
    assert settings.openrouter.api_key is not None
    assert settings.openrouter.api_key.get_secret_value() == SECRET
    assert settings.local.api_key is not None
    assert settings.local.api_key.get_secret_value() == "second"
    assert settings.providers.providers["mine"].api_key is not None


def test_a_credentials_directory_that_is_gone_does_no_harm(environment: SetAll) -> None:
    environment(CREDENTIALS_DIRECTORY="/nowhere/at/all")
    assert Settings.load() == Settings.defaults()


def test_an_empty_credential_counts_as_unset(credentials: Path) -> None:
    (credentials / "OPENROUTER_API_KEY").write_text("\n")
    assert not Settings.load().openrouter.api_key


def test_the_state_folder_is_the_operators_or_systemds(environment: SetAll) -> None:
    environment(STATE_DIRECTORY="/var/lib/parlor")
    assert Settings.load().server.state_dir == Path("/var/lib/parlor")
    environment(PARLOR_STATE_DIR="/elsewhere")
    assert Settings.load().server.state_dir == Path("/elsewhere")


def test_names_that_parlor_does_not_know_are_reported(environment: SetAll) -> None:
    environment(PARLOR_PROT="1", OPENROUTER_KEY="x", CHAT_LLM_HOST="y", PATH_PARLOR_="z", HOME="/")
    assert Settings.load().unknown_names == ("CHAT_LLM_HOST", "OPENROUTER_KEY", "PARLOR_PROT")


def test_unknown_names_in_the_env_file_are_reported() -> None:
    Path(".env").write_text("PARLOR_PROT=1\nPARLOR_PORT=9000\nOTHER=1\n")
    settings = Settings.load()
    assert settings.unknown_names == ("PARLOR_PROT",)
    assert settings.server.port == 9000


def test_a_credential_whose_name_parlor_does_not_know_is_reported(credentials: Path) -> None:
    for name in ("OPENROUTER_KEY", "OPENROUTER_API_KEY", "authority.key"):
        (credentials / name).write_text(SECRET)
    assert Settings.load().unknown_names == ("OPENROUTER_KEY",)


def test_a_folder_called_like_the_env_file_does_no_harm() -> None:
    Path(".env").mkdir()
    assert Settings.load() == Settings.defaults()


def test_what_the_single_file_reads_by_itself_is_not_unknown(environment: SetAll) -> None:
    environment(PARLOR_UNPACK_DIR="/somewhere")
    assert Settings.load().unknown_names == ()


def test_a_known_name_is_never_reported(environment: SetAll) -> None:
    names = [name for kind in ALL_SETTINGS for name in variable_names(kind).values()]
    environment(**dict.fromkeys(names, ""))
    assert Settings.load().unknown_names == ()


def test_secrets_do_not_show(environment: SetAll) -> None:
    environment(
        OPENROUTER_API_KEY=SECRET,
        CHAT_LLM_API_KEY=SECRET,
        PARLOR_PROVIDERS=f'{{"a": {{"base_url": "http://127.0.0.1", "api_key": "{SECRET}"}}}}',
    )
    settings = Settings.load()
    shown = [repr(settings), str(settings), settings.model_dump_json(), str(settings.model_dump())]
    assert SECRET not in "".join(shown)

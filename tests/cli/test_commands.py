"""The commands of the host, as processes."""

import json
import stat
import time
from pathlib import Path

import httpx2
import pyotp

from backend.db.migrate import shipped_migrations
from backend.kit.version import VERSION
from tests.cli.conftest import PASSWORD, Run, Server


def words(text: str) -> str:
    """One sentence for a person: no traceback, one line."""
    assert "Traceback" not in text
    assert len(text.strip().splitlines()) == 1, text
    return text.strip()


def test_version_is_one_line(run: Run) -> None:
    assert run("version").stdout == f"parlor {VERSION}\n"


def test_the_api_is_exported_alike_whatever_the_environment_says(run: Run, tmp_path: Path) -> None:
    plain = run("export-openapi")
    odd = run(
        "export-openapi",
        PARLOR_PORT="nonsense",
        OPENROUTER_API_KEY="key",
        PARLOR_PROVIDERS="[",
        PYTHONHASHSEED="7",
        LANG="tr_TR.UTF-8",
    )
    assert (plain.returncode, odd.returncode) == (0, 0)
    assert plain.stdout == odd.stdout
    assert json.loads(plain.stdout)["info"]["title"] == "Parlor"
    assert not (tmp_path / "state").exists()


def test_migrate_makes_a_private_database_once(run: Run, tmp_path: Path) -> None:
    first, second = run("migrate"), run("migrate")
    assert f"{len(shipped_migrations())} migration(s) applied" in first.stdout
    assert "up to date" in second.stdout
    state = tmp_path / "state"
    assert stat.S_IMODE(state.stat().st_mode) == 0o700
    assert stat.S_IMODE((state / "parlor.db").stat().st_mode) == 0o600


def test_people_are_listed(run: Run, server: Server) -> None:
    cookies = server.make_owner()
    named = {"display_name": "\x1b]0;kestrel\x07An\nna\x9b2J\u202e"}
    with httpx2.Client(base_url=server.address, cookies=cookies) as browser:
        assert browser.patch("/api/auth/me", json=named).status_code == 200
    shown = run("users", "list").stdout
    assert shown.splitlines() == [f"{'anna':20} {'owner':8} ]0;kestrelAn na2J"]
    late = run("users", "setup-link")
    assert (late.returncode, "set up already" in words(late.stderr)) == (1, True)


def test_people_get_new_passwords(run: Run, server: Server) -> None:
    server.make_owner()
    weak = run("users", "reset", "anna", given="short\n")
    assert (weak.returncode, "8 to 256" in words(weak.stderr)) == (1, True)
    nobody = run("users", "reset", "eve", given="another horse\n")
    assert (nobody.returncode, "'eve'" in words(nobody.stderr)) == (1, True)
    done = run("users", "reset", "anna", given="another horse\n")
    assert (done.returncode, "sessions are closed" in done.stdout) == (0, True)
    chat = run("chat", "--server", server.address, given=f"anna\n{PASSWORD}\n")
    assert (chat.returncode, "wrong_credentials" in words(chat.stderr)) == (1, True)
    chat = run("chat", "--server", server.address, given="anna\nanother horse\n/quit\n")
    assert (chat.returncode, chat.stderr) == (0, "")


def test_a_reset_on_the_host_lets_somebody_in_who_has_lost_their_phone(
    run: Run, server: Server
) -> None:
    """While the server runs: it notices within two seconds."""
    cookies = server.make_owner()
    with httpx2.Client(base_url=server.address, cookies=cookies) as browser:
        begun = browser.post("/api/auth/totp", json={"password": PASSWORD}).json()
        code = pyotp.TOTP(begun["secret"]).now()
        assert browser.post("/api/auth/totp/confirm", json={"code": code}).status_code == 200
        given = {"username": "anna", "password": "another horse", "mode": "session"}

        plain = run("users", "reset", "anna", given="another horse\n")
        assert (plain.returncode, "API keys still work" in plain.stdout) == (0, True)
        assert "authenticator" not in plain.stdout
        until = time.monotonic() + 5
        while browser.get("/api/auth/me").status_code != 401:
            assert time.monotonic() < until
            time.sleep(0.05)
        asked = browser.post("/api/auth/login", json=given).json()
        assert asked["code"] == "second_factor_required"

        whole = run("users", "reset", "anna", "--second-factor", given="another horse\n")
        assert (whole.returncode, "passkeys are removed" in whole.stdout) == (0, True)
        assert browser.post("/api/auth/login", json=given).status_code == 200


def test_a_running_server_signs_with_the_new_key_and_reads_the_old(
    run: Run, server: Server
) -> None:
    server.make_owner()
    given = {"username": "anna", "password": PASSWORD}
    with httpx2.Client(base_url=server.address) as program:

        def signed_in() -> dict[str, str]:
            answer: dict[str, str] = program.post("/api/auth/login", json=given).json()
            return answer

        old = signed_in()
        rotated = run("keys", "rotate")
        assert (rotated.returncode, "new key" in rotated.stdout) == (0, True)
        new = signed_in()
        heads = {pair["access_token"].partition(".")[0] for pair in (old, new)}
        assert len(heads) == 2
        for pair in (old, new):
            headers = {"authorization": f"Bearer {pair['access_token']}"}
            assert program.get("/api/auth/me", headers=headers).status_code == 200


def test_the_link_printed_by_hand_is_the_one_the_server_printed(run: Run, server: Server) -> None:
    link = run("users", "setup-link", "--server", f"{server.address}/").stdout.strip()
    assert link == f"{server.address}/setup#code={server.setup_code}"


def test_the_link_says_https_where_there_is_a_certificate(run: Run) -> None:
    link = run("users", "setup-link", PARLOR_TLS_CERT="/c", PARLOR_TLS_KEY="/k").stdout
    assert link.startswith("https://127.0.0.1:8000/setup#code=")


def test_the_doctor_looks_and_touches_nothing(run: Run, tmp_path: Path) -> None:
    well = run("doctor")
    assert (well.returncode, "does not exist yet" in well.stdout) == (0, True)
    assert not (tmp_path / "state").exists()


def test_the_doctor_names_what_is_wrong_and_what_to_do(run: Run, tmp_path: Path) -> None:
    run("migrate")
    ill = run("doctor", PARLOR_PROT="1", CHAT_LLM_API_BASE="http://127.0.0.1:9/v1")
    assert ill.returncode == 1
    lines = {line.split()[1]: line for line in ill.stdout.splitlines()}
    assert lines["settings"].startswith("WRONG")
    assert "PARLOR_PROT" in lines["settings"]
    assert lines["database"].startswith("ok")
    assert lines["provider"].startswith("WRONG")
    (tmp_path / "state" / "parlor.db").write_bytes(b"not a database at all" * 300)
    damaged = run("doctor")
    assert damaged.returncode == 1
    assert "Traceback" not in damaged.stdout + damaged.stderr


def test_wrong_settings_end_every_command_with_all_their_names(run: Run) -> None:
    for command in (("serve",), ("users", "list")):
        refused = run(*command, PARLOR_PORT="eighty", PARLOR_LOG_LEVEL="loud")
        assert refused.returncode == 2
        assert "Traceback" not in refused.stderr
        assert [line.partition(":")[0] for line in refused.stderr.splitlines()[1:]] == [
            "PARLOR_PORT",
            "PARLOR_LOG_LEVEL",
        ]


def test_a_state_folder_that_cannot_be_used_is_told_in_a_sentence(run: Run, home: Path) -> None:
    (home / "file").write_text("")
    for command in (("users", "list"), ("serve", "--port", "0")):
        refused = run(*command, PARLOR_STATE_DIR=str(home / "file" / "state"))
        assert refused.returncode == 1
        assert str(home / "file") in words(refused.stderr)

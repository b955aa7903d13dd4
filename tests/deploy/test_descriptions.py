"""What needs no hosts: roles say what they take, the linters are content, no key is in the tree."""

import re
import runpy
import subprocess
import sys
from pathlib import Path

import jsonschema
import pytest
import yaml
from jinja2 import Environment

from tests.deploy.playbooks import ANSIBLE, ROOT

PROGRAMS = Path(sys.executable).parent
ROLES = sorted(path.parents[1] for path in ANSIBLE.glob("roles/*/defaults/main.yml"))
TUNNEL = {
    "type": "object",
    "additionalProperties": False,
    "required": ["tunnel", "ingress", "metrics"],
    "properties": {
        "tunnel": {"type": "string", "pattern": "^[0-9a-f-]{36}$"},
        "metrics": {"const": "127.0.0.1:20241"},
        "no-autoupdate": {"const": True},
        "grace-period": {"type": "string", "pattern": "^[0-9]+s$"},
        "ingress": {
            "type": "array",
            "prefixItems": [
                {
                    "type": "object",
                    "additionalProperties": False,
                    "required": ["hostname", "service", "originRequest"],
                    "properties": {
                        "hostname": {"type": "string", "pattern": "^[a-z0-9.-]+$"},
                        "service": {"type": "string", "pattern": "^https://[^/]+$"},
                        "originRequest": {
                            "type": "object",
                            "additionalProperties": False,
                            "required": ["caPool", "originServerName", "keepAliveTimeout"],
                            "properties": {
                                "caPool": {"type": "string", "pattern": "^/"},
                                "originServerName": {"type": "string"},
                                "connectTimeout": {"type": "string", "pattern": "^[0-9]+s$"},
                                "keepAliveTimeout": {"type": "string", "pattern": "^[0-9]+s$"},
                            },
                        },
                    },
                },
                {"const": {"service": "http_status:404"}},
            ],
            "items": False,
        },
    },
}
"""cloudflared itself says nothing about words it does not know."""


def read(path: Path) -> dict[str, object]:
    return yaml.safe_load(path.read_text()) or {}


@pytest.mark.parametrize("role", ROLES, ids=lambda role: role.name)
def test_what_a_role_takes_is_described_with_the_default_it_has(role: Path) -> None:
    defaults = read(role / "defaults" / "main.yml")
    specs = read(role / "meta" / "argument_specs.yml")
    options = specs["argument_specs"]["main"]["options"]
    assert options.keys() == defaults.keys()
    assert all(name.startswith(f"{role.name}_") for name in defaults)
    squeezed = {name: squeeze(option["default"]) for name, option in options.items()}
    assert squeezed == {name: squeeze(value) for name, value in defaults.items()}


def squeeze(value: object) -> object:
    return " ".join(value.split()) if isinstance(value, str) else value


@pytest.mark.parametrize(
    "command",
    [
        ["ansible-lint", "--offline", "--nocolor", "--format", "pep8"],
        ["yamllint", "--strict", "."],
    ],
    ids=["ansible-lint", "yamllint"],
)
def test_the_linters_are_content(command: list[str]) -> None:
    words = [str(PROGRAMS / command[0]), *command[1:]]
    path = f"{PROGRAMS}:/usr/bin:/bin:/usr/sbin:/sbin"
    done = subprocess.run(
        words,
        cwd=ANSIBLE,
        env={"PATH": path, "HOME": "/tmp", "LANG": "C.UTF-8"},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stdout + done.stderr


def test_the_example_asks_for_three_values() -> None:
    text = (ANSIBLE / "inventory.example.yml").read_text()
    assert re.findall(r"<- (\d)\.", text) == ["1", "2", "3"]
    assert text.count('""') == 3


def test_the_tunnel_s_file_holds_only_words_that_cloudflared_knows() -> None:
    environment = Environment(autoescape=False)  # noqa: S701  # no page
    environment.filters["urlsplit"] = lambda url, part: url.split("//")[1]
    text = environment.from_string(
        (ANSIBLE / "roles/edge/templates/tunnel.yml.j2").read_text()
    ).render(
        edge_tunnel={"id": "6ff42ae2-765d-4adf-8112-31c55c1551ef"},
        edge_public_url="https://chat.example.org",
        edge_origin="https://192.0.2.111:8000",
        edge_origin_name="parlor-app",
        edge_authority="/etc/parlor/authority.crt",
    )
    jsonschema.validate(yaml.safe_load(text), TUNNEL)
    assert "noTLSVerify" not in text


@pytest.mark.parametrize(
    ("template", "settings"),
    [("backend/templates/parlor.env.j2", "backend"), ("mcp/templates/tools.env.j2", "mcp")],
)
def test_a_setting_that_is_nought_or_false_is_written_down_as_well(
    template: str, settings: str
) -> None:
    """Its default may be another. What is empty is as if it were not there."""
    given = {"A_NUMBER": 0, "A_SWITCH": False, "EMPTY": "", "NOTHING": None, "WORDS": 'a "b" \\ $c'}
    text = Environment(autoescape=False, trim_blocks=True).from_string(  # noqa: S701  # no page
        (ANSIBLE / "roles" / template).read_text()
    )
    lines = text.render({f"{settings}_all_settings": given}).splitlines()
    assert lines[1:] == ['A_NUMBER="0"', 'A_SWITCH="False"', r'WORDS="a \"b\" \\ $c"']


def test_a_key_that_does_not_fit_its_certificate_is_told_beforehand(tmp_path: Path) -> None:
    script = ROOT / "certs-example" / "make-by-hand.sh"
    for name in ("one", "other"):
        subprocess.run([script, tmp_path / name, "127.0.0.1"], check=True, capture_output=True)

    problems = runpy.run_path(str(ANSIBLE / "filter_plugins/parlor.py"))["inventory_problems"]

    def told(key: Path) -> list[str]:
        own = {"parlor_certificate": str(tmp_path / "one/server.crt")}
        host = {"ansible_host": "192.0.2.1", "parlor_openrouter_key": "later"}
        values = {**host, **own, "parlor_certificate_key": str(key)}
        return problems({"a": values, "t": host}, {"app": ["a"], "tools": ["t"]})

    assert told(tmp_path / "one/server.key") == []
    (problem,) = told(tmp_path / "other/server.key")
    assert "parlor_certificate_key: does not fit parlor_certificate" in problem


def test_the_scripts_of_the_hosts_are_plain_shell() -> None:
    for script in ("switch", "switch-tools", "fall-back", "parlor"):
        assert subprocess.run(["sh", "-n", ROOT / "systemd" / script], check=False).returncode == 0


def test_certificates_made_by_hand_pass_the_strictest_check(tmp_path: Path) -> None:
    folder = tmp_path / "certs"
    script = ROOT / "certs-example" / "make-by-hand.sh"
    names = ["parlor.home.arpa", "192.0.2.111"]
    for _ in range(2):
        done = subprocess.run([script, folder, *names], capture_output=True, text=True, check=False)
        assert done.returncode == 0, done.stderr
        assert done.stdout.endswith("server.crt: OK\n")
    assert (folder / "authority.key").stat().st_mode & 0o777 == 0o600
    assert (folder / "server.key").stat().st_mode & 0o777 == 0o600

"""From two bare hosts to a chat, and that a second run has nothing left to do."""

import re

import pytest

from tests.deploy.household import Household
from tests.deploy.lab.lab import Lab
from tests.deploy.playbooks import ANSIBLE, Playbooks

INSTALL_SECONDS = 120
UNCHANGED_SECONDS = 45
PLAYBOOKS = sorted(
    path.name for path in ANSIBLE.glob("*.yml") if path.name != "inventory.example.yml"
)


@pytest.mark.parametrize("playbook", PLAYBOOKS)
def test_an_empty_inventory_is_met_with_one_list_and_nothing_changes(
    playbooks: Playbooks, playbook: str
) -> None:
    done = playbooks.run(playbook, inventory={"all": {}})
    assert not done.good
    assert done.changed == 0
    for missing in ("group app", "group tools", "parlor_openrouter_key"):
        assert missing in done.reason
    assert "unreachable=1" not in done.output


def test_every_wrong_value_is_named_at_once(playbooks: Playbooks) -> None:
    wrong = playbooks.inventory(
        parlor_openrouter_key="short",
        parlor_public_url="http://plain.example",
        parlor_names=["no name"],
        parlor_settings={"OPENROUTER_API_KEY": "x"},
        parlor_certificate="/nowhere.crt",
        parlor_tunel={"id": "x"},
        parlor_tunnel={"id": "x", "noTLSVerify": True},
    )
    wrong["all"]["children"]["tools"]["hosts"]["parlor-tools"]["ansible_host"] = ""
    done = playbooks.run("site.yml", inventory=wrong)
    assert not done.good
    assert done.changed == 0
    for word in (
        "parlor-tools: ansible_host",
        "parlor_openrouter_key: is no key",
        "parlor_public_url",
        "'no name'",
        "OPENROUTER_API_KEY is a secret",
        "belong together",
        "/nowhere.crt",
        "parlor_tunel: there is no such variable",
        "noTLSVerify",
        "credentials",
    ):
        assert word in done.reason, word


def test_a_host_that_does_not_fit_is_described_and_left_alone(
    lab: Lab, playbooks: Playbooks
) -> None:
    host = lab.hosts["app"]
    host.execute("mv", "/usr/bin/python3.13", "/usr/bin/python3.99")
    try:
        done = playbooks.run("site.yml")
    finally:
        host.execute("mv", "/usr/bin/python3.99", "/usr/bin/python3.13")
    assert not done.good
    assert done.changed == 0


def test_a_damaged_file_is_refused_before_anything_is_sent(
    playbooks: Playbooks, tmp_path, first
) -> None:
    for name in ("parlor.pyz", "parlor.pyz.sha256", "parlor.sbom.json"):
        (tmp_path / name).write_bytes((first.file.parent / name).read_bytes())
    with (tmp_path / "parlor.pyz").open("ab") as file:
        file.write(b"x")
    damaged = type(first)(tmp_path / "parlor.pyz", first.version)
    done = playbooks.run("site.yml", release=damaged)
    assert not done.good
    assert "is missing or damaged" in done.reason


def test_one_command_leads_from_two_bare_hosts_to_a_chat(lab: Lab, playbooks: Playbooks) -> None:
    """And a key that comes later is used when the same command is run again."""
    lab.reset()
    bare = playbooks.inventory(parlor_openrouter_key="later", parlor_settings=None)
    done = playbooks.run("site.yml", inventory=bare)
    assert done.good, done.output
    assert done.seconds <= INSTALL_SECONDS
    household = Household.set_up(lab, done.output)
    assert "demo" in household.ask("Hello").text
    with_provider = playbooks.run("site.yml")
    assert with_provider.good, with_provider.output
    assert household.ask("Hello").text == "Hello from the lab."
    lab.reset()


def test_a_tool_on_the_other_host_is_called(household: Household) -> None:
    calculated = household.ask('use calculate {"expression": "6*7"}')
    assert any("42" in result for result in calculated.tools), calculated


def test_a_second_run_changes_nothing_and_is_quick(
    household: Household, playbooks: Playbooks
) -> None:
    done = playbooks.run("site.yml")
    assert done.good, done.output
    assert done.changed == 0, re.findall(r"TASK.*\n(?:ok.*\n)*changed.*", done.output)
    assert done.seconds <= UNCHANGED_SECONDS


def test_a_dry_run_tells_what_would_change_and_changes_nothing(
    household: Household, playbooks: Playbooks, second
) -> None:
    nothing = playbooks.run("site.yml", "--check", "--diff")
    assert nothing.good, nothing.output
    assert nothing.changed == 0, nothing.output
    settings = {
        **playbooks.inventory()["all"]["vars"]["parlor_settings"],
        "PARLOR_DRAIN_SECONDS": 9,
    }
    other = playbooks.inventory(parlor_settings=settings)
    told = playbooks.run("site.yml", "--check", "--diff", release=second, inventory=other)
    assert told.good, told.output
    assert '+PARLOR_DRAIN_SECONDS="9"' in told.output
    assert f"{second.name} would serve after {playbooks.release.name}" in told.output
    assert household.version() == playbooks.release.version
    assert playbooks.run("site.yml", "--check").changed == 0

"""From a Proxmox host alone: it makes the containers, and is the way into them.

The lab has a stand-in for it; the containers that it makes are real.
"""

import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.deploy.conftest import another, running_provider
from tests.deploy.household import Household
from tests.deploy.lab.lab import Lab
from tests.deploy.lab.network import GATEWAY
from tests.deploy.lab.proxmox import ProxmoxStandIn
from tests.deploy.playbooks import Playbooks
from tests.deploy.releases import Release
from tests.deploy.test_power_cuts import heard


@pytest.fixture
def there(lab: Lab, first: Release, tmp_path: Path) -> Iterator[Playbooks]:
    with another(lab, "pve") as there, running_provider() as provider:
        yield Playbooks(there, provider, first, tmp_path)


@pytest.fixture
def proxmox(there: Playbooks) -> Iterator[ProxmoxStandIn]:
    """No container runs yet."""
    there.lab.bare()
    stand_in = ProxmoxStandIn(there.lab)
    yield stand_in
    stand_in.stop()


def inventory_of(playbooks: Playbooks, known_hosts: Path) -> dict[str, Any]:
    """The app's container is reached through `pct`, the other one by ssh."""
    lab = playbooks.lab
    containers = [
        {"id": host.number, "name": f"parlor-{name}", "address": f"{host.address}/24"}
        for name, host in lab.hosts.items()
    ]
    inventory = playbooks.inventory(
        ansible_user="root",
        ansible_private_key_file=str(lab.key),
        ansible_ssh_common_args=f"-F none -o UserKnownHostsFile={known_hosts} -o BatchMode=yes",
        parlor_containers=[{**one, "gateway": GATEWAY} for one in containers],
        proxmox_keys=Path(f"{lab.key}.pub").read_text().strip(),
        proxmox_known_hosts=str(known_hosts),
        parlor_openrouter_key="later",
        parlor_settings=None,
    )
    children = inventory["all"]["children"]
    children["proxmox"] = {"hosts": {"pve": {"ansible_host": GATEWAY}}}
    children["app"]["hosts"]["parlor-app"] = {
        "ansible_connection": "community.proxmox.proxmox_pct_remote",
        "ansible_host": GATEWAY,
        "proxmox_vmid": lab.hosts["app"].number,
        "parlor_address": lab.hosts["app"].address,
        # Where this plugin looks for known hosts is the machine's own list.
        "ansible_paramiko_host_key_checking": False,
    }
    return inventory


def test_one_command_makes_the_containers_and_installs_all_of_it(
    there: Playbooks, proxmox: ProxmoxStandIn, tmp_path: Path
) -> None:
    """Also when it broke off among the containers. Without a key the demo answers; with one that
    comes later, the same command changes that."""
    lab = there.lab
    known = tmp_path / "known_hosts"
    lines = (lab.state / "known_hosts").read_text().splitlines(keepends=True)
    known.write_text("".join(line for line in lines if line.startswith(GATEWAY)))
    inventory = inventory_of(there, known)
    with there.begin("site.yml", inventory=inventory) as process:
        heard(process, "It has Python")
        process.kill()
        process.communicate()
    done = there.run("site.yml", inventory=inventory)
    assert done.good, done.output[-5000:]
    made = proxmox.made.read_text().splitlines()
    assert sorted(line.split()[0] for line in made) == ["110", "111"]
    template = "local:vztmpl/debian-13-standard_13.1-2_amd64.tar.zst"
    wanted = (template, "--unprivileged=1", "--features=nesting=1", "--onboot=1", "--start=1")
    assert all(word in line.split() for line in made for word in wanted), made
    assert f"ip=198.51.100.111/24,gw={GATEWAY}" in made[-1] + made[0]
    household = Household.set_up(lab, done.output)
    assert "demo" in household.ask("Hello").text
    inventory["all"]["vars"] |= {
        name: there.inventory()["all"]["vars"][name]
        for name in ("parlor_openrouter_key", "parlor_settings")
    }
    later = there.run("site.yml", inventory=inventory)
    assert later.good, later.output[-5000:]
    assert household.ask("Hello").text == "Hello from the lab."
    assert later.changes == {
        "parlor-app: Each secret is a file for root alone",
        "parlor-app: The settings are in place",
        "parlor-app: The units hand the secrets over",
        "parlor-app: It serves with these settings",
    }
    assert len(proxmox.made.read_text().splitlines()) == 2
    page = there.run("status.yml", inventory=inventory)
    assert page.good, page.output
    assert "/var/lib/parlor/parlor.db, 1 people" in page.output
    ssh = ["ssh", "-F", "none", "-i", str(lab.key), "-o", f"UserKnownHostsFile={known}"]
    said = subprocess.run(
        [*ssh, f"root@{GATEWAY}", "pct exec 111 -- parlor version"],
        stdin=subprocess.PIPE,  # no terminal, as from another program
        capture_output=True,
        text=True,
        check=False,
    )
    assert said.stdout.strip() == f"parlor {there.release.version}", said
    signed_in = subprocess.run(lab.ssh("app", "true", user="root"), check=False)
    assert signed_in.returncode == 0, "the container does not know the owner's key"

"""Where only the Proxmox host can be reached: through its `pct`, for which the lab has a stand-in."""

from collections.abc import Iterator
from typing import Any

import pytest

from tests.deploy.household import Household
from tests.deploy.lab.lab import Lab
from tests.deploy.lab.network import GATEWAY
from tests.deploy.lab.proxmox import ProxmoxStandIn
from tests.deploy.playbooks import ROOT, Playbooks

COLLECTION = ROOT / ".cache" / "collections" / "ansible_collections" / "community" / "proxmox"


@pytest.fixture
def proxmox(lab: Lab) -> Iterator[ProxmoxStandIn]:
    stand_in = ProxmoxStandIn(lab)
    yield stand_in
    stand_in.stop()


def through_pct(playbooks: Playbooks) -> dict[str, Any]:
    inventory = playbooks.inventory(
        ansible_user="root", ansible_private_key_file=str(playbooks.lab.key)
    )
    for name, group in inventory["all"]["children"].items():
        host = playbooks.lab.hosts[name]
        group["hosts"][f"parlor-{name}"] = {
            "ansible_connection": "community.proxmox.proxmox_pct_remote",
            "ansible_host": GATEWAY,
            "proxmox_vmid": host.number,
            "parlor_address": host.address,
            # The lab's own list of known hosts is not where this plugin looks.
            "ansible_paramiko_host_key_checking": False,
        }
    return inventory


def test_what_ssh_installed_is_found_unchanged_through_pct(
    household: Household, playbooks: Playbooks, proxmox: ProxmoxStandIn
) -> None:
    """Every task of the whole installation, over the other connection."""
    assert COLLECTION.is_dir(), "make test-deploy brings this collection"
    done = playbooks.run("site.yml", inventory=through_pct(playbooks))
    assert done.good, done.output[-5000:]
    assert done.changed == 0, done.output[-5000:]


def test_containers_are_made_where_they_are_missing_and_never_twice(
    household: Household, playbooks: Playbooks, proxmox: ProxmoxStandIn
) -> None:
    wanted = [
        {"id": 111, "name": "parlor-app", "address": "198.51.100.111/24", "gateway": GATEWAY},
        {"id": 120, "name": "parlor-new", "address": "198.51.100.120/24", "gateway": GATEWAY},
    ]
    inventory = playbooks.inventory(parlor_containers=wanted)
    inventory["all"]["children"]["proxmox"] = {
        "hosts": {"pve": {"ansible_host": GATEWAY, "ansible_user": "root"}}
    }
    done = playbooks.run("site.yml", inventory=inventory)
    assert done.good, done.output[-5000:]
    (made,) = proxmox.made.read_text().splitlines()
    assert made.startswith("create 120 local:vztmpl/debian-13-standard_13.1-2_amd64.tar.zst ")
    for word in ("--unprivileged=1", "--features=nesting=1", "--hostname=parlor-new"):
        assert word in made
    assert "ip=198.51.100.120/24,gw=198.51.100.1" in made
    again = playbooks.run("site.yml", inventory=inventory)
    assert again.changed == 0, again.output[-5000:]

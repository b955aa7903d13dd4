"""Running the project's own playbooks as a person would, and reading what they said."""

import json
import os
import re
import subprocess
import sys
import time
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from tests.deploy.lab.lab import Lab
from tests.deploy.releases import Release

ROOT = Path(__file__).resolve().parents[2]
ANSIBLE = ROOT / "ansible"
PROGRAM = Path(sys.executable).parent / "ansible-playbook"
OPENROUTER_KEY = "sk-or-v1-lab-0123456789abcdef0123456789abcdef"
LONGEST = 900
_RECAP = re.compile(
    r"^(\S+) +: ok=(\d+) +changed=(\d+) +unreachable=(\d+) +failed=(\d+)", re.MULTILINE
)

_CHANGES_OF_RELEASES = (
    "What would change",
    "The release serves, or the one before it goes on",
    "The release serves the tools, or the one before it goes on",
)


@dataclass(frozen=True)
class Done:
    code: int
    output: str
    seconds: float

    @property
    def good(self) -> bool:
        return self.code == 0

    @property
    def changed(self) -> int:
        return sum(int(found[3]) for found in _RECAP.finditer(self.output))

    @property
    def changes(self) -> set[str]:
        """Host and task."""
        found, task = set(), ""
        for line in self.output.splitlines():
            if line.startswith("TASK ["):
                # Alone a dry run asks what would change; else the host's own program does it.
                name = line[6:].split("]")[0].rpartition(" : ")[2]
                task = "the change of releases" if name in _CHANGES_OF_RELEASES else name
            elif changed := re.match(r"changed: \[([^] ]+)", line):
                found.add(f"{changed[1]}: {task}")
        return found

    @property
    def reason(self) -> str:
        """What a person reads last: the message of the task that failed."""
        found = re.findall(r'fatal: .*?"msg": "(.*?)"\}$', self.output, re.MULTILINE)
        return found[-1] if found else ""


@dataclass
class Playbooks:
    lab: Lab
    provider: str
    release: Release
    folder: Path
    variables: dict[str, Any] = field(default_factory=dict)
    """What the owner wrote beside the three values."""

    def inventory(self, **more: object) -> dict[str, Any]:
        options = " ".join(self.lab.ssh_options())
        hosts = self.lab.hosts
        variables = {
            "ansible_user": "deploy",
            "ansible_ssh_common_args": options,
            "parlor_openrouter_key": OPENROUTER_KEY,
            "parlor_names": ["app.lab.test"],
            "parlor_settings": {
                "CHAT_LLM_API_BASE": self.provider,
                # The lab has no way out; a key alone would make Parlor ask OpenRouter.
                "OPENROUTER_BASE_URL": self.provider,
                "OPENROUTER_DEFAULT_MODEL": "local:vendor/model",
                "PARLOR_LOG_LEVEL": "debug",
            },
            **self.variables,
            **more,
        }
        return {
            "all": {
                "vars": {name: value for name, value in variables.items() if value is not None},
                "children": {
                    name: {"hosts": {f"parlor-{name}": {"ansible_host": hosts[name].address}}}
                    for name in ("app", "tools")
                },
            }
        }

    def begin(
        self,
        playbook: str,
        *words: str,
        release: Release | None = None,
        inventory: Mapping[str, Any] | None = None,
    ) -> subprocess.Popen[str]:
        written = self.folder / "inventory.json"
        written.touch(mode=0o600)
        written.write_text(json.dumps(self.inventory() if inventory is None else inventory))
        command = [str(PROGRAM), "-i", str(written), str(ANSIBLE / playbook), *words]
        file = (release or self.release).file
        command += ["-e", json.dumps({"parlor_file": str(file)})]  # its folder may have spaces
        environment = {**os.environ, "ANSIBLE_CONFIG": str(ANSIBLE / "ansible.cfg")}
        environment |= {"ANSIBLE_HOME": str(self.folder / "home"), "ANSIBLE_FORCE_COLOR": "0"}
        # Kept connections lead into one lab's network: no other may find them.
        environment["ANSIBLE_SSH_CONTROL_PATH_DIR"] = str(self.folder / "ssh")
        return subprocess.Popen(
            command,
            cwd=ROOT,
            env=environment,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
        )

    def run(
        self,
        playbook: str,
        *words: str,
        release: Release | None = None,
        inventory: Mapping[str, Any] | None = None,
    ) -> Done:
        began = time.monotonic()
        with self.begin(playbook, *words, release=release, inventory=inventory) as process:
            try:
                output, _ = process.communicate(timeout=LONGEST)
            except BaseException:  # also when this run is told to end
                process.kill()
                raise
        done = Done(process.returncode, output, time.monotonic() - began)
        print(f"\n{playbook} {' '.join(words)}: exit {done.code} after {done.seconds:.1f} s")
        return done

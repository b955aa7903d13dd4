"""The bill of materials of the file: CycloneDX JSON, from what is really in the stage.

Nothing in it depends on the time or the place of the build.
"""

from __future__ import annotations

import base64
import hashlib
import json
import re
from email.parser import HeaderParser
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Iterator
    from email.message import Message
    from pathlib import Path

Component = dict[str, Any]

HASH_NOTE = "sha-256 over 'sha-256 of file, two spaces, path, newline' of its files as shipped"


def _content_hash(stage: Path, roots: list[str]) -> str:
    total = hashlib.sha256()
    files = [
        path
        for root in roots
        for path in ([stage / root] if (stage / root).is_file() else (stage / root).rglob("*"))
        if path.is_file()
    ]
    for path in sorted(files):
        one = hashlib.sha256(path.read_bytes()).hexdigest()
        total.update(f"{one}  {path.relative_to(stage).as_posix()}\n".encode())
    return total.hexdigest()


def _licences(about: Message) -> list[dict[str, Any]]:
    """SPDX where the package says so, else its own words, else its classifiers."""
    if about["License-Expression"]:
        return [{"expression": about["License-Expression"]}]
    named = [
        line.rsplit(" :: ", 1)[1]
        for line in about.get_all("Classifier", [])
        if line.startswith("License :: ") and line != "License :: OSI Approved"
    ]
    declared = (about["License"] or "").strip()
    if declared and "\n" not in declared and len(declared) < 80:
        named = [declared]
    return [{"license": {"name": name}} for name in sorted(named)]


def _python_components(stage: Path, owned: dict[str, list[str]]) -> Iterator[Component]:
    for info in sorted(stage.glob("*.dist-info")):
        about = HeaderParser().parsestr((info / "METADATA").read_text(encoding="utf-8"))
        name = re.sub(r"[-_.]+", "-", about["Name"]).lower()
        if name == "parlor":
            continue
        reference = f"pkg:pypi/{name}@{about['Version']}"
        yield {
            "type": "library",
            "bom-ref": reference,
            "name": name,
            "version": about["Version"],
            "purl": reference,
            "licenses": _licences(about),
            "hashes": [{"alg": "SHA-256", "content": _content_hash(stage, owned[info.name])}],
            "properties": [{"name": "parlor:hash-of", "value": HASH_NOTE}],
        }


def _npm_components(lock: Path) -> Iterator[Component]:
    """What the front ends bundle: everything in npm's lock that is not a tool of the build."""
    if not lock.exists():
        return
    for path, entry in sorted(json.loads(lock.read_bytes())["packages"].items()):
        if "node_modules/" not in path or entry.get("link") or entry.get("dev"):
            continue
        if entry.get("devOptional") or entry.get("optional"):
            continue
        name = path.rsplit("node_modules/", 1)[1]
        reference = f"pkg:npm/{name.replace('@', '%40')}@{entry['version']}"
        algorithm, _, encoded = entry["integrity"].split()[0].partition("-")
        yield {
            "type": "library",
            "bom-ref": f"{reference}?at={path}" if path.count("node_modules/") > 1 else reference,
            "name": name,
            "version": entry["version"],
            "purl": reference,
            "licenses": [{"license": {"name": entry["license"]}}] if "license" in entry else [],
            "hashes": [
                {
                    "alg": algorithm.upper().replace("SHA", "SHA-"),
                    "content": base64.b64decode(encoded).hex(),
                }
            ],
        }


def owners(stage: Path) -> dict[str, list[str]]:
    """Top-level names that each distribution brought, from its own record of files."""
    owned: dict[str, list[str]] = {}
    for info in stage.glob("*.dist-info"):
        names = {
            line.split(",", 1)[0].strip('"').split("/", 1)[0]
            for line in (info / "RECORD").read_text(encoding="utf-8").splitlines()
        }
        owned[info.name] = sorted(name for name in names if name not in ("..", "bin", ""))
    return owned


def bill(
    stage: Path,
    name: str,
    version: str,
    *,
    checksum: str,
    npm_lock: Path,
    owned: dict[str, list[str]],
) -> str:
    root: Component = {
        "type": "application",
        "bom-ref": f"pkg:generic/{name}@{version}",
        "name": name,
        "version": version,
        "purl": f"pkg:generic/{name}@{version}",
        "licenses": [{"expression": "MIT"}],
        "hashes": [{"alg": "SHA-256", "content": checksum}],
    }
    components = [*_python_components(stage, owned), *_npm_components(npm_lock)]
    document = {
        "$schema": "http://cyclonedx.org/schema/bom-1.6.schema.json",
        "bomFormat": "CycloneDX",
        "specVersion": "1.6",
        "version": 1,
        "metadata": {"component": root},
        "components": components,
        "dependencies": [
            {
                "ref": root["bom-ref"],
                "dependsOn": sorted(part["bom-ref"] for part in components),
            }
        ],
    }
    return json.dumps(document, indent=1, ensure_ascii=False) + "\n"

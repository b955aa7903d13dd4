"""What is in the file: the same bytes from anywhere, all that is needed, nothing of the builder."""

import hashlib
import io
import json
import os
import re
import zipfile
from pathlib import Path

import pytest

from tests.architecture import tree
from tests.architecture.test_secrets_in_tree import DER_KEY, KEPT_APART, SECRET_SHAPES
from tests.architecture.test_tree import PACKAGE_HOST

type Bill = dict[str, list[dict[str, str]]]

WORTH_COMPRESSING = 512
"""Bytes; what is smaller fits into a packet as it is."""


@pytest.fixture(scope="module")
def members(file: Path) -> dict[str, bytes]:
    with zipfile.ZipFile(file) as outer:
        found = {name: outer.read(name) for name in outer.namelist()}
    with zipfile.ZipFile(io.BytesIO(found.pop("payload.zip"))) as inner:
        return found | {name: inner.read(name) for name in inner.namelist()}


@pytest.fixture(scope="module")
def bill(file: Path) -> Bill:
    found: Bill = json.loads((file.parent / "parlor.sbom.json").read_bytes())
    return found


def test_the_checksum_is_the_file_s(file: Path) -> None:
    line = (file.parent / "parlor.pyz.sha256").read_text()
    assert line == f"{hashlib.sha256(file.read_bytes()).hexdigest()}  parlor.pyz\n"


def test_the_front_ends_are_inside_and_compressed(members: dict[str, bytes]) -> None:
    assert "backend/frontends/chat/index.html" in members
    scripts = {
        name: len(data)
        for name, data in members.items()
        if re.match(r"backend/frontends/chat/assets/.*\.js$", name)
    }
    assert scripts
    plain = [name for name in scripts if f"{name}.br" not in members]
    assert [name for name in plain if scripts[name] >= WORTH_COMPRESSING] == []


def test_no_bytecode_and_no_trace_of_an_installation_is_inside(members: dict[str, bytes]) -> None:
    traces = {"direct_url.json", "uv_cache.json", "RECORD", "INSTALLER", "REQUESTED"}
    assert [name for name in members if name.endswith(".pyc")] == []
    assert [n for n in members if ".dist-info/" in n and n.rsplit("/", 1)[1] in traces] == []


def test_nothing_inside_says_where_it_was_built(members: dict[str, bytes]) -> None:
    home = os.environ.get("HOME", "").rstrip("/")
    places = {str(tree.ROOT).encode(), *([home.encode()] if home.count("/") > 1 else [])}
    assert [n for n, data in members.items() if any(place in data for place in places)] == []


def test_nothing_of_ours_inside_names_a_host_that_serves_packages(
    members: dict[str, bytes], file: Path
) -> None:
    ours = {
        name: data.decode(errors="ignore")
        for name, data in members.items()
        if name.startswith(("backend/", "__main__")) or ".dist-info/" in name
    }
    ours["the bill"] = (file.parent / "parlor.sbom.json").read_text()
    assert [name for name, text in ours.items() if PACKAGE_HOST.search(text)] == []


def test_o7_no_key_database_setting_or_map_is_inside(members: dict[str, bytes]) -> None:
    # Public certificates of authorities; whether a key is among them is asked below.
    allowed = re.compile(r"(^|/)(certifi/)?cacert\.pem$")
    kept_apart = [name for name in members if KEPT_APART.search(name) and not allowed.search(name)]
    assert kept_apart == []


def test_o7_nothing_inside_has_the_shape_of_a_secret(members: dict[str, bytes]) -> None:
    shaped = [
        name
        for name, data in members.items()
        if DER_KEY.search(data) or SECRET_SHAPES.search(data.decode("latin-1"))
    ]
    assert shaped == []


def test_the_bill_lists_every_locked_package_with_version_licence_and_hash(
    bill: Bill, members: dict[str, bytes]
) -> None:
    shipped = {
        match[1].replace("_", "-").lower()
        for name in members
        if (match := re.match(r"([^/]+)-[^-/]+\.dist-info/METADATA", name))
    }
    listed = {part["name"]: part for part in bill["components"] if "pypi" in part["purl"]}
    assert shipped - {"parlor"} == {name.replace(".", "-") for name in listed}
    pins = dict(
        re.findall(
            r"^([a-z0-9-]+)==([^ ;]+)", tree.text(tree.ROOT / "requirements.lock"), re.MULTILINE
        )
    )
    for name, part in listed.items():
        assert part["version"] == pins[name]
        assert part["hashes"], name
        assert part["licenses"], name


def test_the_bill_lists_what_the_front_ends_bundle(bill: Bill) -> None:
    assert "svelte" in {part["name"] for part in bill["components"] if "npm" in part["purl"]}

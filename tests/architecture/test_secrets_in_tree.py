"""O7: no key, token, database, photo or name of a real household is in what a commit would hold."""

import hashlib
import re
from functools import cache

from tests.architecture import tree

SECRET_SHAPES = re.compile(
    r"-----BEGIN [A-Z ]*PRIVATE KEY-----[\s\\n]*[A-Za-z0-9+/]{40}"
    r"|\bAGE-SECRET-KEY-1[A-Z0-9]{20}"
    r"|\bsk-(or-v1-|ant-|proj-)?[A-Za-z0-9]{32}"
    r"|\bAIza[\w-]{35}|\bya29\.[\w-]{30}|\bGOCSPX-[\w-]{24}"
    r"|\bgh[pousr]_\w{36}|\bgithub_pat_\w{40}|\bglpat-[\w-]{20}"
    r"|\bxox[abeoprs]-[\w-]{24}|\bAKIA[0-9A-Z]{16}\b|\bhf_[A-Za-z0-9]{34}"
    r"|\bnpm_[A-Za-z0-9]{36}|\bpypi-AgEI[\w-]{20}"
    r"|\bparlor_(key|wall)_[\w-]{43}"
    r"|\$argon2i?d?\$v=\d+\$[\w=,]+\$[\w+/]{16}|\$2[aby]\$\d\d\$[\w./]{53}|\$6\$[\w./]+\$[\w./]{86}"
)
DER_KEY = re.compile(rb"\x30\x82..\x02\x01\x00\x30\x0d\x06\x09\x2a\x86\x48", re.DOTALL)
SIGNED_TOKEN = re.compile(r"\beyJ[\w-]{10,}\.eyJ[\w-]{10,}\.[\w-]{10,}")
KEPT_APART = re.compile(
    r"(^|/)(\.env(\.[\w-]+)?|secrets?\.(ya?ml|json|toml)|keys\.json|credentials(\.json)?|\.netrc|"
    r"\.htpasswd|id_(rsa|ed25519|ecdsa)|known_hosts|authorized_keys|vault\.ya?ml)$"
    r"|\.(pem|key|crt|cer|der|p12|pfx|jks|kdbx|ovpn|asc|gpg|age|db|sqlite3?|bak|dump|sql\.gz|map|"
    r"har|pcap|zip|tar(\.gz)?|tgz|pyz|whl|jpe?g|heic|gif|webp|bmp|tiff?|mp[34]|mov|wav|pdf|docx?|xlsx?)$"
)
PICTURES = re.compile(r"^frontend/\w+/public/[\w/.-]+\.(svg|png|ico|woff2)$")
LARGEST_PICTURE = 100_000
MAIL = re.compile(r"[\w.+-]+@((?:[\w-]+\.)+[a-z]{2,})\b", re.IGNORECASE)
NOBODYS = re.compile(
    r"(^|\.)(example|invalid|test|localhost|service)$|(^|\.)example\.(org|com|net)$"
)
NAMED_PLACE = re.compile(r"(?<![\w.-])[\w-]+(?:\.[\w-]+)*\.(?:com|net|org|me|io|dev|home|family)\b")
REAL_PLACES = {
    "97cb395cc42dd30b",
    "cf8c9dbdf7fb2e6a",
}
"""Hosts of the household that the product comes from, as the start of their SHA-256:
a list in clear would be what it forbids."""


@cache
def found(pattern: re.Pattern[str]) -> tuple[tuple[str, re.Match[str]], ...]:
    """Places and what is there. Locks hold names and hashes that are compared elsewhere."""
    texts = ((tree.named(path), tree.text(path)) for path in tree.files())
    return tuple(
        (f"{name}:{text.count('\n', 0, match.start()) + 1}", match)
        for name, text in texts
        if not name.endswith((".lock", "package-lock.json"))
        for match in pattern.finditer(text)
    )


def is_of_a_real_place(name: str) -> bool:
    return hashlib.sha256(name.lower().encode()).hexdigest()[:16] in REAL_PLACES


def test_o7_no_text_holds_a_private_key_a_token_or_a_hashed_password() -> None:
    assert [place for place, _ in found(SECRET_SHAPES)] == []


def test_o7_no_signed_token_is_kept_except_made_up_ones_of_tests() -> None:
    assert [place for place, _ in found(SIGNED_TOKEN) if not place.startswith("tests/")] == []


def test_o7_no_file_is_of_a_kind_that_is_kept_apart() -> None:
    names = [tree.named(path) for path in tree.files()]
    assert [name for name in names if KEPT_APART.search(name)] == []


def test_o7_files_that_are_no_text_are_small_pictures_and_fonts_of_the_front_ends() -> None:
    for path in tree.files():
        data, name = path.read_bytes(), tree.named(path)
        is_text = b"\0" not in data and (tree.text(path) or not data)
        if is_text and path.suffix not in {".svg", ".png", ".ico", ".woff2"}:
            continue
        assert PICTURES.match(name), name
        assert len(data) <= LARGEST_PICTURE, name
        assert not DER_KEY.search(data), f"{name} holds a key"
        assert not re.search(rb"Exif|GPS|<x:xmpmeta|photoshop", data), (
            f"{name} says where it is from"
        )


def test_o7_no_mail_address_is_anybodys() -> None:
    real = [(place, one[0]) for place, one in found(MAIL) if not NOBODYS.search(one[1].lower())]
    assert real == []


def test_o7_no_place_of_a_real_household_is_named() -> None:
    named = [place for place, one in found(NAMED_PLACE) if is_of_a_real_place(one[0])]
    assert named == []


def test_o7_the_scan_finds_what_it_is_for() -> None:
    planted = [
        "-----BEGIN EC " + "PRIVATE KEY-----\n" + "MHcCAQEE" * 8,
        '"-----BEGIN ' + "PRIVATE KEY-----\\n" + "MIIEvQIB" * 8,
        "sk-or-v1-" + "0a" * 32,
        "parlor_key_" + "a" * 43,
        "$argon2id$v=19$m=65536,t=3,p=4$" + "c29tZXNhbHQ" * 2,
    ]
    assert [text for text in planted if not SECRET_SHAPES.search(text)] == []
    names = [".env", "certs/server.key", "data/parlor.db", "photos/kitchen.JPG".lower(), "a/b.map"]
    assert [name for name in names if not KEPT_APART.search(name)] == []

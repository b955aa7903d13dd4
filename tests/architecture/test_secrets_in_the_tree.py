"""O7: no key, no token and nobody's photograph among the files of a commit, in text or in bytes."""

import re

from tests.architecture import tree

SECRETS = re.compile(
    rb"-----BEGIN [A-Z ]*PRIVATE"
    rb" KEY|\x30\x82[\x02-\x04].\x02\x01\x00\x30\x0d\x06\x09\x2a\x86\x48"
    rb"|\bsk-or-v1-[0-9a-f]{32}|\bsk-[A-Za-z0-9]{40,}|\bAIza[\w-]{35}|\bgh[pousr]_\w{36}"
    rb"|\bxox[abprs]-\d{10,}-\d{10,}|\bya29\.[\w-]{20,}|\bAKIA[0-9A-Z]{16}\b|\bparlor_(?:key|wall)_[\w-]{40,}"
    rb"|\beyJ[\w-]{30,}\.eyJ[\w-]{30,}\.[\w-]{40,}",
    re.DOTALL,
)
PHOTOGRAPH = re.compile(rb"Exif\0\0|<x:xmpmeta|http://ns\.adobe\.com/xap")
PICTURES = {".png", ".jpg", ".jpeg", ".webp", ".gif", ".heic", ".avif", ".tiff", ".mp4", ".mov"}
LARGEST_PICTURE = 300_000


def test_o7_no_file_holds_a_private_key_or_a_token_also_not_a_binary_one() -> None:
    assert [tree.named(path) for path in tree.files() if SECRETS.search(path.read_bytes())] == []


def test_o7_no_picture_says_where_and_with_what_it_was_taken() -> None:
    pictures = [path for path in tree.files() if path.suffix.lower() in PICTURES]
    assert [tree.named(one) for one in pictures if PHOTOGRAPH.search(one.read_bytes())] == []
    assert [tree.named(one) for one in pictures if one.stat().st_size > LARGEST_PICTURE] == []

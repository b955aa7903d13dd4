"""Signatures as Amazon's own documentation computes them (Signature Version 4, examples for S3)."""

import hashlib
from datetime import UTC, datetime

import pytest

from backend.ops.s3_signing import AccessKey, Ask, signed_headers

# In two halves, so that nobody takes it for a key that was lost.
KEY = AccessKey("".join(("AKIA", "IOSFODNN7EXAMPLE")), "wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY")
THEN = datetime(2013, 5, 24, tzinfo=UTC)
HOST = "examplebucket.s3.amazonaws.com"
EXAMPLES = {
    "f0e8bdb87c964420e857bd35b5d6ed310bd44f0170aba48dd91039c6036bdb41": Ask(
        "GET", HOST, "/test.txt", headers={"Range": "bytes=0-9"}
    ),
    "98ad721746da40c64f1a55b78f14c238d841ea1380cd77a1b5971af0ece108bd": Ask(
        "PUT",
        HOST,
        "/test$file.text",
        headers={
            "Date": "Fri, 24 May 2013 00:00:00 GMT",
            "x-amz-storage-class": "REDUCED_REDUNDANCY",
        },
        content_sha256=hashlib.sha256(b"Welcome to Amazon S3.").hexdigest(),
    ),
    "fea454ca298b7da1c68078a5d1bdbfbbe0d65c699e0f91ac7a200a0136783543": Ask(
        "GET", HOST, "/", {"lifecycle": ""}
    ),
    "34b48302e7b5fa45bde8084f4b7868a86f0a534bc59db6670ed5711ef69dc6f7": Ask(
        "GET", HOST, "/", {"prefix": "J", "max-keys": "2"}
    ),
}


@pytest.mark.parametrize("signature", EXAMPLES)
def test_the_documented_examples_come_out(signature: str) -> None:
    headers = signed_headers(EXAMPLES[signature], KEY, THEN)
    assert headers["authorization"].endswith(f",Signature={signature}")
    assert headers["x-amz-date"] == "20130524T000000Z"


def test_the_wire_has_what_was_signed_whatever_the_name() -> None:
    ask = Ask("GET", HOST, "/a folder/ü+1", {"prefix": "a/b c"})
    assert ask.target == "/a%20folder/%C3%BC%2B1?prefix=a%2Fb%20c"


def test_the_secret_shows_itself_to_nobody() -> None:
    assert KEY.secret not in repr(KEY)

"""E4: how much a head may hold, and how it may be framed, before anything else looks at it."""

import pytest

from backend.api.edge import LARGEST_HEAD, MOST_HEADERS, gate
from tests.edge.conftest import WithEdge
from tests.edge.doors import scope, told


def test_e4_headers_are_counted_and_measured(with_edge: WithEdge) -> None:
    door = gate(with_edge())
    few = [(f"x-{number}", "a") for number in range(MOST_HEADERS - 1)]
    assert told(door, scope(*few))[0] == 0
    assert told(door, scope(*few, ("x-more", "a")))[0] == 431
    assert told(door, scope(("x-large", "a" * (LARGEST_HEAD - 200))))[0] == 0
    code, body = told(door, scope(("x-large", "a" * LARGEST_HEAD)))
    assert (code, '"headers_too_large"' in body) == (431, True)
    assert told(door, scope(("cookie", "a" * 20_000), ("authorization", "b" * 20_000)))[0] == 431


def test_e4_a_long_address_counts_as_well(with_edge: WithEdge) -> None:
    at = scope()
    at["query_string"] = b"a" * LARGEST_HEAD
    assert told(gate(with_edge()), at)[0] == 431


@pytest.mark.parametrize(
    "coding", ["gzip, chunked", "identity", "chunked, chunked", "xchunked", ""]
)
def test_e4_a_body_is_framed_in_the_one_plain_way(coding: str, with_edge: WithEdge) -> None:
    door = gate(with_edge())
    assert told(door, scope(("Transfer-Encoding", coding)))[0] == 400
    assert told(door, scope(("Transfer-Encoding", "chunked")))[0] == 0
    assert told(door, scope(("Transfer-Encoding", "chunked"), version="1.0"))[0] == 400


@pytest.mark.parametrize("version", ["0.9", "2.0", "3", ""])
def test_e4_other_versions_of_http_are_not_spoken(version: str, with_edge: WithEdge) -> None:
    assert told(gate(with_edge()), scope(version=version))[0] == 400

"""Names of tools: unique, stable, valid for every provider."""

import re
from itertools import permutations

from hypothesis import given
from hypothesis import strategies as st

from backend.toolbox.naming import offered_names, server_id_of, valid_name

VALID = re.compile(r"[a-zA-Z0-9_-]{1,64}")
KEYS = st.lists(
    st.tuples(st.from_regex(r"[a-z_]{1,6}", fullmatch=True), st.text(min_size=1, max_size=80)),
    unique=True,
    max_size=12,
)


def test_a_name_that_only_one_server_has_stays_as_it_is():
    assert offered_names([("a", "search"), ("b", "read")]) == {
        ("a", "search"): "search",
        ("b", "read"): "read",
    }


def test_names_that_collide_get_their_servers_ids_in_front():
    names = offered_names([("a", "search"), ("b", "search")], taken={"read_more"})
    assert names == {("a", "search"): "a__search", ("b", "search"): "b__search"}


def test_a_name_of_parlor_s_own_tools_is_not_taken_over():
    assert offered_names([("a", "read_more")], taken={"read_more"}) == {
        ("a", "read_more"): "a__read_more"
    }


def test_a_prefix_of_the_operator_stands_before_every_name():
    assert offered_names([("a", "x")], prefixes={"a": "home_"}) == {("a", "x"): "home_x"}


def test_joined_names_that_meet_are_told_apart():
    names = offered_names([("a", "b__c"), ("a__b", "c"), ("x", "c"), ("y", "b__c")])
    assert len(set(names.values())) == 4


def test_the_order_of_connecting_does_not_matter():
    keys = [("a", "search"), ("b", "search"), ("c", "a__search"), ("a", "ö"), ("b", "ö")]
    assert len({tuple(sorted(offered_names(p).items())) for p in permutations(keys)}) == 1


@given(KEYS)
def test_every_name_is_valid_and_unique(keys):
    names = offered_names(keys)
    assert len(set(names.values())) == len(keys)
    assert all(VALID.fullmatch(name) for name in names.values())


def test_different_names_stay_different_when_they_are_made_valid():
    assert valid_name("größe") != valid_name("gräße")
    assert valid_name("x" * 70) != valid_name("x" * 71)
    assert len(valid_name("x" * 70)) == 64


def test_a_server_s_own_name_becomes_an_id():
    assert server_id_of("Google Calendar (v2)") == "google-calendar-v2"

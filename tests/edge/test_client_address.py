"""O6: a proxy's headers are believed when the proxy says them, and nobody else."""

import pytest

from backend.api.edge import FROM_PROXY, Gate
from backend.kit.addresses import Peers
from backend.settings import Settings
from tests.architecture import tree
from tests.edge.conftest import WithEdge
from tests.edge.doors import scope

XFF, PROTO, CF = "X-Forwarded-For", "X-Forwarded-Proto", "CF-Connecting-IP"
PROXIES = "127.0.0.1, 10.0.0.0/8, fd00::/8"


@pytest.fixture
def settings(with_edge: WithEdge) -> Settings:
    return with_edge(trusted_proxies=PROXIES)


def seen(settings: Settings, *headers: tuple[str, str], peer: str = "127.0.0.1") -> tuple[str, str]:
    """The client's address and the scheme, as the application learns them."""
    door = Gate(["127.0.0.1"], Peers(settings.edge.trusted_proxies))
    at = scope(*headers, peer=peer)
    assert door.admit(at) is None
    return at["client"][0], at["scheme"]


@pytest.mark.parametrize(
    ("chain", "client"),
    [
        ("203.0.113.7", "203.0.113.7"),
        ("1.2.3.4, 203.0.113.7", "203.0.113.7"),
        ("1.2.3.4, 203.0.113.7, 10.9.9.9", "203.0.113.7"),
        ("1.2.3.4,203.0.113.7,10.9.9.9,127.0.0.1", "203.0.113.7"),
        ("10.1.1.1, 10.2.2.2", "10.1.1.1"),
        ("203.0.113.7:50123", "203.0.113.7"),
        ("2001:db8::7", "2001:db8::7"),
        ("[2001:db8::7]:50123", "2001:db8::7"),
        ("::ffff:203.0.113.7", "203.0.113.7"),
        ("203.0.113.7, ::ffff:10.1.1.1", "203.0.113.7"),
        # What is no address is nobody's: the connection itself is all there is.
        ("", "127.0.0.1"),
        ("unknown", "127.0.0.1"),
        ("203.0.113.7, unknown", "127.0.0.1"),
        ("203.0.113.7, ", "127.0.0.1"),
        ("_hidden", "127.0.0.1"),
        ("999.1.1.1", "127.0.0.1"),
        ("203.0.113.7; DROP", "127.0.0.1"),
        ("fe80::1%eth0", "127.0.0.1"),
        ("0x7f.1", "127.0.0.1"),
        ("<script>", "127.0.0.1"),
    ],
)
def test_o6_the_nearest_address_that_is_no_proxy_of_ours(
    chain: str, client: str, settings: Settings
) -> None:
    assert seen(settings, (XFF, chain))[0] == client


def test_o6_several_lines_are_one_list(settings: Settings) -> None:
    assert seen(settings, (XFF, "1.2.3.4"), (XFF, "203.0.113.7"))[0] == "203.0.113.7"
    assert seen(settings, (XFF, "203.0.113.7"), (XFF, "10.1.1.1"))[0] == "203.0.113.7"


@pytest.mark.parametrize("peer", ["192.168.7.4", "203.0.113.9", "::2", "2001:db8::1"])
def test_o6_nobody_else_can_say_who_they_are(peer: str, settings: Settings) -> None:
    headers = [(XFF, "203.0.113.7"), (PROTO, "https"), (CF, "203.0.113.8"), ("X-Real-IP", "1.1.1.1"),
               ("Forwarded", "for=1.1.1.1;proto=https"), ("True-Client-IP", "1.1.1.1")]  # fmt: skip
    assert seen(settings, *headers, peer=peer) == (peer, "http")


def test_o6_by_default_there_is_no_such_proxy(with_edge: WithEdge) -> None:
    assert seen(with_edge(), (XFF, "203.0.113.7"), (PROTO, "https")) == ("127.0.0.1", "http")


def test_o6_cloudflares_own_header_counts_where_there_is_no_list(settings: Settings) -> None:
    assert seen(settings, (CF, "203.0.113.8"))[0] == "203.0.113.8"
    assert seen(settings, (CF, "nonsense"))[0] == "127.0.0.1"
    assert seen(settings, (CF, "203.0.113.8"), (CF, "203.0.113.9"))[0] == "127.0.0.1"
    # A proxy that keeps the usual list may pass on what a visitor made up.
    assert seen(settings, (XFF, "203.0.113.7"), (CF, "1.1.1.1"))[0] == "203.0.113.7"
    # As a tunnel sends it: the list ends with the address that Cloudflare saw.
    tunnel = [(XFF, "6.6.6.6, 203.0.113.7"), (CF, "203.0.113.7"), (PROTO, "https")]
    assert seen(settings, *tunnel) == ("203.0.113.7", "https")


@pytest.mark.parametrize(
    ("said", "scheme"),
    [("https", "https"), ("http", "http"), ("http, https", "https"), ("https,http", "http"),
     ("HTTPS", "http"), ("wss", "http"), ("", "http"), ("https;", "http"), ("javascript", "http")],
)  # fmt: skip
def test_o6_the_scheme_is_the_nearest_proxys_word(
    said: str, scheme: str, settings: Settings
) -> None:
    assert seen(settings, (PROTO, said))[1] == scheme


def test_o6_what_comes_from_a_proxy_is_marked_by_the_connection_alone(settings: Settings) -> None:
    door = Gate(["127.0.0.1"], Peers(settings.edge.trusted_proxies))
    for peer, marked in (
        ("127.0.0.1", True),
        ("10.4.4.4", True),
        ("192.168.7.4", False),
        ("", False),
    ):
        at = scope((XFF, "127.0.0.1"), peer=peer)
        at[FROM_PROXY] = True
        door.admit(at)
        assert at[FROM_PROXY] is marked


@pytest.mark.parametrize("entry", ["*", "localhost", "10.0.0.1/8", "any", "0.0.0.0/33"])
def test_a_proxy_that_is_no_address_is_refused(entry: str, with_edge: WithEdge) -> None:
    with pytest.raises(ValueError, match="trusted_proxies"):
        with_edge(trusted_proxies=entry)


def test_only_the_door_reads_a_proxys_headers() -> None:
    readers = {
        tree.named(path)
        for path in tree.files()
        if tree.named(path).startswith("backend/")
        and path.suffix == ".py"
        and any(word in tree.text(path).lower() for word in ("x-forwarded", "cf-connecting"))
    }
    assert readers <= {"backend/api/edge.py", "backend/settings/edge.py"}

"""The one way out: S2, S3, S4 and O3 of the incident list."""

import asyncio
import gzip
import ipaddress
import json
import socket
import time
import zlib
from collections.abc import AsyncGenerator, Sequence
from contextlib import asynccontextmanager

import httpx2
import pytest
import structlog

from backend.kit.addresses import Address, Openings, is_public, parsed
from backend.kit.outbound import FetchFailedError, Outbound
from tests.fakes.site import Asked, FakeSite, Reply

WORDS = "That address could not be fetched."
PRIVATE = [
    "127.0.0.1", "127.8.9.10", "0.0.0.0", "0.1.2.3", "10.0.0.1", "172.16.0.1",  # noqa: S104  # refused
    "172.31.255.254",
    "192.168.1.1", "100.64.0.1", "100.100.100.200", "169.254.169.254", "169.254.1.1", "192.0.0.1",
    "192.0.0.192", "192.0.2.1", "192.88.99.1", "198.18.0.1", "198.51.100.1", "203.0.113.1",
    "224.0.0.1", "239.255.255.250", "240.0.0.1", "255.255.255.255", "168.63.129.16",
    "::", "::1", "::ffff:127.0.0.1", "::ffff:10.0.0.1", "::ffff:169.254.169.254", "::127.0.0.1",
    "fe80::1", "fec0::1", "fc00::1", "fd00:ec2::254", "ff02::1", "ff0e::1", "2001:db8::1",
    "3fff::1", "64:ff9b::127.0.0.1", "64:ff9b::a9fe:a9fe", "64:ff9b:1::1", "2002:7f00:1::1",
    "2002:c0a8:101::1", "2002:808:808::1", "2001:0:4136:e378:8000:63bf:3fff:fdd2", "100::1",
    "2606:4700::5efe:7f00:1", "5f00::1", "4000::1",
]  # fmt: skip
PUBLIC = ["1.1.1.1", "8.8.8.8", "2606:4700:4700::1111", "::ffff:8.8.8.8", "64:ff9b::808:808"]
ODD = [
    "http://127.1/", "http://127.0.1/", "http://0177.0.0.1/", "http://0x7f.0.0.1/",
    "http://0x7f000001/", "http://2130706433/", "http://017700000001/", "http://0/",
    "http://127.0.0.1./", "http://LOCALHOST/", "http://localhost./", "http://[::1]/",
    "http://[::]/", "http://[0:0:0:0:0:ffff:127.0.0.1]/", "http://[::ffff:7f00:1]/",
    "http://[fe80::1%25lo]/", "http://[fe80::1%lo]/", "http://[::1", "http://[127.0.0.1]/",
    "http://127.0.0.1%2f@example.com/", "http://%31%32%37.0.0.1/", "http://127.0.0.1%00.example/",
    "http://user@127.0.0.1/", "http://user:word@example.com/", "http://example.com@127.0.0.1/",
    "http://example.com\\@127.0.0.1/", "http://127.0.0.1\\.example.com/", "http:///127.0.0.1/",
    "http://127。0。0。1/", "http://１２７.0.0.1/", "http://ⓛocalhost/",  # noqa: RUF001  # that is the point
    "http://①②⑦.0.0.1/",
    "http://127.0.0.1:0/", "http://127.0.0.1:99999/", "http://127.0.0.1:-1/", "http://",
    "http://example.com:22/", "http://example.com:25/", "http://example.com:6/",
    "file:///etc/passwd", "ftp://example.com/", "gopher://127.0.0.1:6379/_x", "dict://127.0.0.1/",
    "data:text/plain,hello", "javascript:alert(1)", "//127.0.0.1/", "127.0.0.1", "", "http:127.0.0.1",
    "http://\n127.0.0.1/", "http://127.0.0.1\t/", "unix:///run/docker.sock", "http://a..b/",
    "http://" + "a" * 5000 + "/", "https://" + "x" * 300 + ".example/",
]  # fmt: skip


class Resolver:
    """Answers from a list, the last one again and again; remembers what it was asked."""

    def __init__(self, *answers: Sequence[str] | Exception) -> None:
        self._answers = list(answers)
        self.asked: list[tuple[str, int]] = []

    async def __call__(self, host: str, port: int) -> Sequence[str]:
        self.asked.append((host, port))
        answer = self._answers.pop(0) if len(self._answers) > 1 else self._answers[0]
        if isinstance(answer, Exception):
            raise answer
        return answer


async def like_the_machine(host: str, port: int) -> Sequence[str]:
    """What the C library makes of numbers; no name is known."""
    try:
        return [str(ipaddress.ip_address(host))]
    except ValueError:
        pass
    if host.removesuffix(".").lower() == "localhost":
        return ["127.0.0.1", "::1"]
    try:
        return [socket.inet_ntoa(socket.inet_aton(host.removesuffix(".")))]
    except OSError as error:
        raise socket.gaierror(-2, "unknown") from error


@asynccontextmanager
async def outbound(*openings: str, resolver: object = like_the_machine) -> AsyncGenerator[Outbound]:
    way_out = Outbound(Openings.of(openings), resolver=resolver)  # type: ignore[arg-type]  # a fake
    try:
        yield way_out
    finally:
        await way_out.aclose()


async def refused(way_out: Outbound, url: str, **more: object) -> None:
    """Without any trace of the reason."""
    with pytest.raises(FetchFailedError) as caught:
        await way_out.fetch(url, **more)  # type: ignore[arg-type]  # passed on
    assert (caught.value.code, caught.value.detail, str(caught.value)) == (
        "fetch_failed",
        WORDS,
        WORDS,
    )


def says(body: bytes = b"hello", **headers: str) -> FakeSite:
    return FakeSite(
        lambda _: Reply(body=body, headers={k.replace("_", "-"): v for k, v in headers.items()})
    )


@pytest.mark.parametrize("address", PRIVATE)
async def test_s2_what_is_not_the_public_internet_is_not_connected_to(address: str) -> None:
    assert not is_public(ipaddress.ip_address(address))
    async with outbound(resolver=Resolver([address])) as way_out:
        await refused(way_out, "http://innocent.example/")
        literal = f"[{address}]" if ":" in address else address
        await refused(way_out, f"http://{literal}/")


@pytest.mark.parametrize("address", PUBLIC)
def test_s2_public_addresses_are_reached(address: str) -> None:
    assert is_public(ipaddress.ip_address(address))


@pytest.mark.parametrize("url", ODD)
async def test_s2_no_notation_leads_inside(url: str) -> None:
    async with says() as site, outbound(resolver=like_the_machine) as way_out:
        await refused(way_out, url)
        await refused(way_out, url.replace("127.0.0.1", site.place))
        assert site.connections == 0


async def test_s2_a_name_with_one_private_address_is_refused_whole() -> None:
    async with outbound(resolver=Resolver(["8.8.8.8", "127.0.0.1"])) as way_out:
        await refused(way_out, "http://half.example/")


async def test_s2_rebinding_a_resolver_that_changes_its_mind_is_asked_once_and_taken_at_its_word() -> (
    None
):
    async with says() as site:
        resolver = Resolver(["127.0.0.1"], ["8.8.8.8"])
        async with outbound(resolver=resolver) as way_out:
            await refused(way_out, f"http://rebind.example:{site.port}/")
        assert resolver.asked == [("rebind.example", site.port)]
        # The other way round: an allowed answer first. The second one is never asked for.
        resolver = Resolver(["127.0.0.1"], ["10.0.0.1"])
        async with outbound(f"rebind.example:{site.port}", resolver=resolver) as way_out:
            assert (await way_out.fetch(f"http://rebind.example:{site.port}/")).content == b"hello"
        assert len(resolver.asked) == 1
        assert site.asked[0].headers["host"] == f"rebind.example:{site.port}"


async def test_s2_each_redirect_is_checked_again() -> None:
    async with says(b"inside") as inside:
        targets = [
            f"http://127.0.0.1:{inside.port}/",
            f"http://localhost:{inside.port}/",
            f"//2130706433:{inside.port}/",
            "http://169.254.169.254/latest/meta-data/",
            "file:///etc/passwd",
            "gopher://127.0.0.1/",
            f"http://user:word@127.0.0.1:{inside.port}/",
            "http://[::1/",
        ]
        for target in targets:
            for status in (301, 302, 303, 307, 308):
                site = FakeSite(
                    lambda _, status=status, target=target: Reply(
                        status, headers={"Location": target}
                    )
                )
                async with site, outbound(site.place) as way_out:
                    await refused(way_out, site.url)
                    assert len(site.asked) == 1
        assert inside.connections == 0


async def test_s2_five_redirects_are_followed_and_not_six() -> None:
    def count(asked: Asked) -> Reply:
        left = int(asked.path.strip("/"))
        return Reply(302, headers={"Location": f"/{left - 1}"}) if left else Reply(body=b"there")

    async with FakeSite(count) as site, outbound(site.place) as way_out:
        arrived = await way_out.fetch(f"{site.url}/5")
        assert (arrived.content, arrived.url) == (b"there", f"{site.url}/0")
        await refused(way_out, f"{site.url}/6")
        await refused(way_out, f"{site.url}/1", redirects=0)


async def test_o3_no_credential_and_no_cookie_follows_to_another_origin() -> None:
    async with says() as elsewhere:

        def answer(asked: Asked) -> Reply:
            if asked.path == "/same":
                return Reply(
                    302, headers={"Location": "/away", "Set-Cookie": "session=ours; Path=/"}
                )
            return Reply(302, headers={"Location": f"{elsewhere.url}/", "Set-Cookie": "more=ours"})

        async with FakeSite(answer) as site, outbound(site.place, elsewhere.place) as way_out:
            headers = {
                "Authorization": "Bearer kestrel",
                "Cookie": "a=kestrel",
                "X-Api-Key": "kestrel",
                "Proxy-Authorization": "kestrel",
                "Accept": "text/html",
            }
            assert (await way_out.fetch(f"{site.url}/same", headers=headers)).status == 200
        first, second = site.asked
        assert second.headers["authorization"] == "Bearer kestrel"  # the same origin
        assert "session" not in second.headers.get("cookie", "")
        (last,) = elsewhere.asked
        assert "kestrel" not in str(last.headers)
        assert "cookie" not in last.headers
        assert last.headers["accept"] == "text/html"
        assert first.headers["user-agent"] == last.headers["user-agent"] == "Parlor"


async def test_o3_a_form_is_not_sent_on_to_another_origin() -> None:
    async with says() as elsewhere:
        for status in (307, 308):
            site = FakeSite(
                lambda _, status=status: Reply(status, headers={"Location": f"{elsewhere.url}/"})
            )
            async with site, outbound(site.place, elsewhere.place) as way_out:
                await refused(way_out, site.url, method="POST", form={"secret": "kestrel"})
        assert elsewhere.asked == []
        seeing = FakeSite(lambda _: Reply(303, headers={"Location": f"{elsewhere.url}/"}))
        async with seeing, outbound(seeing.place, elsewhere.place) as way_out:
            await way_out.fetch(seeing.url, method="POST", form={"secret": "kestrel"})
        (last,) = elsewhere.asked
        assert (last.method, last.body) == ("GET", b"")
        assert "content-type" not in last.headers


async def test_s2_what_is_too_large_is_cut_off_while_it_arrives() -> None:
    async with says(b"x" * 3_000_000) as site, outbound(site.place) as way_out:
        await refused(way_out, site.url, largest=1000)
        assert len((await way_out.fetch(site.url, largest=3_000_000)).content) == 3_000_000
        await refused(way_out, site.url, largest=2_999_999)


async def test_s2_a_compressed_bomb_is_never_unfolded() -> None:
    bomb = gzip.compress(b"\0" * 200_000_000, 9)
    async with says(bomb, Content_Encoding="gzip") as site, outbound(site.place) as way_out:
        begun = time.process_time()
        await refused(way_out, site.url)
        assert time.process_time() - begun < 1
    folded = gzip.compress(gzip.compress(b"x" * 1000))
    async with says(folded, Content_Encoding="gzip, gzip") as site, outbound(site.place) as way_out:
        await refused(way_out, site.url)
    async with says(b"no gzip", Content_Encoding="gzip") as site, outbound(site.place) as way_out:
        await refused(way_out, site.url)
    async with (
        says(zlib.compress(b"x"), Content_Encoding="br") as site,
        outbound(site.place) as way_out,
    ):
        await refused(way_out, site.url)
    async with (
        says(gzip.compress(b"y" * 1000), Content_Encoding="gzip") as site,
        outbound(site.place) as way_out,
    ):
        assert (await way_out.fetch(site.url)).content == b"y" * 1000
        assert site.asked[0].headers["accept-encoding"] == "gzip"


async def test_s2_the_whole_has_a_deadline_however_slowly_it_drips() -> None:
    slow = FakeSite(lambda _: Reply(body=b"late", pause=30))
    async with slow, outbound(slow.place) as way_out:
        async with asyncio.timeout(5):
            await refused(way_out, slow.url, seconds=0.2)

    async def never(host: str, port: int) -> Sequence[str]:
        await asyncio.get_running_loop().create_future()
        return []

    async with outbound(resolver=never) as way_out, asyncio.timeout(5):
        await refused(way_out, "http://slow.example/", seconds=0.2)


async def test_the_proxy_of_the_environment_is_not_used(monkeypatch: pytest.MonkeyPatch) -> None:
    async with says(b"through the proxy") as proxy, says(b"direct") as site:
        for name in ("HTTP_PROXY", "http_proxy", "ALL_PROXY", "all_proxy"):
            monkeypatch.setenv(name, proxy.url)
        async with outbound(site.place) as way_out:
            assert (await way_out.fetch(site.url)).content == b"direct"
        assert proxy.connections == 0


async def test_s3_closed_private_unknown_and_slow_sound_the_same() -> None:
    async with says() as open_inside:
        closed = socket.socket()
        closed.bind(("127.0.0.1", 0))
        port = closed.getsockname()[1]
        resolver = Resolver(socket.gaierror(-2, "Name or service not known"))
        tries = [
            (like_the_machine, (), f"http://127.0.0.1:{open_inside.port}/"),
            (like_the_machine, (), f"http://127.0.0.1:{port}/"),
            (like_the_machine, (f"127.0.0.1:{port}",), f"http://127.0.0.1:{port}/"),
            (resolver, (), "http://nowhere.example/"),
            (Resolver([]), (), "http://empty.example/"),
            (Resolver(["nonsense"]), (), "http://odd.example/"),
        ]
        for answers, openings, url in tries:
            async with outbound(*openings, resolver=answers) as way_out:
                await refused(way_out, url)
        closed.close()


async def test_s3_the_reason_is_in_the_debug_log_without_the_rest_of_the_address() -> None:
    with structlog.testing.capture_logs() as logged:
        async with outbound(resolver=Resolver(["10.0.0.1"])) as way_out:
            await refused(
                way_out, "http://anna:kestrelword@inner.example/kestrelpath?key=kestrelkey"
            )
            await refused(way_out, "http://inner.example/kestrelpath?key=kestrelkey")
    assert [line["log_level"] for line in logged] == ["debug", "debug"]
    assert logged[1]["reason"] == "not a public address"
    assert logged[1]["host"] == "inner.example"
    assert "kestrel" not in json.dumps(logged)


@pytest.mark.parametrize(
    ("entry", "host", "address", "port", "opens"),
    [
        ("nas.lan:8443", "nas.lan", "192.168.1.5", 8443, True),
        ("nas.lan:8443", "NAS.lan.", "192.168.1.5", 8443, True),
        ("nas.lan:8443", "nas.lan", "192.168.1.5", 8444, False),
        ("nas.lan:8443", "nas.lan.evil.example", "192.168.1.5", 8443, False),
        ("nas.lan:8443", "other.lan", "192.168.1.5", 8443, False),
        ("nas.lan:8443", "nas.lan", "169.254.169.254", 8443, False),
        ("nas.lan:8443", "nas.lan", "fd00:ec2::254", 8443, False),
        ("192.168.1.5:8443", "any.example", "192.168.1.5", 8443, True),
        ("192.168.1.5:8443", "any.example", "192.168.1.6", 8443, False),
        ("192.168.1.5:8443", "any.example", "::ffff:192.168.1.5", 8443, True),
        ("[fd00::5]:80", "any.example", "fd00::5", 80, True),
        ("192.168.7.0/24", "any.example", "192.168.7.200", 9001, True),
        ("192.168.7.0/24", "any.example", "192.168.8.1", 9001, False),
        ("localhost:9001", "localhost", "127.0.0.1", 9001, True),
    ],
)
async def test_s2_an_opening_is_exactly_what_the_operator_wrote(
    entry: str, host: str, address: str, port: int, opens: bool
) -> None:
    openings = Openings.of([entry])
    assert openings.admits(host, port, _plain(address)) is opens


def _plain(address: str) -> Address:
    found = parsed(address)
    assert found
    return found


@pytest.mark.parametrize(
    "entry",
    ["*", "nas.lan", "192.168.1.1/24", "nas.lan:x", "nas.lan:0", "a:70000", "http://nas.lan:1", ""],
)
def test_an_opening_that_is_neither_place_nor_network_is_refused(entry: str) -> None:
    with pytest.raises(ValueError, match=r"port|neither"):
        Openings.of([entry])


async def test_s4_nothing_of_the_environment_gets_into_an_address(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("KESTREL", "kestrelsecret")
    async with says() as site, outbound(site.place) as way_out:
        for text in ("${KESTREL}", "$KESTREL", "%KESTREL%", "{KESTREL}", "~"):
            await way_out.fetch(f"{site.url}/{text}?q={text}", headers={"X-Given": text})
        assert "kestrelsecret" not in str(site.asked)
        assert site.asked[0].headers["x-given"] == "${KESTREL}"
        await refused(way_out, "http://${KESTREL}/")


async def test_a_client_for_other_libraries_is_guarded_too() -> None:
    async with says() as site:
        async with outbound() as way_out, await way_out.client() as client:
            with pytest.raises(httpx2.ConnectError, match="not a public address"):
                await client.get(site.url)
        async with outbound(site.place) as way_out:
            for _ in range(2):  # closing a client leaves the way out open
                async with await way_out.client() as client:
                    assert (await client.get(site.url)).text == "hello"

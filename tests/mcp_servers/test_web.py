"""The web: search, and pages as text."""

import json
import time

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import SecretStr

from backend.mcp_servers.page_text import readable
from backend.mcp_servers.toolset import UNTRUSTED
from backend.mcp_servers.web import build
from tests.mcp_servers.calling import OneByOne, calling
from tests.mcp_servers.conftest import WithSettings
from tests.mcp_servers.sites import Site

PAGE = """<!doctype html><html><head><title>Bread &amp; butter</title><style>p { color: red }</style>
</head><body><nav>Home | Shop</nav><h1>How to <em>bake</em></h1><p>Take <a href="/flour?a=1">good
flour</a>, then<br>wait.</p><ul><li>one<li>two<ul><li>inner</ul></ul><ol><li>first</li><li>second
</li></ol><pre>  keep
    this</pre><table><tr><td>1</td><td>2</td></tr></table><script>alert("no")</script>
<a href="javascript:alert(1)">no link</a> <a href="#top">up</a> <img alt="a loaf" src="x">
<p hidden>1 &lt; 2</p><!-- <p>not seen</p> --></body></html>"""
TEXT = """# How to bake

Take [good flour](https://example.org/flour?a=1), then
wait.

- one
- two
  - inner

1. first
2. second

  keep
    this

| 1 | 2

no link up [image: a loaf]

1 < 2"""


def test_a_page_becomes_text_with_its_shape() -> None:
    assert readable(PAGE, "https://example.org/bread/") == ("Bread & butter", TEXT)


SLOW_FOR_OTHERS = [
    "<a" * 100_000,
    "</" * 100_000,
    "<!--" * 100_000,
    "<![CDATA[" * 50_000,
    "<?" * 100_000,
    '<a "' * 100_000,
    "<a x='\"" * 60_000,
    "<div>" * 100_000,
    "<ul><li>" * 50_000,
    "<a href=x>" * 50_000 + "</a>" * 50_000,
    "<p " + "a=b " * 100_000 + ">",
    "<script>" * 60_000,
    "</script>" * 60_000,
    "&" * 300_000,
    "<" * 300_000,
    "<pre>" * 50_000 + " " * 200_000,
]


@pytest.mark.parametrize("page", SLOW_FOR_OTHERS, ids=range(len(SLOW_FOR_OTHERS)))
def test_no_page_takes_long(page: str) -> None:
    begun = time.process_time()
    readable(page, "https://example.org/")
    assert time.process_time() - begun < 1.5


@given(
    st.text(max_size=300)
    | st.lists(st.sampled_from(["<>/!-\"'=&", "a", "p", "ul", "li", "pre", "x"])).map("".join)
)
def test_any_page_is_text(page: str) -> None:
    title, text = readable(page, "https://example.org/")
    assert isinstance(title, str)
    assert isinstance(text, str)


@pytest.mark.parametrize(
    "target",
    [
        "javascript:x",
        "JaVaScRiPt:x",
        "data:text/html,x",
        "mailto:a@b.c",
        "ftp://a/b",
        "http://[bad",
    ],
)
def test_what_is_no_page_is_not_linked(target: str) -> None:
    assert readable(f'<a href="{target}">words</a>', "https://e.org/")[1] == "words"


async def test_a_page_is_fetched_and_continued(mcp_settings: WithSettings, site: Site) -> None:
    url = site.answers("/long", "<title>T</title><p>" + "word " * 400, kind="text/html")
    web = OneByOne(build(mcp_settings(lan=(site.place,))))
    first = await web.ok("fetch_page", url=url, characters=500)
    assert first["title"] == "T"
    assert first["next_start"] == 500
    text, start = "", 0
    while start is not None:
        page = await web.ok("fetch_page", url=url, start=start, characters=500)
        text, start = text + page["text"], page["next_start"]
    assert text == ("word " * 400).strip()
    assert "start before" in await web.refused("fetch_page", url=url, start=99_999)


async def test_pages_that_are_none_say_so(mcp_settings: WithSettings, site: Site) -> None:
    web = OneByOne(build(mcp_settings(lan=(site.place,))))
    plain = site.answers("/a.txt", "1 < 2 <b>", kind="text/plain; charset=utf-8")
    assert (await web.ok("fetch_page", url=plain))["text"] == "1 < 2 <b>"
    old = site.answers(
        "/old", "<meta charset=iso-8859-1><p>caf\u00e9".encode("latin-1"), kind="text/html"
    )
    assert (await web.ok("fetch_page", url=old))["text"] == "caf\u00e9"
    odd = site.answers("/odd", "<p>x", kind="text/html; charset=no-such-thing")
    assert (await web.ok("fetch_page", url=odd))["text"] == "x"
    picture = site.answers("/a.png", b"\x89PNG", kind="image/png")
    assert "image/png" in await web.refused("fetch_page", url=picture)
    paper = site.answers("/a.pdf", b"%PDF-", kind="application/pdf")
    assert "read_pdf" in await web.refused("fetch_page", url=paper)
    assert "answered 404" in await web.refused("fetch_page", url=f"{site.url}/none")
    huge = site.answers("/huge", b"x" * 2_000_001, kind="text/plain")
    assert "could not be fetched" in await web.refused("fetch_page", url=huge)


@pytest.mark.parametrize("charset", ["punycode", "idna", "undefined", "zlib", "no-such-thing"])
async def test_a_page_in_letters_that_no_page_has_is_read_as_utf_8(
    mcp_settings: WithSettings, site: Site, charset: str
) -> None:
    """Python knows more codecs than pages do; one takes minutes for this, others fail."""
    web = OneByOne(build(mcp_settings(lan=(site.place,))))
    body = "caf\u00e9".encode() + b"a" * 200_000 + b"-" + b"b9" * 100_000
    url = site.answers("/odd", body, kind=f"text/plain; charset={charset}")
    begun = time.monotonic()
    assert (await web.ok("fetch_page", url=url))["text"].startswith("caf\u00e9")
    assert time.monotonic() - begun < 2


async def test_s2_addresses_of_the_house_are_not_fetched(
    mcp_settings: WithSettings, site: Site
) -> None:
    url = site.answers("/admin", "<p>secret", kind="text/html")
    web = OneByOne(build(mcp_settings()))
    told = {
        await web.refused("fetch_page", url=address)
        for address in (
            url,
            url.replace("127.0.0.1", "127.1"),
            url.replace("127.0.0.1", "0x7f000001"),
            url.replace("127.0.0.1", "[::ffff:127.0.0.1]"),
            "http://169.254.169.254/latest",
            "http://192.168.1.1/",
            "file:///etc/passwd",
        )
    }
    assert told == {"That address could not be fetched."}  # the same words: S3
    assert site.asked == []


async def test_s2_a_redirect_into_the_house_is_not_followed(
    mcp_settings: WithSettings, site: Site
) -> None:
    start = site.answers("/go", "http://127.0.0.2:8080/admin", status=302)
    web = OneByOne(build(mcp_settings(lan=(site.place,))))
    assert "could not be fetched" in await web.refused("fetch_page", url=start)


RESULTS = [
    {
        "title": "A  loaf",
        "url": "https://a.example/",
        "content": "of\nbread",
        "description": "of\nbread",
    },
    {"title": "evil", "url": "javascript:alert(1)", "content": "x"},
    "nonsense",
    {"title": None, "url": "https://b.example/"},
]
HITS = [
    {"title": "A loaf", "url": "https://a.example/", "snippet": "of bread"},
    {"title": "", "url": "https://b.example/", "snippet": ""},
]


async def test_searxng_is_asked_where_the_operator_has_one(
    mcp_settings: WithSettings, site: Site
) -> None:
    site.answers("/search", json.dumps({"results": RESULTS}))
    web = OneByOne(build(mcp_settings(searxng_url=f"{site.url}/")))
    assert await web.ok("search_web", query="bread", page=2) == {
        "query": "bread",
        "engine": "SearXNG",
        "hits": HITS,
    }
    assert site.asked[0].query == {"q": ["bread"], "format": ["json"], "pageno": ["2"]}


async def test_brave_is_asked_with_its_key_which_nobody_else_sees(
    mcp_settings: WithSettings, site: Site
) -> None:
    site.answers("/res/v1/web/search", json.dumps({"web": {"results": RESULTS}}))
    key = SecretStr("the-key-of-brave")
    web = OneByOne(build(mcp_settings(brave_key=key, brave_url=site.url)))
    found = await web.ok("search_web", query="bread", limit=1)
    assert found["hits"] == HITS[:1]
    assert site.asked[0].headers["x-subscription-token"] == "the-key-of-brave"
    site.answers("/res/v1/web/search", f"{site.url}/elsewhere", status=302)
    told = await web.refused("search_web", query="bread")
    assert "the-key" not in told
    assert [asked.path for asked in site.asked] == ["/res/v1/web/search"] * 2


async def test_an_engine_in_trouble_is_told_in_words(
    mcp_settings: WithSettings, site: Site
) -> None:
    web = OneByOne(build(mcp_settings(searxng_url=site.url)))

    async def refused(body: str, status: int = 200) -> str:
        site.answers("/search", body, status=status)
        return await web.refused("search_web", query="x")

    assert "format json" in await refused("no", 403)
    assert "pause" in await refused("no", 429)
    assert "status 500" in await refused("no", 500)
    assert "not JSON" in await refused("<html>")
    unset = OneByOne(build(mcp_settings()))
    told = await unset.refused("search_web", query="x")
    assert "PARLOR_MCP_SEARXNG_URL" in told
    assert "PARLOR_MCP_BRAVE_KEY" in told


async def test_p2_what_strangers_wrote_is_marked(mcp_settings: WithSettings) -> None:
    async with calling(build(mcp_settings())) as caller:
        for tool in (await caller.client.list_tools()).tools:
            assert tool.annotations
            assert tool.annotations.open_world_hint
            assert tool.meta == {UNTRUSTED: True}

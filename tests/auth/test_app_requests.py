"""O2, O5: what a program may ask for, and where an answer may go. All of it without a server."""

from urllib.parse import urlencode

import pytest

from backend.auth.app_client import AppClient
from backend.auth.app_clients import AppRequestError
from backend.auth.app_issuer import Issuer
from backend.auth.app_redirects import is_fit, is_registered, redirect_host, with_answer
from backend.auth.app_request import AppRequest, checked, parameters

ISSUER = Issuer("https://chat.example.org")
RESOURCE = "https://chat.example.org/mcp"
REDIRECT = "http://127.0.0.1:7777/back"
NOTEBOOK = AppClient("client_x", "Notebook", None, (REDIRECT, "https://notebook.example/back"))


def ask(**changes: str | None) -> AppRequest:
    asked = {
        "response_type": "code",
        "client_id": NOTEBOOK.id,
        "redirect_uri": REDIRECT,
        "state": "a state",
        "code_challenge": "c" * 43,
        "code_challenge_method": "S256",
        "resource": RESOURCE,
        **changes,
    }
    query = urlencode({name: value for name, value in asked.items() if value is not None})
    return checked(parameters("?" + query), NOTEBOOK, ISSUER)


WRONG: dict[str, dict[str, str | None]] = {
    "no redirect": {"redirect_uri": None},
    "an implicit answer": {"response_type": "token"},
    "two answers": {"response_type": "code token"},
    "no kind of answer": {"response_type": None},
    "an answer in the fragment": {"response_mode": "fragment"},
    "an answer by form": {"response_mode": "form_post"},
    "a request inside": {"request": "eyJ"},
    "a request elsewhere": {"request_uri": "https://evil.example/r"},
    "no challenge": {"code_challenge": None},
    "a plain challenge": {"code_challenge_method": "plain"},
    "a challenge of no kind": {"code_challenge_method": None},
    "a short challenge": {"code_challenge": "x" * 42},
    "a long challenge": {"code_challenge": "x" * 44},
    "no resource": {"resource": None},
    "another resource": {"resource": "https://elsewhere.example/mcp"},
    "a resource beside ours": {"resource": "https://chat.example.org/api"},
    "a resource below ours": {"resource": f"{RESOURCE}/x"},
    "a resource in capitals": {"resource": RESOURCE.upper()},
    "only unknown scopes": {"scope": "admin read"},
    "a state of no end": {"state": "s" * 2001},
    "a state that breaks lines": {"state": "a\r\nSet-Cookie: x=1"},
}


@pytest.mark.parametrize("changes", WRONG.values(), ids=WRONG.keys())
def test_o2_a_request_that_is_wrong_is_refused(changes: dict[str, str | None]) -> None:
    with pytest.raises(AppRequestError):
        ask(**changes)


@pytest.mark.parametrize(
    ("scope", "given"),
    [
        (None, ("chat", "tools")),
        ("", ("chat", "tools")),
        ("tools", ("tools",)),
        ("tools tools chat", ("chat", "tools")),
        ("openid offline_access chat admin", ("chat",)),
    ],
)
def test_what_is_known_of_the_scopes_is_given(scope: str | None, given: tuple[str, ...]) -> None:
    assert ask(scope=scope).scopes == given


def test_a_slash_more_is_the_same_resource() -> None:
    assert ask(resource=RESOURCE + "/").resource == RESOURCE


def test_a_program_need_not_send_a_state() -> None:
    assert ask(state=None).state is None


@pytest.mark.parametrize(
    "query",
    ["?", "client_id", "client_id=%", "client_id=a&client_id=b", "=&=", "a=%00", "x=%FF", "&" * 99],
)
def test_a_query_that_cannot_be_read_is_refused(query: str) -> None:
    with pytest.raises(AppRequestError):
        checked(parameters(query), NOTEBOOK, ISSUER)


REDIRECTS = [
    "https://evil.example/back",
    "//evil.example/back",
    "/back",
    "back",
    "",
    "http://127.0.0.1:7777/back/",
    "http://127.0.0.1:7777/back?x=1",
    "http://127.0.0.1:7777/back#x",
    "http://127.0.0.1:7777/BACK",
    "http://127.0.0.1:7777/x/../back",
    "http://127.0.0.1:7777/%62ack",
    "http://127.0.0.1:7777\\@evil.example/back",
    "http://127.0.0.1:7777@evil.example/back",
    "http://evil.example@127.0.0.1:7777/back",
    "http://127.0.0.1:7777.evil.example/back",
    "http://127.0.0.1.evil.example/back",
    "http://127.0.0.2:7777/back",
    "http://localhost:7777/back",
    "http://[::1]:7777/back",
    "http://2130706433:7777/back",
    "http://127.1:7777/back",
    "http://127.0.0.1:0/back",
    "http://127.0.0.1:99999/back",
    "http://127.0.0.1:/back",
    "http://127.0.0.1:07777/back",
    "http:127.0.0.1:7777/back",
    "http:///127.0.0.1:7777/back",
    "https://127.0.0.1:7777/back",
    "HTTP://127.0.0.1:7777/back",
    "http://127.0.0.1:7777/back\t",
    " http://127.0.0.1:7777/back",
    "http://１２７.0.0.1:7777/back",  # noqa: RUF001  # that is the point
    "javascript:alert(1)//127.0.0.1:7777/back",
    "data:text/html,hello",
]


@pytest.mark.parametrize("uri", REDIRECTS)
def test_o5_an_answer_goes_to_no_address_that_was_not_registered(uri: str) -> None:
    assert not is_registered(uri, NOTEBOOK.redirect_uris)


@pytest.mark.parametrize(
    ("uri", "registered", "is_one"),
    [
        (REDIRECT, REDIRECT, True),
        ("http://127.0.0.1:50123/back", REDIRECT, True),
        ("http://127.0.0.1/back", REDIRECT, True),
        ("http://127.0.0.1:50123/back", "http://127.0.0.1/back", True),
        ("http://localhost:1/back", "http://localhost:2/back", True),
        ("http://[::1]:1/back", "http://[::1]:2/back", True),
        ("http://localhost:1/back", "http://127.0.0.1:1/back", False),
        ("http://127.0.0.1:1/other", REDIRECT, False),
        ("http://127.0.0.1:1/back?x=1", REDIRECT, False),
        ("https://127.0.0.1:1/back", "https://127.0.0.1:2/back", False),
        ("https://notebook.example:1/back", "https://notebook.example/back", False),
        ("https://notebook.example:443/back", "https://notebook.example/back", False),
        ("https://notebook.example/back?x=1", "https://notebook.example/back?x=1", True),
    ],
)
def test_o5_only_a_port_on_the_device_may_differ(uri: str, registered: str, is_one: bool) -> None:
    """RFC 8252, 7.3."""
    assert is_registered(uri, [registered]) is is_one


UNFIT = [
    "http://notebook.example/back",
    "https://notebook.example/back#fragment",
    "https://me@notebook.example/back",
    "https://me:word@notebook.example/back",
    "https://Notebook.example/back",
    "https://notebook.example\\@evil.example/back",
    "https://notebook.example /back",
    "https://nötebook.example/back",
    "https://notebook..example/back",
    "https:///back",
    "https://[broken/back",
    "https://notebook.example:99999/back",
    "javascript:alert(1)",
    "JavaScript://notebook.example/%0aalert(1)",
    "data:text/html,<script>alert(1)</script>",
    "vbscript:x",
    "file:///etc/passwd",
    "blob:https://notebook.example/x",
    "notebook://back",
    "com.notebook.app:/back",
    "ftp://notebook.example/back",
    "/back",
    "back",
    "",
    " ",
    "https://notebook.example/" + "x" * 2000,
]


@pytest.mark.parametrize("uri", UNFIT)
def test_o5_an_address_that_a_page_of_ours_must_not_go_to_is_unfit(uri: str) -> None:
    assert not is_fit(uri)
    assert not is_registered(uri, [uri])


def test_what_is_shown_of_an_address_is_where_it_leads() -> None:
    assert redirect_host("https://xn--ntebook-90a.example:8443/x?y") == (
        "xn--ntebook-90a.example:8443"
    )


def test_an_answer_is_added_to_a_query_and_cannot_break_out_of_it() -> None:
    answer: dict[str, str | None] = {"code": "c", "state": "a&b=c#d\r\n", "iss": None}
    assert with_answer("https://a.example/b?x=1", answer) == (
        "https://a.example/b?x=1&code=c&state=a%26b%3Dc%23d%0D%0A"
    )
    assert with_answer("https://a.example/b", {"code": "c"}) == "https://a.example/b?code=c"

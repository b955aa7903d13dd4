"""People sign in at tool servers in their browser (O1, O2, M4); nobody else's answer counts."""

from typing import Any
from urllib.parse import parse_qs, urlsplit

import pytest

from backend.toolbox.oauth_discovery import ToolSignInFailedError
from backend.toolbox.oauth_sign_in import (
    Home,
    ToolSignInDeniedError,
    ToolSignInExpiredError,
    Wish,
)
from backend.toolbox.records import Address, Registration, ServerDefinition
from tests.fakes.authorisation_server import AuthorisationServer, guarded
from tests.fakes.site import FakeSite, Reply
from tests.toolbox.desk import HOME, Desk, answer


async def test_a_server_is_used_in_the_name_of_who_signed_in(desk: Desk) -> None:
    await desk.refused()
    await desk.signs_in()
    server = await desk.connected()
    assert (await desk.shop.call(server, "echo", text="hi")).text == "hi"
    assert desk.authority.clients["client-1"]["redirect_uris"] == [HOME.callback]
    await desk.refused("bob")  # what anna did is hers


async def test_the_request_names_the_resource_and_protects_the_answer(desk: Desk) -> None:
    address, _ = await desk.begin()
    asked = {name: values[0] for name, values in parse_qs(urlsplit(address).query).items()}
    assert asked["resource"] == desk.server.url
    assert asked["scope"] == "tools"
    assert asked["code_challenge_method"] == "S256"
    assert asked["redirect_uri"] == HOME.callback


async def test_who_we_are_is_looked_up_where_the_server_can(desk: Desk) -> None:
    desk.authority.metadata["client_id_metadata_document_supported"] = True
    home = Home("https://parlor.example", public=True)
    await desk.signs_in(home=home)
    assert desk.authority.clients == {}
    assert (await desk.connected()).session is not None
    document = home.document()
    assert document["client_id"] == "https://parlor.example/.well-known/parlor-mcp-client.json"
    assert document["redirect_uris"] == [home.callback]
    assert document["token_endpoint_auth_method"] == "none"


async def test_parlor_introduces_itself_once(desk: Desk) -> None:
    desk.authority.secret = "kestrel client secret/+"
    await desk.signs_in()
    await desk.signs_in("bob")
    assert list(desk.authority.clients) == ["client-1"]
    assert (await desk.connected("bob")).session is not None


def registered(desk: Desk, issuer: str) -> Wish:
    """The operator has introduced Parlor there by hand."""
    file = desk.folder / "secret"
    file.write_text("kestrel client secret/+\n")
    known = Registration(issuer, "parlor-of-anna", file)
    where = Address(desk.server.url, registration=known)
    return Wish("anna", ServerDefinition("shop", "file", where), "")


async def test_a_server_that_knows_only_whom_the_operator_registered_is_used(desk: Desk) -> None:
    desk.authority.secret = "kestrel client secret/+"
    desk.authority.metadata["registration_endpoint"] = ""
    begun = await desk.sign_in.begin(registered(desk, desk.authority.issuer), HOME)
    back = desk.authority.consent(begun.address)
    await desk.sign_in.finish(answer(back, begun.browser), "anna")
    assert (await desk.connected()).session is not None
    assert desk.authority.clients == {}


async def test_o2_what_the_operator_registered_is_for_that_issuer_alone(desk: Desk) -> None:
    with pytest.raises(ToolSignInFailedError, match="another place to sign in"):
        await desk.sign_in.begin(registered(desk, "https://login.example"), HOME)


async def test_a_secret_of_the_operator_that_is_not_there_is_named(desk: Desk) -> None:
    wish = registered(desk, desk.authority.issuer)
    (desk.folder / "secret").unlink()
    with pytest.raises(ToolSignInFailedError, match="secret cannot be read"):
        await desk.sign_in.begin(wish, HOME)


async def test_o8_tokens_are_sealed(desk: Desk) -> None:
    desk.authority.secret = "kestrel client secret/+"
    await desk.signs_in()
    stored = b"".join(path.read_bytes() for path in desk.folder.iterdir() if path.is_file())
    secrets = [*desk.authority.access, *desk.authority.refresh, desk.authority.secret]
    assert not [one for one in secrets if one.encode() in stored]


async def test_o2_an_answer_counts_once_and_for_the_browser_that_asked(desk: Desk) -> None:
    address, browser = await desk.begin()
    back = desk.authority.consent(address)
    for other in (None, "another browser"):
        address, _ = await desk.begin()
        with pytest.raises(ToolSignInExpiredError):
            await desk.sign_in.finish(answer(desk.authority.consent(address), other), "anna")
    await desk.sign_in.finish(answer(back, browser), "anna")
    with pytest.raises(ToolSignInExpiredError):
        await desk.sign_in.finish(answer(back, browser), "anna")


async def test_o2_an_answer_counts_for_the_person_who_asked(desk: Desk) -> None:
    address, browser = await desk.begin()
    with pytest.raises(ToolSignInExpiredError):
        await desk.sign_in.finish(answer(desk.authority.consent(address), browser), "bob")


async def test_o2_an_answer_that_comes_late_is_void(desk: Desk) -> None:
    address, browser = await desk.begin()
    desk.clock.forward(seconds=601)
    with pytest.raises(ToolSignInExpiredError):
        await desk.sign_in.finish(answer(desk.authority.consent(address), browser), "anna")


@pytest.mark.parametrize("issuer", ["https://elsewhere.example", None, ""])
async def test_o2_an_answer_of_another_issuer_is_refused(desk: Desk, issuer: str | None) -> None:
    """RFC 9207: the code is not shown to anybody."""
    desk.authority.callback_issuer = issuer
    address, browser = await desk.begin()
    with pytest.raises(ToolSignInFailedError):
        await desk.sign_in.finish(answer(desk.authority.consent(address), browser), "anna")
    assert not [asked for asked in desk.authority.asked if asked.path == "/token"]


async def test_a_person_may_say_no(desk: Desk) -> None:
    address, browser = await desk.begin()
    back = desk.authority.consent(address)
    refusal = {"error": "access_denied", "state": back["state"], "iss": back["iss"]}
    with pytest.raises(ToolSignInDeniedError):
        await desk.sign_in.finish(answer(refusal, browser), "anna")


@pytest.mark.parametrize(
    "metadata",
    [
        {"issuer": "https://elsewhere.example"},
        {"authorization_endpoint": "http://sign-in.example/authorize"},
        {"authorization_endpoint": "javascript:alert(1)//https://x"},
        {"authorization_endpoint": "https://user@sign-in.example/"},
        {"token_endpoint": "http://sign-in.example/token"},
        {"code_challenge_methods_supported": ["plain"]},
        {"registration_endpoint": None},
    ],
)
async def test_m4_a_place_to_sign_in_that_is_not_safe_is_not_opened(
    desk: Desk, metadata: dict[str, Any]
) -> None:
    desk.authority.metadata = metadata
    with pytest.raises(ToolSignInFailedError):
        await desk.begin()


async def test_o1_a_server_that_describes_another_one_is_not_believed(desk: Desk) -> None:
    """Or it could get tokens that are good elsewhere."""
    body = b'{"resource": "https://bank.example/mcp", "authorization_servers": ["https://x"]}'
    async with FakeSite(lambda _: Reply(200, body)) as site:
        wish = Wish("anna", desk.definition(f"{site.url}/mcp"), "Bearer")
        with pytest.raises(ToolSignInFailedError, match="another server"):
            await desk.sign_in.begin(wish, HOME)


async def test_o1_tokens_for_something_else_bring_nothing_and_no_storm(desk: Desk) -> None:
    desk.authority.audience = "http://127.0.0.1:1/other"
    await desk.signs_in()
    server = await desk.refused()
    for _ in range(3):
        await server.refresh(5)
    assert server.state.name == "needs_sign_in"
    assert desk.authority.refreshes == 1


async def test_o2_a_code_of_one_issuer_is_not_shown_to_another(desk: Desk) -> None:
    """Mix-up: a hostile server's issuer sends the person on to an honest one."""
    async with AuthorisationServer(callback_issuer=None) as hostile, guarded(hostile) as trap:
        wish = Wish("anna", desk.definition(trap.url), "Bearer")
        begun = await desk.sign_in.begin(wish, HOME)
        state = parse_qs(urlsplit(begun.address).query)["state"][0]
        address, _ = await desk.begin()
        honest = desk.authority.consent(address)
        with pytest.raises(ToolSignInFailedError, match="another place"):
            await desk.sign_in.finish(answer({**honest, "state": state}, begun.browser), "anna")
        assert not [asked for asked in hostile.asked if asked.path == "/token"]


async def test_o2_what_one_issuer_gave_is_not_shown_to_another(desk: Desk) -> None:
    """The same server names another issuer from now on."""
    desk.authority.secret = "kestrel client secret/+"
    await desk.signs_in()
    known = [*desk.authority.access, *desk.authority.refresh]
    async with AuthorisationServer() as other, guarded(other) as moved:
        wish = Wish("anna", desk.definition(moved.url), "Bearer")
        begun = await desk.sign_in.begin(wish, HOME)
        await desk.sign_in.finish(answer(other.consent(begun.address), begun.browser), "anna")
        sent = (
            b"".join(asked.body for asked in other.asked)
            + str([asked.headers for asked in (*other.asked,)] + moved.running.requests).encode()
        )
        assert not [one for one in known if one.encode() in sent]
        assert list(other.clients) == ["client-1"]
        server = await desk.shop.ready(moved.url, person="anna")
        assert (await desk.shop.call(server, "echo", text="there")).text == "there"

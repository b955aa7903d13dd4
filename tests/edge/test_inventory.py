"""S1, S4, E1: what the program must not have at all, looked for in its routes and its source."""

import ast
import re
from collections.abc import Iterator
from functools import cache
from pathlib import Path
from typing import Any

from backend.app import create_app
from backend.settings import Settings
from tests.architecture import tree

ADDRESS = re.compile(
    r"(^|_)(ur[il]s?|href|src|link|target|endpoint|proxy|host|origin|server|remote|callback|webhook"
    r"|redirect|next|return_?to|domain|upstream|base)($|_)",
    re.IGNORECASE,
)
NAMED = {
    # Through kit.outbound, and the owner's alone.
    ("POST /api/mcp/servers/connect", "url"),
    # The owner's alone: what is found there is trusted like the operator's file.
    ("POST /api/mcp/servers/discover", "host"),
    # A resource by its server's own name: that server is asked, nothing is fetched here.
    ("POST /api/mcp/resources/read", "uri"),
    # What a person put beside their words, kept as text.
    ("POST /api/chat/stream", "uri"),
    ("POST /api/chat/stream", "server"),
    # Where a browser may go back to, and a program's home page: shown, never fetched.
    ("POST /oauth/register", "redirect_uris"),
    ("POST /oauth/register", "client_uri"),
    # Compared with what was asked for.
    ("POST /oauth/token", "redirect_uri"),
}
"""Inputs that sound like an address somebody could have fetched. A new one is looked at twice: if
it is an address, `kit.outbound` fetches it, and it stands here with its reason."""
KNOWN_IDS = {"server_id"}
"""Ids of what is known already; where it is stands in the registry."""


@cache
def backend_sources() -> list[tuple[str, ast.Module, str]]:
    return [
        (tree.named(path), ast.parse(tree.text(path)), tree.text(path))
        for path in tree.files()
        if tree.named(path).startswith("backend/") and path.suffix == ".py"
    ]


@cache
def described() -> Any:
    return create_app(Settings.defaults()).openapi()


def inputs() -> Iterator[tuple[str, str]]:
    """(route, name of a parameter or of a field of its body)."""
    api: dict[str, Any] = described()
    for path, methods in api["paths"].items():
        for method, route in methods.items():
            where = f"{method.upper()} {path}"
            for parameter in route.get("parameters", ()):
                yield where, parameter["name"]
            for content in route.get("requestBody", {}).get("content", {}).values():
                yield from ((where, name) for name in fields(content["schema"], api, set()))


def fields(schema: Any, api: dict[str, Any], seen: set[str]) -> Iterator[str]:
    if isinstance(schema, list):
        for one in schema:
            yield from fields(one, api, seen)
    if not isinstance(schema, dict):
        return
    if reference := schema.get("$ref"):
        if reference not in seen:
            seen.add(reference)
            yield from fields(api["components"]["schemas"][reference.rpartition("/")[2]], api, seen)
        return
    yield from schema.get("properties", ())
    for inner in (*schema.get("properties", {}).values(), *schema.values()):
        yield from fields(inner, api, seen)


def test_s1_no_route_fetches_what_somebody_names() -> None:
    named = {(where, name) for where, name in inputs() if ADDRESS.search(name)}
    assert {(where, name) for where, name in named if name not in KNOWN_IDS} == NAMED


def test_m4_no_route_takes_a_command() -> None:
    """Not one of the words that the operator's file has for it, in any body or parameter."""
    words = {"command", "argv", "args", "module", "cwd", "env", "executable", "program", "stdio"}
    named = {(where, name) for where, name in inputs() if name.lower() in words}
    assert named == set()


def test_s1_no_route_takes_a_whole_address_as_its_path() -> None:
    paths = described()["paths"]
    assert [path for path in paths if ":path" in path or "proxy" in path.lower()] == []


def test_s2_only_known_modules_connect_to_the_network() -> None:
    """A new one either goes through `kit.outbound` or reaches what the operator configured."""
    clients = {"httpx2", "httpcore2", "aiohttp", "urllib.request", "http.client", "requests"}
    found = set()
    for name, source, _ in backend_sources():
        for node in ast.walk(source):
            match node:
                case ast.Import(names=names):
                    modules = {alias.name for alias in names}
                case ast.ImportFrom(module=str(module)):
                    modules = {module}
                case _:
                    continue
            if modules & clients:
                found.add(name)
    configured = {
        "backend/cli/chat.py",  # the person's own Parlor
        "backend/cli/doctor.py",  # what the operator configured, asked once
        "backend/cli/doctor_outside.py",  # as above
        "backend/cli/mcp_bridge.py",  # as above
        "backend/cli/selftest.py",  # a private socket of this host
        "backend/ops/offsite.py",  # the operator's bucket for copies of backups
        "backend/ops/s3_service.py",  # as above
        "backend/kit/outbound.py",
        "backend/kit/outbound_guard.py",
        "backend/kit/outbound_transport.py",
        "backend/kit/trust.py",  # certificates alone
    }
    by_setting = tuple(
        f"backend/{part}/" for part in ("providers", "toolbox", "mcp_servers", "speech")
    )
    assert {name for name in found - configured if not name.startswith(by_setting)} == set()


def test_s4_nothing_fills_in_variables_of_the_environment() -> None:
    banned = {"expandvars", "Template", "getenv", "getenvb", "environb", "environ"}
    found = {
        name
        for name, source, _ in backend_sources()
        for node in ast.walk(source)
        if (isinstance(node, ast.Attribute) and node.attr in banned)
        or (isinstance(node, ast.Name) and node.id in banned)
    }
    # Settings; the service manager's words; what started the program in a process of its own;
    # a page of ours, filled in with values that are named one by one.
    readers = {"settings/loading.py", "cli/systemd.py", "mcp_servers/pdf_child.py", "api/ca.py"}
    assert found == {f"backend/{name}" for name in readers}


def test_e1_nothing_asks_starlette_for_the_address_of_a_request() -> None:
    """It is put together from the Host header: the routed path is `scope["path"]`."""
    asked = {"url", "base_url", "url_for"}
    assert [
        f"{name}:{node.lineno}"
        for name, source, _ in backend_sources()
        if name.startswith(("backend/api/", "backend/app.py"))
        for node in ast.walk(source)
        if isinstance(node, ast.Attribute)
        and node.attr in asked
        and isinstance(node.value, ast.Name)
        and node.value.id in ("request", "self")
    ] == []


def test_e1_no_layer_decides_by_a_path_who_may_do_what() -> None:
    """Routes do, by the caller they take: a second reading of the path could differ."""
    readers = {
        name
        for name, _, text in backend_sources()
        if name.startswith("backend/api/") and 'scope["path"]' in text
    }
    # The log's line; which file to send; the same routes with a slash at their end.
    known = ("failures", "frontends", "tool_routes")
    assert readers <= {f"backend/api/{name}.py" for name in known}
    assert Path(tree.ROOT).is_dir()

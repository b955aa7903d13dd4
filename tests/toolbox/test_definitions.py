"""The operator's file: both older shapes, and a line and a reason for whatever is wrong."""

import sys
from pathlib import Path

import orjson
import pytest

from backend.kit.ports import port_list
from backend.toolbox.definitions import parse_definitions, read_definitions, web_address
from backend.toolbox.records import Address, Command, Registration

PROGRAM = ("python", "parlor.pyz")
SEED_002 = """{
  "servers": [
    {
      "id": "local-calculator",
      "module": "backend.mcp_server"
    },
    {
      "id": "google-workspace",
      "command": ["uvx", "google-workspace-mcp"],
      "enabled": true
    },
    {
      "id": "test-toolkit",
      "module": "backend.mcp_servers.sample_server",
      "enabled": false
    }
  ]
}"""


def parse(text: str):
    return parse_definitions(text, Path("/etc/parlor"), PROGRAM)


def entry(**fields):
    return parse(orjson.dumps({"servers": [fields]}).decode())


def test_the_seed_s_definitions_are_read_as_they_are():
    found = parse(SEED_002)
    assert found.problems == ()
    calculator, workspace, toolkit = found.servers
    assert calculator.where == Command((*PROGRAM, "mcp", "run", "calculator"))
    assert workspace.where == Command(("uvx", "google-workspace-mcp"))
    assert toolkit.where == Command((*PROGRAM, "mcp", "run", "test-toolkit"))
    assert [one.enabled for one in found.servers] == [True, True, False]
    assert [one.is_ours for one in found.servers] == [True, False, True]


def test_the_predecessor_s_definitions_are_read_as_they_are():
    found = parse(
        """{"discovery_hosts": ["192.168.1.110"],
            "servers": [{"id": "pdf", "url": "http://192.168.1.110:9007/mcp",
                         "disabled_tools": ["pdf_extract_bytes"]}]}"""
    )
    assert found.problems == ()
    assert found.discovery_hosts == ("192.168.1.110",)
    assert (found.discovery_ports[0], found.discovery_ports[-1]) == (9001, 9017)
    [pdf] = found.servers
    assert pdf.where == Address("http://192.168.1.110:9007/mcp")
    assert pdf.disabled_tools == {"pdf_extract_bytes"}


def test_any_python_module_can_be_a_server():
    assert entry(id="x", module="my.server").servers[0].where == Command(
        (sys.executable, "-m", "my.server")
    )


def test_what_parlor_wants_in_its_environment_is_for_its_own_servers():
    text = """{"servers": [{"id": "a", "module": "backend.mcp_servers.notes", "env": {"A": "1"}},
                             {"id": "b", "module": "my.server"}, {"id": "c", "command": "c"}]}"""
    found = parse_definitions(text, Path("/etc"), PROGRAM, {"PARLOR_UNPACK_DIR": "/opt"})
    environments = [one.where.env for one in found.servers if isinstance(one.where, Command)]
    assert environments == [{"PARLOR_UNPACK_DIR": "/opt", "A": "1"}, {}, {}]


def test_paths_are_those_of_the_file_s_folder():
    [server] = entry(id="x", command=["run"], cwd="work").servers
    assert server.where == Command(("run",), cwd=Path("/etc/parlor/work"))


def test_who_parlor_is_at_a_place_to_sign_in_may_stand_in_the_file():
    [server] = entry(
        id="x",
        url="https://x.example/mcp",
        sign_in={
            "issuer": "https://login.example",
            "client_id": "parlor-of-anna",
            "client_secret_file": "secret",
        },
    ).servers
    assert isinstance(server.where, Address)
    assert server.where.registration == Registration(
        "https://login.example", "parlor-of-anna", Path("/etc/parlor/secret")
    )


def test_nothing_is_taken_from_the_environment(monkeypatch):
    monkeypatch.setenv("SECRET", "canary")
    [server] = entry(id="x", command=["run", "$SECRET"], env={"A": "${SECRET}"}).servers
    assert server.where == Command(("run", "$SECRET"), {"A": "${SECRET}"})
    [remote] = entry(id="x", url="https://x.example/${SECRET}").servers
    assert remote.where == Address("https://x.example/${SECRET}")


WRONG = """{
  "servers": [
    {"id": "first", "url": "http://a.example/mcp"},
    {"id": "second",
     "url": "ftp://b.example"},
    {"id": "third", "url": "http://c.example/mcp"}
  ]
}"""


def test_a_wrong_entry_is_named_with_its_line_and_the_others_work():
    found = parse(WRONG)
    assert [server.id for server in found.servers] == ["first", "third"]
    [problem] = found.problems
    assert str(problem) == (
        "line 4 (second): url: must be a URL that starts with http:// or https:// and names a host"
    )


def test_an_entry_that_is_no_json_is_named_with_its_line_and_the_others_work():
    found = parse(WRONG.replace('"second",', '"second"'))
    assert [server.id for server in found.servers] == ["first", "third"]
    [problem] = found.problems
    assert (problem.line, problem.entry) == (5, "second")
    assert "(JSON)" in problem.reason


@pytest.mark.parametrize(
    ("fields", "reason"),
    [
        ({"url": "http://x"}, "id: is missing"),
        ({"id": "x"}, "needs exactly one of module, command, url; it has none"),
        ({"id": "x", "url": "http://x", "module": "m"}, "it has module and url"),
        ({"id": "x y", "url": "http://x"}, "id: "),
        ({"id": "x", "command": [1]}, "command"),
        ({"id": "x", "command": [""]}, "command: must not be empty"),
        ({"id": "x", "url": "http://me:secret@x/"}, "url: must not hold a name or password"),
        ({"id": "x", "url": "http://x", "enabled": "yes"}, "enabled: "),
        ({"id": "x", "command": ["a"], "env": {"A": 1}}, "env.A: "),
        (
            {"id": "x", "url": "http://x", "sign_in": {"issuer": "http://y"}},
            "client_id: is missing",
        ),
        ({"id": "x", "url": "http://x", "sign_in": {"client_secret": "s"}}, "sign_in"),
    ],
)
def test_each_mistake_has_a_reason(fields, reason):
    found = entry(**fields)
    assert found.servers == ()
    assert reason in str(found.problems[0])


def test_an_unknown_word_is_a_note_and_no_obstacle():
    found = entry(id="x", url="http://x", colour="red")
    assert len(found.servers) == 1
    assert found.problems[0].reason == "unknown and unused: colour"


def test_the_same_id_twice_is_refused_the_second_time():
    text = '{"servers": [{"id": "a", "url": "http://x"},\n{"id": "a", "url": "http://y"}]}'
    found = parse(text)
    assert len(found.servers) == 1
    assert found.problems[0].line == 2


@pytest.mark.parametrize(
    "text",
    [
        *("", "[]", "{", '{"servers": 3}', "[" * 5000, "null", '"x"'),
        '{"servers": [{"id": "a"} b, ' + '{"a": ' * 50_000,
    ],
)
def test_a_file_that_is_something_else_is_one_problem(text):
    found = parse(text)
    assert found.servers == ()
    assert len(found.problems) == 1


def test_no_file_is_no_problem(tmp_path):
    found = read_definitions(tmp_path / "none.json", PROGRAM)
    assert (found.servers, found.problems) == ((), ())


def test_a_file_that_is_no_text_is_a_problem(tmp_path):
    (tmp_path / "x.json").write_bytes(b"\n\xff\xfe")
    assert "line 2: is not text" in str(read_definitions(tmp_path / "x.json", PROGRAM).problems[0])


@pytest.mark.parametrize(
    ("given", "ports"),
    [("9001-9003", (9001, 9002, 9003)), ([9001, 9005], (9001, 9005)), ("80,81", (80, 81))],
)
def test_ports_are_a_list_or_a_range(given, ports):
    assert port_list(given) == ports


@pytest.mark.parametrize("given", ["x", "0", "9-1", "1-65535", 5, [70000], "80-x"])
def test_wrong_ports_have_a_reason(given):
    with pytest.raises(ValueError, match=r"port|range|list"):
        port_list(given)


@pytest.mark.parametrize(
    "url", ["file:///etc/passwd", "stdio:x", "http://", "//x", "http://x y/", "http://x:0/", "x"]
)
def test_only_web_addresses_are_taken(url):
    with pytest.raises(ValueError, match="must"):
        web_address(url)

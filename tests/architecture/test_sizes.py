"""A file that grows past the limit has a second noun in it."""

from tests.architecture import tree

LINES = 400
WRITTEN_BY_HAND = {".py", ".svelte", ".ts", ".js", ".css"}


def test_no_file_written_by_hand_is_longer_than_the_limit() -> None:
    long = {
        tree.named(path): length
        for path in tree.files()
        if path.suffix in WRITTEN_BY_HAND
        and "generated" not in path.parts
        and (length := len(tree.text(path).splitlines())) > LINES
    }
    assert long == {}


def test_no_module_has_a_name_that_says_nothing() -> None:
    empty_words = {"utils", "util", "helpers", "helper", "common", "misc", "manager", "managers"}
    vague = [
        tree.named(path)
        for path in tree.files()
        if path.suffix in WRITTEN_BY_HAND
        and empty_words & {path.name.split(".")[0], path.parent.name}
    ]
    assert vague == []

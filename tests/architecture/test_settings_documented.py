"""Every setting stands in the README's table, and the table names no setting that is gone."""

import re

from backend.settings import ALL_SETTINGS, variable_names
from tests.architecture import tree

NAME = re.compile(r"`([A-Z][A-Z0-9_]+)`")


def in_the_readme() -> set[str]:
    """The names in the first column of the README's tables."""
    rows = (line for line in tree.text(tree.ROOT / "README.md").splitlines() if line[:1] == "|")
    return {name for row in rows for name in NAME.findall(row.split("|")[1])}


def in_the_code() -> set[str]:
    return {name for kind in ALL_SETTINGS for name in variable_names(kind).values()}


def test_every_setting_has_a_row_in_the_readme() -> None:
    assert in_the_code() - in_the_readme() == set()


def test_every_row_of_the_readme_is_a_setting() -> None:
    prefixes = ("PARLOR_", "OPENROUTER_", "CHAT_LLM_")
    ours = {name for name in in_the_readme() if name.startswith(prefixes)}
    # Read by the file's own first lines, before there are settings.
    assert ours - in_the_code() - {"PARLOR_UNPACK_DIR"} == set()


def test_every_setting_says_what_it_is_for() -> None:
    silent = [
        f"{kind.__name__}.{name}"
        for kind in ALL_SETTINGS
        for name, field in kind.model_fields.items()
        if not field.description
    ]
    assert silent == []

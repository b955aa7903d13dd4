"""A conversation's automatic title: the beginning of its first message."""

_LONGEST = 60


def title_from(text: str) -> str:
    """The first line that says something, cut at a word; never empty."""
    line = next(
        (stripped for line in text.splitlines() if (stripped := line.strip(" #*>`-\t"))), ""
    )
    line = " ".join(line.split())
    if len(line) <= _LONGEST:
        return line or "New chat"
    cut = line[:_LONGEST]
    at_word = cut.rpartition(" ")[0]
    return (at_word if len(at_word) > _LONGEST // 2 else cut).rstrip(" ,;:.") + "…"

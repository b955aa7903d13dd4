"""What a person types into the search field, as a full-text query."""


def as_match(text: str) -> str:
    """Every word must occur; the last one may be unfinished. Never FTS5 syntax."""
    words = [word.replace('"', '""') for word in text.split()]
    return " ".join(f'"{word}"' for word in words) + ("*" if words else "")

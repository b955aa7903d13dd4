"""Words of others on a terminal."""


def harmless(text: str) -> str:
    """Model and tool text, and what people call themselves, must not steer the terminal. Unusual
    spaces stay spaces."""
    return "".join(
        char if char.isprintable() or char in "\n\t" else " " if char.isspace() else ""
        for char in text
    )


def in_a_line(text: str) -> str:
    return " ".join(harmless(text).split())

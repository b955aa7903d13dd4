"""QR codes as rows of modules, for a page to draw."""


def qr_rows(text: str) -> list[str]:
    """Rows of 0 and 1 without a margin. Takes a moment the first time: call it in a thread."""
    import segno  # noqa: PLC0415  # start-up: 48 ms that only pairing and second factors need

    code = segno.make_qr(text, error="m")
    return ["".join("1" if module else "0" for module in row) for row in code.matrix]

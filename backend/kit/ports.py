"""Lists of ports as people write them."""


def port_list(given: object) -> tuple[int, ...]:
    """Ports from `[9001, 9002]`, `"9001-9017"` or `"9001,9005-9007"`. Raises ValueError."""
    words = given.split(",") if isinstance(given, str) else given
    if not isinstance(words, list | tuple):
        raise ValueError('must be a list, or a range such as "9001-9017"')  # noqa: TRY004  # words
    ports: list[int] = []
    for word in words:
        first, _, last = str(word).strip().partition("-")
        if not (first.isdecimal() and (last or first).isdecimal()):
            raise ValueError(f"{str(word)[:20]!r} is not a port or a range of ports")
        low, high = int(first), int(last or first)
        if not 0 < low <= high < 65536 or high - low > 1000:
            raise ValueError(f"{str(word)[:20]!r} is not a range of at most 1000 ports")
        ports += range(low, high + 1)
    return tuple(dict.fromkeys(ports))

"""One line of what the doctor says."""

from typing import NamedTuple, override


class Finding(NamedTuple):
    """`well`: None where there is nothing to be well or ill."""

    well: bool | None
    what: str
    words: str

    @override
    def __str__(self) -> str:
        mark = {True: "ok", False: "WRONG", None: "-"}[self.well]
        return f"{mark:5}  {self.what:22} {self.words}"

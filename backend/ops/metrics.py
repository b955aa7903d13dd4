"""Numbers as Prometheus reads them (text format 0.0.4)."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Literal, Self


@dataclass(frozen=True, slots=True)
class Family:
    """One name with a value for each set of labels. Labels hold words of ours, nothing people
    typed and nothing without an end."""

    name: str
    kind: Literal["counter", "gauge"]
    words: str
    samples: tuple[tuple[Mapping[str, str], float], ...] = field(default=())

    @classmethod
    def one(
        cls, name: str, kind: Literal["counter", "gauge"], words: str, value: float | None
    ) -> Self:
        """None: nobody knows it, so there is no sample."""
        return cls(name, kind, words, () if value is None else (({}, value),))

    @classmethod
    def by(
        cls, label: str, counts: Mapping[str, float], name: str, words: str, kind: "_Kind"
    ) -> Self:
        return cls(name, kind, words, tuple(({label: key}, counts[key]) for key in counts))


type _Kind = Literal["counter", "gauge"]


def rendered(families: Iterable[Family]) -> str:
    return "".join(_rendered(family) for family in families if family.samples)


def _rendered(family: Family) -> str:
    name = f"parlor_{family.name}"
    lines = [f"# HELP {name} {family.words}", f"# TYPE {name} {family.kind}"]
    for labels, value in family.samples:
        pairs = ",".join(f'{key}="{_escaped(text)}"' for key, text in labels.items())
        lines.append(f"{name}{f'{{{pairs}}}' if pairs else ''} {_number(value)}")
    return "\n".join(lines) + "\n"


def _escaped(text: str) -> str:
    return text.replace("\\", r"\\").replace('"', r"\"").replace("\n", r"\n")


def _number(value: float) -> str:
    return repr(value) if value % 1 else str(int(value))

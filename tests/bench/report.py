"""Collects measured rows, prints the table and writes dist/bench.json."""

import os
import platform
import time
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import orjson

from tests.bench.budgets import BUDGETS, Budget, Verdict, unit_of

GROSS = 2.0
"""A quick run fails only on this many times the budget: its few rounds are noisy."""


@dataclass(frozen=True, slots=True)
class Measured:
    value: float
    yardstick: str


@dataclass(slots=True)
class Report:
    quick: bool
    rounds: int
    measured: dict[str, Measured] = field(default_factory=dict)
    missing: dict[str, str] = field(default_factory=dict)
    warnings: list[str] = field(default_factory=list)
    left_out: set[str] = field(default_factory=set)
    """Rows of groups that nobody asked for."""
    broken: list[str] = field(default_factory=list)
    raw: dict[str, Any] = field(default_factory=dict)
    began: float = field(default_factory=time.monotonic)

    def add(self, key: str, value: float, yardstick: str) -> None:
        """One row, with the yardstick of the same run in words."""
        self.measured[key] = Measured(value, yardstick)
        budget = BUDGETS[key]
        self.say(f"{budget.group}: {budget.row}: {shown(value, budget)}  ({yardstick})")

    def skip(self, keys: tuple[str, ...], reason: str) -> None:
        for key in keys:
            self.missing.setdefault(key, " ".join(reason.split())[:300])

    def invalid(self, keys: tuple[str, ...], why: str) -> None:
        """A stream was incomplete or wrong: that is worse than slow, and fails a quick run too."""
        self.broken.append(" ".join(why.split())[:500])
        self.skip(keys, why)
        self.say(f"INVALID: {self.broken[-1]}")

    def warn(self, text: str) -> None:
        self.warnings.append(text)

    def say(self, text: str) -> None:
        print(f"[{time.monotonic() - self.began:5.0f} s] {text}", flush=True)

    def verdict(self, key: str) -> Verdict:
        found = self.measured.get(key)
        if found is None:
            return "not measured"
        slack = GROSS if self.quick else 1
        return "pass" if BUDGETS[key].meets(found.value, slack=slack) else "FAIL"

    def rows(self) -> list[tuple[str, Budget]]:
        return [
            (key, budget)
            for key, budget in BUDGETS.items()
            if key not in self.left_out and not (self.quick and budget.full_only)
        ]

    @property
    def failed(self) -> bool:
        bad: tuple[Verdict, ...] = ("FAIL",) if self.quick else ("FAIL", "not measured")
        return bool(self.broken) or any(self.verdict(key) in bad for key, _ in self.rows())

    def table(self) -> str:
        lines = [("group", "row", "budget", "measured", "yardstick, same run", "verdict")]
        for key, budget in self.rows():
            found, verdict = self.measured.get(key), str(self.verdict(key))
            if found is None and not self.quick:
                verdict = "FAIL (not measured)"
            value = shown(found.value, budget) if found else "-"
            yardstick = found.yardstick if found else ""
            lines.append((budget.group, budget.row, budget.words, value, yardstick, verdict))
        widths = [max(len(line[column]) for line in lines) for column in range(5)]
        text = [
            "  ".join([*(cell.ljust(width) for cell, width in zip(line[:5], widths, strict=True))])
            + f"  {line[5]}"
            for line in lines
        ]
        text.insert(1, "-" * len(text[0]))
        text += [f"not measured: {reason}" for reason in self.reasons()]
        text += [f"INVALID RUN: {why}" for why in self.broken]
        text += [f"warning: {warning}" for warning in self.warnings]
        if self.quick:
            text.append(f"quick run: a row fails at {GROSS:g} x its budget only")
        return "\n".join(text)

    def reasons(self) -> list[str]:
        """Each reason once, with the rows it keeps from being measured."""
        found: dict[str, list[str]] = {}
        for key, budget in self.rows():
            if key not in self.measured:
                reason = self.missing.get(key, "its scenario did not run")
                found.setdefault(reason, []).append(budget.row)
        return [f"{reason} ({'; '.join(rows)})" for reason, rows in found.items()]

    def write(self, path: Path) -> None:
        rows = [
            {
                "id": key,
                "group": budget.group,
                "row": budget.row,
                "budget": budget.words,
                "measured": found.value if (found := self.measured.get(key)) else None,
                "unit": budget.unit,
                "yardstick": found.yardstick if found else self.missing.get(key),
                "verdict": self.verdict(key),
            }
            for key, budget in self.rows()
        ]
        machine = {
            "cores": os.cpu_count(),
            "python": platform.python_version(),
            "system": platform.platform(),
        }
        result = {
            "quick": self.quick,
            "rounds": self.rounds,
            "seconds": round(time.monotonic() - self.began, 1),
            "machine": machine,
            "rows": rows,
            "invalid": self.broken,
            "warnings": self.warnings,
            "raw": self.raw,
        }
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(orjson.dumps(result, option=orjson.OPT_INDENT_2))


def shown(value: float, budget: Budget) -> str:
    digits = 1 if abs(value) >= 100 else 2
    return f"{value:.{digits}f}{unit_of(budget.unit)}"

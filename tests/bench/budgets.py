"""The budgets, and what a measured value says about one."""

from dataclasses import dataclass
from typing import Literal

type Verdict = Literal["pass", "FAIL", "not measured"]


@dataclass(frozen=True, slots=True)
class Budget:
    group: str
    row: str
    limit: float
    unit: str
    at_least: bool = False
    against: str = ""
    full_only: bool = False

    @property
    def words(self) -> str:
        sign = ">=" if self.at_least else "<="
        return f"{sign} {self.limit:g}{unit_of(self.unit)}{self.against}"

    def meets(self, value: float, *, slack: float = 1) -> bool:
        if self.at_least:
            return value >= self.limit / slack
        return value <= self.limit * slack


def unit_of(unit: str) -> str:
    return unit if unit in ("", "x") else f" {unit}"


def overhead(streams: str, share: str, limit: float) -> Budget:
    return Budget(
        "chat", f"overhead to first token, {streams}, {share}", limit, "ms", against=" over direct"
    )


BUDGETS: dict[str, Budget] = {
    "c1.p50": overhead("1 stream", "p50", 3),
    "c1.p99": overhead("1 stream", "p99", 8),
    "c50.p50": overhead("50 streams", "p50", 4),
    "c50.p99": overhead("50 streams", "p99", 15),
    "c200.p50": overhead("200 streams", "p50", 8),
    "c200.p99": overhead("200 streams", "p99", 100),
    "c200.rate": Budget(
        "chat", "tokens/s, 200 paced streams", 0.98, "x", at_least=True, against=" direct"
    ),
    "sat.rate": Budget(
        "chat", "tokens/s, 50 saturated streams", 0.5, "x", at_least=True, against=" relay"
    ),
    "c200.cpu": Budget("chat", "CPU per 1,000 tokens, 200 streams", 1.6, "x", against=" relay"),
    "c50.delay": Budget("chat", "upstream byte to client byte, 50 streams, p99", 10, "ms"),
    "tool.hop": Budget("chat", "one tool hop", 8, "ms", against=" over two calls"),
    "tools.call": Budget(
        "tools", "call through Parlor, p50", 5, "ms", against=" over the SDK's own client"
    ),
    "tools.start": Budget("tools", "all shipped servers, to the last /health", 2, "s"),
    "tools.memory": Budget("tools", "all shipped servers, one process", 90, "MB"),
    "resume.ended": Budget("chat", "resume of 5,000 events, turn ended", 100, "ms"),
    "resume.running": Budget("chat", "resume of 5,000 events, turn running", 100, "ms"),
    "followers.memory": Budget("chat", "500 idle followers, memory", 30, "MB", against=" more"),
    "followers.cpu": Budget("chat", "500 idle followers, CPU", 2, "%"),
    "list.time": Budget("history", "list page of 1,000 conversations, p50", 5, "ms"),
    "list.bare": Budget("history", "list page over 1.5 x bare route", 3, "ms"),
    "open.time": Budget("history", "open 1,000 messages (2 MB), p50", 60, "ms"),
    "search.p95": Budget(
        "history", "full-text search, 50,000 messages, p95", 150, "ms", full_only=True
    ),
    "models.time": Budget("models", "350 models with filters, p50", 5, "ms"),
    "static.rate": Budget(
        "static", "pre-compressed asset, requests/s", 4, "x", at_least=True, against=" StaticFiles"
    ),
    "start.warm": Budget("start", "checkout, warm, to /health", 0.5, "s", against=" over bare"),
    "start.file": Budget("start", "parlor.pyz, warm, to /health", 0.5, "s", against=" over bare"),
    "start.fresh": Budget("start", "parlor.pyz, first start (extraction)", 4, "s", full_only=True),
    "memory.idle": Budget("memory", "idle", 110, "MB"),
    "memory.c50": Budget("memory", "50 streams", 140, "MB"),
    "memory.after": Budget(
        "memory", "after 10,000 turns", 1.05, "x", against=" after 1,000", full_only=True
    ),
    "file.size": Budget("file", "parlor.pyz", 20, "MB"),
}

"""The rows about streams: direct, relay and Parlor in turn, round after round."""

import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from statistics import median
from typing import Any

import orjson

from tests.bench.jobs import Job, Outcome
from tests.bench.parlor import Parlor
from tests.bench.processes import InvalidRunError, LoadClient, Server
from tests.bench.report import Report
from tests.bench.wire import MODEL, ask, quantile

SETTLE_SECONDS = 0.4
"""After a round: what a server does when the last byte is out belongs to its account."""


@dataclass(frozen=True, slots=True)
class Load:
    """One kind of load. Starts are spread over time: people do not press Enter together."""

    key: str
    mode: str
    gap_ms: int
    tokens: int
    slots: int
    repeat: int = 1
    stagger_ms: float = 0

    @property
    def shape(self) -> dict[str, Any]:
        return {"slots": self.slots, "repeat": self.repeat, "stagger_ms": self.stagger_ms}

    @property
    def nominal_seconds(self) -> float:
        """How long a perfect server needs; meaningful for one paced stream per slot."""
        ramp = (self.slots - 1) * self.stagger_ms
        return (ramp + (self.tokens - 1) * self.gap_ms) / 1000


LOADS = (
    Load("c1", "paced", 5, 10, slots=1, repeat=30),
    Load("c50", "paced", 20, 100, slots=50, stagger_ms=20),
    Load("c200", "paced", 20, 100, slots=200, stagger_ms=5),
    Load("sat", "burst", 0, 200, slots=50, repeat=6),
)


@dataclass(slots=True)
class Series:
    """What one target did in the rounds that count."""

    outcomes: list[Outcome] = field(default_factory=list)
    cpu: list[float] = field(default_factory=list)
    memory: list[float] = field(default_factory=list)

    def mid(self, read: Callable[[Outcome], float]) -> float:
        return median(read(outcome) for outcome in self.outcomes)

    def first(self, share: float) -> float:
        return self.mid(lambda outcome: quantile(outcome.first, share))

    @property
    def rate(self) -> float:
        return self.mid(lambda outcome: outcome.tokens_per_second)

    @property
    def cpu_per_1k(self) -> float:
        pairs = zip(self.cpu, self.outcomes, strict=True)
        return median(1000 * cpu / outcome.tokens for cpu, outcome in pairs)

    def raw(self) -> list[dict[str, float]]:
        return [
            {
                "first_p50_ms": round(quantile(one.first, 0.5), 3),
                "first_p99_ms": round(quantile(one.first, 0.99), 3),
                "delay_p50_ms": round(one.delay_p50, 3),
                "delay_p99_ms": round(one.delay_p99, 3),
                "tokens_per_second": round(one.tokens_per_second),
                "cpu_s_per_1k": round(1000 * cpu / one.tokens, 4),
                "memory_mb": round(memory, 1),
                "client_cpu": round(one.cpu_share, 2),
            }
            for one, cpu, memory in zip(self.outcomes, self.cpu, self.memory, strict=True)
        ]


@dataclass(frozen=True, slots=True)
class Target:
    name: str
    job: Callable[[Load], Job]
    server: Server | None


def openai_job(port: int, path: str, load: Load) -> Job:
    message = {"role": "user", "content": ask(load.mode, load.gap_ms, load.tokens)}
    body = {"model": MODEL, "stream": True, "messages": [message]}
    return Job(
        port=port,
        path=path,
        body=orjson.dumps(body).decode(),
        wire="openai",
        tokens=load.tokens,
        **load.shape,
    )


def targets(upstream: int, relay: Server, parlor: Parlor) -> tuple[Target, ...]:
    return (
        Target("direct", lambda load: openai_job(upstream, "/v1/chat/completions", load), None),
        Target("relay", lambda load: openai_job(relay.port, "/chat", load), relay),
        Target(
            "parlor",
            lambda load: parlor.turn(load.mode, load.gap_ms, load.tokens, **load.shape),
            parlor.server,
        ),
    )


def measure(
    client: LoadClient, load: Load, among: tuple[Target, ...], rounds: int
) -> Mapping[str, Series]:
    """Interleaved: direct, relay, Parlor, direct, ...; the first round only warms up."""
    series = {target.name: Series() for target in among}
    for number in range(rounds + 1):
        for target in among:
            outcome, cpu, memory = one_round(client, target, load)
            if number:
                series[target.name].outcomes.append(outcome)
                series[target.name].cpu.append(cpu)
                series[target.name].memory.append(memory)
    return series


def one_round(client: LoadClient, target: Target, load: Load) -> tuple[Outcome, float, float]:
    server = target.server
    before = server.cpu() if server else 0.0
    client.begin(target.job(load))
    if load.mode == "paced":
        time.sleep(load.nominal_seconds * 0.7)
    memory = server.memory() if server else 0.0
    try:
        outcome = client.end()
    except InvalidRunError as error:
        raise InvalidRunError(f"{load.key}, {target.name}: {error}") from error
    time.sleep(SETTLE_SECONDS)
    return outcome, (server.cpu() - before) if server else 0.0, memory


def check_stored(parlor: Parlor, outcome: Outcome) -> None:
    """What was streamed is what is kept."""
    sample = outcome.sample
    conversation = parlor.json("GET", f"/api/conversations/{sample['conversation_id']}")
    parts = conversation["messages"][-1]["parts"]
    stored = "".join(part["text"] for part in parts if part["type"] == "text")
    if stored != sample["text"]:
        raise InvalidRunError("the stored answer differs from the streamed one")


def report_load(report: Report, load: Load, series: Mapping[str, Series]) -> None:
    direct, relay, ours = series["direct"], series["relay"], series["parlor"]
    report.raw[load.key] = {name: one.raw() for name, one in series.items()}
    if load.key == "sat":
        report.add(
            "sat.rate",
            ours.rate / relay.rate,
            f"{ours.rate:,.0f}/s; relay {relay.rate:,.0f}, direct {direct.rate:,.0f}",
        )
    else:
        for share, name in ((0.5, "p50"), (0.99, "p99")):
            base, whole, other = direct.first(share), ours.first(share), relay.first(share)
            words = f"{whole:.2f} whole; direct {base:.2f}, relay {other:.2f}"
            report.add(f"{load.key}.{name}", whole - base, words)
    if load.key == "c50":
        delays = {name: one.mid(lambda outcome: outcome.delay_p99) for name, one in series.items()}
        words = f"direct {delays['direct']:.2f}, relay {delays['relay']:.2f}"
        report.add("c50.delay", delays["parlor"], words)
        report.add("memory.c50", max(ours.memory), f"relay {max(relay.memory):.0f} MB")
    if load.key == "c200":
        words = f"{ours.rate:,.0f}/s; direct {direct.rate:,.0f}, relay {relay.rate:,.0f}"
        report.add("c200.rate", ours.rate / direct.rate, words)
        words = f"{ours.cpu_per_1k:.4f} s; relay {relay.cpu_per_1k:.4f} s"
        report.add("c200.cpu", ours.cpu_per_1k / relay.cpu_per_1k, words)


def check_honest(report: Report, load: Load, series: Mapping[str, Series]) -> None:
    """Upstream and load client must not be what was measured."""
    direct = series["direct"]
    if load.key == "sat":
        fastest = max(series["relay"].rate, series["parlor"].rate)
        if direct.rate < 1.2 * fastest:
            report.warn(f"direct saturates at {direct.rate:,.0f} tokens/s, too close to a target")
        return
    busiest = max(one.mid(lambda outcome: outcome.cpu_share) for one in series.values())
    if busiest > 0.7:
        report.warn(f"{load.key}: the load client used {busiest:.0%} of a core")
    if load.stagger_ms:
        seconds = direct.mid(lambda outcome: outcome.seconds)
        if seconds > 1.02 * load.nominal_seconds + 0.05:
            report.warn(f"{load.key}: direct took {seconds:.2f} s, not {load.nominal_seconds:.2f}")


def streams(report: Report, client: LoadClient, among: tuple[Target, ...], parlor: Parlor) -> None:
    for load in LOADS:
        report.say(f"{load.key}: {load.slots} streams, {report.rounds} rounds")
        series = measure(client, load, among, report.rounds)
        check_stored(parlor, series["parlor"].outcomes[-1])
        report_load(report, load, series)
        check_honest(report, load, series)

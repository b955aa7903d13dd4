"""The rows about what surrounds a stream: tool hop, resume, idle followers, many turns."""

import time
from statistics import median

import orjson

from tests.bench.jobs import Job
from tests.bench.parlor import Parlor
from tests.bench.processes import BenchError, LoadClient
from tests.bench.report import Report
from tests.bench.wire import MODEL, ask, quantile

EVENTS = 5000
FOLLOWERS = 500
TURNS = 10_000
TURN_SECONDS = 150
"""The many turns stop after this long; the row then says how many they were."""
ANSWER_TOKENS = 5


def tool_hop(report: Report, client: LoadClient, parlor: Parlor, upstream: int) -> None:
    question = {"role": "user", "content": ask("tool", 0, ANSWER_TOKENS)}
    tools = [{"type": "function", "function": {"name": "echo", "parameters": {}}}]
    call = {"id": "c", "type": "function", "function": {"name": "echo", "arguments": "{}"}}
    first = direct_call(upstream, {"messages": [question], "tools": tools}, 0)
    answered = [
        question,
        {"role": "assistant", "content": None, "tool_calls": [call]},
        {"role": "tool", "tool_call_id": "c", "content": "echo"},
    ]
    second = direct_call(upstream, {"messages": answered, "tools": tools}, ANSWER_TOKENS)
    ours = parlor.turn("tool", 0, ANSWER_TOKENS, repeat=20)
    plain = parlor.turn("burst", 0, ANSWER_TOKENS, repeat=20)
    over, whole, single = [], [], []
    for number in range(report.rounds + 1):
        calls = median(client.run(first).total) + median(client.run(second).first)
        turn = median(client.run(ours).first)
        without = median(client.run(plain).first)
        if number:
            over.append(turn - calls)
            whole.append(turn)
            single.append(without)
    words = f"{median(whole):.2f} whole; a turn without tools {median(single):.2f}"
    report.add("tool.hop", median(over), words)


def direct_call(upstream: int, content: dict[str, object], tokens: int) -> Job:
    body = orjson.dumps({"model": MODEL, "stream": True, **content}).decode()
    path = "/v1/chat/completions"
    return Job(port=upstream, path=path, body=body, wire="openai", tokens=tokens, repeat=20)


def resume(report: Report, client: LoadClient, parlor: Parlor) -> None:
    """The same 5,000 events from the stored journal and from the one in memory."""
    asked = EVENTS + EVENTS // 10
    # Words that arrive together become one event, so they are sent 2 ms apart.
    outcome = client.run(parlor.turn("paced", 2, asked))
    events = int(outcome.sample["events"])
    if events < EVENTS:
        raise BenchError(f"{asked} tokens became {events} events only")
    turn_id = outcome.sample["turn_id"]
    job = follow_job(parlor, turn_id, wire="parlor", tokens=asked, repeat=report.rounds + 1)
    ended = client.run(job)
    words = f"{events} events, {ended.bytes / ended.requests / 1e6:.1f} MB"
    report.add("resume.ended", median(ended.total[1:]), words)

    turn_id = parlor.begin_turn("hold", 2, asked)
    time.sleep(asked / 500 + 1)
    job = follow_job(parlor, turn_id, until=f"{asked - 1:04x} ")
    times = [client.run(job).total[0] for _ in range(report.rounds + 1)][1:]
    report.add("resume.running", median(times), f"{asked} tokens so far")
    parlor.json("POST", f"/api/chat/turns/{turn_id}/stop")


def follow_job(parlor: Parlor, turn_id: str, **shape: object) -> Job:
    path = f"/api/chat/turns/{turn_id}/events?after=0"
    return Job(port=parlor.port, path=path, headers=parlor.headers, **shape)  # type: ignore[arg-type]  # a job by field names


def followers(report: Report, client: LoadClient, parlor: Parlor) -> None:
    """500 connections follow one turn that says nothing; long enough to see heartbeats."""
    seconds = 11 if report.quick else 21
    turn_id = parlor.begin_turn("hold", 1, 20)
    time.sleep(1)
    before = parlor.server.memory()
    job = follow_job(parlor, turn_id, until="0013 ", slots=FOLLOWERS, hold=seconds + 3)
    client.begin(job)
    time.sleep(2)
    started, cpu = time.monotonic(), parlor.server.cpu()
    time.sleep(seconds)
    share = 100 * (parlor.server.cpu() - cpu) / (time.monotonic() - started)
    after = parlor.server.memory()
    client.end()
    parlor.json("POST", f"/api/chat/turns/{turn_id}/stop")
    report.add("followers.memory", after - before, f"{before:.0f} MB without them")
    report.add("followers.cpu", share, f"over {seconds} s, heartbeats included")


def idle_memory(report: Report, parlor: Parlor) -> None:
    """After start and sign-in; the password hash has given its memory back by then."""
    time.sleep(2)
    report.add("memory.idle", parlor.server.memory(), "after start and sign-in")


def many_turns(report: Report, client: LoadClient, parlor: Parlor) -> None:
    """Short turns in batches of 1,000; what the first batch left are caches, the rest is leak."""
    idle = parlor.server.memory()
    began = time.monotonic()
    sizes: list[float] = []
    times: list[float] = []
    while len(sizes) < TURNS // 1000 and time.monotonic() - began < TURN_SECONDS:
        job = parlor.turn("burst", 0, ANSWER_TOKENS, slots=20, repeat=50, timeout=TURN_SECONDS)
        times.append(quantile(client.run(job).first, 0.5))
        time.sleep(1)
        sizes.append(parlor.server.memory())
    done = len(sizes) * 1000
    if done < TURNS:
        report.warn(f"only {done:,} turns within {TURN_SECONDS} s")
    report.raw["turns"] = {"memory_mb": sizes, "first_p50_ms": times}
    words = f"{sizes[-1]:.0f} MB after {done:,}, {sizes[0]:.0f} after 1,000, idle {idle:.0f}"
    report.add("memory.after", sizes[-1] / sizes[0], words)

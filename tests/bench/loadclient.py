"""The load client: a process of its own that drives every target the same way.

Reads one job per line on stdin, answers one outcome per line on stdout (see jobs.py). While the
clock runs a token costs it one regular expression match; frames are parsed and compared later.
"""

import asyncio
import gc
import resource
import sys
from dataclasses import asdict
from typing import Any

import httptools
import orjson
import uvloop

from tests.bench.jobs import Job, Outcome
from tests.bench.verify import Answer, BrokenStreamError, read_answer
from tests.bench.wire import TOKEN, age_us, now_us, quantile


class Slot(asyncio.Protocol):
    """One connection and what came over it."""

    def __init__(self, run: "Run", number: int) -> None:
        self.run = run
        self.number = number
        self.left = run.job.repeat
        self.done: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self.bodies: list[list[bytes]] = []
        self.first: list[int] = []
        self.total: list[int] = []
        self.delays: list[int] = []
        self.tokens = 0
        self.streaming = run.job.wire != "plain"
        self.busy = False

    def connection_made(self, transport: Any) -> None:
        self.transport = transport

    def connection_lost(self, exc: Exception | None) -> None:
        if not self.done.done():
            self.fail(f"connection lost in the middle of an answer: {exc}")

    def fail(self, why: str) -> None:
        if not self.done.done():
            self.done.set_exception(BrokenStreamError(why))

    def send(self) -> None:
        self.parser = httptools.HttpResponseParser(self)
        self.tail = b""
        self.started_tokens = self.tokens
        self.first_at = 0
        self.body: list[bytes] = []
        self.busy = True
        request = self.run.request()
        self.sent_at = now_us()
        self.transport.write(request)

    def data_received(self, data: bytes) -> None:
        self.now = now_us()
        if self.busy:
            self.parser.feed_data(data)

    def on_headers_complete(self) -> None:
        status = self.parser.get_status_code()
        self.refused = status >= 300
        if self.refused:
            self.fail(f"status {status}")

    def on_body(self, data: bytes) -> None:
        self.body.append(data)
        if self.streaming:
            data = self.tail + data
            found = TOKEN.findall(data)
            self.tail = data[data.rfind(b"\n") + 1 :]
            if not found:
                return
            if self.tail:
                self.tail = after_last_token(self.tail)
            now = self.now
            self.tokens += len(found)
            self.delays += [age_us(stamp, now) for stamp, _ in found]
        if not self.first_at:
            self.first_at = self.now
        until = self.run.until
        if until and until in b"".join(self.body[-2:]):
            self.finish(keep=False)

    def on_message_complete(self) -> None:
        if self.busy:
            self.finish(keep=True)

    def finish(self, *, keep: bool) -> None:
        self.busy = False
        self.total.append(self.now - self.sent_at)
        self.first.append((self.first_at or self.now) - self.sent_at)
        self.bodies.append(self.body)
        self.run.ended_at = self.now
        self.left -= 1
        if self.done.done():
            return
        if self.left and keep:
            self.send()
        else:
            self.done.set_result(None)


def after_last_token(data: bytes) -> bytes:
    """An unfinished line without the tokens in it that were counted already."""
    end = 0
    for found in TOKEN.finditer(data):
        end = found.end()
    return data[end:]


class Run:
    def __init__(self, job: Job) -> None:
        self.job = job
        self.until = job.until.encode()
        self.ended_at = 0
        self.serial = 0
        lines = [f"{job.method} {job.path} HTTP/1.1", f"host: 127.0.0.1:{job.port}"]
        lines += [f"{name}: {value}" for name, value in job.headers.items()]
        if job.body:
            lines.append("content-type: application/json")
        self.head = "\r\n".join(lines)

    def request(self) -> bytes:
        self.serial += 1
        body = self.job.body.replace("@N@", f"{self.serial}-{now_us()}")
        length = f"\r\ncontent-length: {len(body.encode())}" if body else ""
        return f"{self.head}{length}\r\n\r\n{body}".encode()

    async def connect(self) -> list[Slot]:
        """All connections stand before the clock starts, as a browser's does."""
        loop = asyncio.get_running_loop()
        slots = []
        for number in range(self.job.slots):
            _, slot = await loop.create_connection(
                lambda number=number: Slot(self, number), "127.0.0.1", self.job.port
            )
            slots.append(slot)
        return slots

    async def play(self) -> Outcome:
        slots = await self.connect()
        loop = asyncio.get_running_loop()
        busy_before = cpu_seconds()
        began = now_us()
        self.ended_at = began
        for slot in slots:
            loop.call_later(slot.number * self.job.stagger_ms / 1000, slot.send)
        try:
            async with asyncio.timeout(self.job.timeout):
                await asyncio.gather(*(slot.done for slot in slots))
                seconds = (self.ended_at - began) / 1e6
                busy = cpu_seconds() - busy_before
                await asyncio.sleep(self.job.hold)
            problem, answers = check(self.job, slots)
        except (BrokenStreamError, TimeoutError) as error:
            seconds = (now_us() - began) / 1e6
            busy = cpu_seconds() - busy_before
            problem, answers = f"{type(error).__name__}: {error} {excerpt(slots)}", []
        for slot in slots:
            slot.done.cancel()
            slot.transport.abort()
        await asyncio.sleep(0)
        return outcome(slots, problem, answers, seconds, busy / max(seconds, 1e-6))


def excerpt(slots: list[Slot]) -> str:
    """What the first unhappy answer said, for the person who reads the failure."""
    for slot in slots:
        if slot.done.done() and not slot.done.cancelled() and slot.done.exception():
            return b"".join(slot.body)[:300].decode(errors="replace")
    return f"({sum(not slot.done.done() for slot in slots)} of {len(slots)} unfinished)"


def check(job: Job, slots: list[Slot]) -> tuple[str, list[Answer]]:
    """Every body of every slot, in full."""
    answers = []
    for slot in slots:
        for body in slot.bodies:
            try:
                if not job.until:
                    answers.append(read_answer(job.wire, b"".join(body), job.tokens))
            except BrokenStreamError as error:
                return f"stream {slot.number}: {error}", []
    return "", answers


def outcome(
    slots: list[Slot], problem: str, answers: list[Answer], seconds: float, cpu_share: float
) -> Outcome:
    delays = [float(delay) for slot in slots for delay in slot.delays]
    sample = asdict(answers[0]) if answers else {}
    return Outcome(
        problem=problem,
        requests=sum(len(slot.total) for slot in slots),
        seconds=seconds,
        first=[first / 1000 for slot in slots for first in slot.first],
        total=[total / 1000 for slot in slots for total in slot.total],
        tokens=sum(slot.tokens for slot in slots),
        delay_p50=quantile(delays, 0.5) / 1000,
        delay_p99=quantile(delays, 0.99) / 1000,
        bytes=sum(len(piece) for slot in slots for body in slot.bodies for piece in body),
        cpu_share=cpu_share,
        sample={name: str(value) for name, value in sample.items()},
    )


def cpu_seconds() -> float:
    used = resource.getrusage(resource.RUSAGE_SELF)
    return used.ru_utime + used.ru_stime


async def serve() -> None:
    loop = asyncio.get_running_loop()
    while line := await loop.run_in_executor(None, sys.stdin.buffer.readline):
        gc.collect()
        gc.disable()
        result = await Run(Job(**orjson.loads(line))).play()
        gc.enable()
        sys.stdout.buffer.write(orjson.dumps(asdict(result)) + b"\n")
        sys.stdout.buffer.flush()


if __name__ == "__main__":
    uvloop.run(serve())

"""The rows about pages: conversation list, a long conversation, search, models, static files."""

import re
from pathlib import Path
from statistics import median
from urllib.parse import quote

from tests.bench.jobs import Job
from tests.bench.parlor import Parlor
from tests.bench.processes import BenchError, LoadClient
from tests.bench.report import Report
from tests.bench.seed import BIG, common_word, rare_word
from tests.bench.wire import quantile

LIST = "/api/conversations?limit=50"
MODELS = "/api/models?search=model&tools_only=true"
ASSET = re.compile(r'(?:src|href)="(/?[\w./-]+\.(?:js|css))"')


def compare(report: Report, client: LoadClient, ours: Job, other: Job) -> tuple[float, float]:
    """Medians of the rounds' medians, interleaved, the first round discarded."""
    pairs = [
        (median(client.run(ours).total), median(client.run(other).total))
        for _ in range(report.rounds + 1)
    ][1:]
    return median(one for one, _ in pairs), median(two for _, two in pairs)


def bare_job(client_port: int, pages: Path, name: str, content: bytes, repeat: int) -> Job:
    (pages / name).write_bytes(content)
    return Job(port=client_port, method="GET", path=f"/page/{name}", repeat=repeat)


def lists(report: Report, client: LoadClient, parlor: Parlor, bare: int, pages: Path) -> None:
    content = parlor.call("GET", LIST)[1]
    other = bare_job(bare, pages, "list", content, 60)
    ours, base = compare(report, client, parlor.get(LIST, repeat=60), other)
    size = f"{len(content) / 1000:.0f} kB"
    report.add("list.time", ours, f"bare {base:.2f} ms, {size}")
    report.add("list.bare", ours - 1.5 * base, f"{ours:.2f} ms; bare {base:.2f} ms")
    path = f"/api/conversations/{BIG}"
    content = parlor.call("GET", path)[1]
    other = bare_job(bare, pages, "open", content, 10)
    ours, base = compare(report, client, parlor.get(path, repeat=10), other)
    report.add("open.time", ours, f"bare {base:.2f} ms, {len(content) / 1e6:.1f} MB")


def models(report: Report, client: LoadClient, parlor: Parlor, bare: int, pages: Path) -> None:
    content = parlor.call("GET", MODELS)[1]
    other = bare_job(bare, pages, "models", content, 40)
    ours, base = compare(report, client, parlor.get(MODELS, repeat=40), other)
    report.add("models.time", ours, f"bare {base:.2f} ms, {len(content) / 1000:.0f} kB")


def search(report: Report, client: LoadClient, parlor: Parlor) -> None:
    """Common and rare words, two words, an unfinished word, nothing found."""
    queries = [
        common_word(0),
        common_word(3),
        rare_word(5),
        f"{common_word(1)} {common_word(2)}",
        f"{common_word(4)} {rare_word(9)}",
        common_word(0)[:3],
        rare_word(7)[:4],
        "nowherefound",
    ]
    times: list[float] = []
    worst = ("", 0.0)
    for query in queries:
        job = parlor.get(f"{LIST}&q={quote(query)}", repeat=6)
        found = client.run(job).total[1:]
        times += found
        worst = max(worst, (query, median(found)), key=lambda pair: pair[1])
    report.add(
        "search.p95",
        quantile(times, 0.95),
        f"p50 {median(times):.1f} ms, worst '{worst[0]}' {worst[1]:.1f} ms",
    )


def asset_of(parlor: Parlor) -> str:
    """A script or style that the chat page names, a hashed one where there is one."""
    page = parlor.call("GET", "/")[1].decode()
    found = sorted(ASSET.findall(page), key=lambda path: "/assets/" not in path)
    if not found:
        raise BenchError("the page names no script: the front end is not built")
    return "/" + found[0].lstrip("./")


def static(report: Report, client: LoadClient, parlor: Parlor, bare: int) -> None:
    asset = asset_of(parlor)
    shape = {"slots": 16, "repeat": 60, "method": "GET"}
    headers = {"accept-encoding": "gzip, deflate, br"}
    ours = Job(port=parlor.port, path=asset, headers=headers, **shape)  # type: ignore[arg-type]  # a job by field names
    other = Job(port=bare, path=f"/static{asset}", headers=headers, **shape)  # type: ignore[arg-type]  # a job by field names
    pairs = [
        (client.run(ours).requests_per_second, client.run(other).requests_per_second)
        for _ in range(report.rounds + 1)
    ][1:]
    rate, base = median(one for one, _ in pairs), median(two for _, two in pairs)
    report.add("static.rate", rate / base, f"{rate:,.0f}/s; StaticFiles {base:,.0f}/s, {asset}")

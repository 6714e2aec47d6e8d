"""What reading documents costs: against plain layout extraction, over processes, again, and after a small change.

`python -m benchmarks.documents [--guide FILE]` prints a line per measurement and as its last line one JSON object. CPU
seconds are those of this process and of all child processes, without what starting a parser costs, which is told apart.
Sides that are compared take turns, document by document, and the least of a few rounds counts. Only numbers of one run
are compared with each other.

- `overhead_ratio`: CPU of our pages, hashed, checked and isolated, over CPU of the layout converter alone in one call.
- `two_process_speedup`: wall time over one process by wall time over two. On a machine with other work it says little;
  `two_process_cpu_ratio`, CPU over two by CPU over one, says what the second process costs.
- `rerun_speedup`: CPU of the first run by CPU of a second one over unchanged files, with everything read from the lake.
- `changed_page_ratio`: CPU of a document of 1,000 pages of which one is new, in units of that page's own document; both
  the fastest of three.
"""

import argparse
import hashlib
import json
import math
import resource
import sys
import tempfile
import time
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from assets.documents.extraction import Extracted, extract_many
from assets.documents.inspected import known_facts, remembering
from assets.documents.isolation import release_idle, run_isolated
from assets.documents.page_objects import object_hashes
from assets.documents.pages import KnownPages, page_rows
from assets.documents.parsing import Page, page_hashes
from assets.documents.readers import LAYOUT_READER
from benchmarks.made_documents import convert, generated, text_pages
from resources.lake.lake import Lake
from resources.lake.tables import MARKDOWN_PAGES, RAW_PDFS

GUIDE = Path(__file__).parents[2] / "shared" / "data" / "banking" / "better_banking_guide_en.pdf"
ROUNDS = 4
PAGES = 1000
CODE = {"code": "benchmark"}
_BATCH = "000001-benchmark"

Documents = Sequence[tuple[str, bytes]]


@dataclass(frozen=True)
class Cost:
    """CPU and wall seconds of something."""

    cpu: float
    wall: float


def main(arguments: list[str] | None = None) -> int:
    """The exit status, always 0."""
    parser = argparse.ArgumentParser(prog="benchmarks.documents", description="What reading documents costs.")
    parser.add_argument("--guide", type=Path, default=GUIDE, help="a real document to read besides; skipped if absent")
    guide: Path = parser.parse_args(arguments).guide
    documents = [("generated.pdf", generated(12))]
    if guide.is_file():
        documents.append((guide.name, guide.read_bytes()))
    told = {"start_cpu_s": round(started().cpu, 2), "documents": [name for name, _ in documents]}
    told |= first_and_second_run(documents)
    told |= changed_page()
    for name, value in told.items():
        print(f"{name.replace('_', ' ')}: {value}")
    print(json.dumps(told, sort_keys=True))
    return 0


def first_and_second_run(documents: Documents) -> dict[str, Any]:
    """Ours against plain conversion, one process against two, and the same files again."""
    plain, one = ({name: [] for name, _ in documents} for _ in range(2))
    two: list[Cost] = []
    for _ in range(ROUNDS):  # in turn, so that other work on the machine falls on all of them
        for name, data in documents:
            plain[name].append(measured(lambda data=data: run_isolated(convert, (data,), 600)))
            one[name].append(measured(lambda name=name, data=data: list(extract_many([(name, data)], {}, 1))))
        two.append(measured(lambda: list(extract_many(documents, {}, 2)), starts=2))
    results = list(extract_many(documents, {}))
    count = sum(len(result.pages) for result in results)
    with tempfile.TemporaryDirectory() as folder:
        again = rerun(Lake(folder), documents, results)
    converting, ours, shared = fastest(plain.values()), fastest(one.values()), fastest([two])
    return {
        "pages": count,
        "plain_pages_per_cpu_s": round(count / converting.cpu, 2),
        "pages_per_cpu_s": round(count / ours.cpu, 2),
        "overhead_ratio": round(ours.cpu / converting.cpu, 3),
        "two_process_speedup": round(ours.wall / shared.wall, 2),
        "two_process_cpu_ratio": round(shared.cpu / ours.cpu, 3),
        "rerun_ms": round(1000 * again.cpu, 1),
        "rerun_speedup": round(ours.cpu / again.cpu),
    }


def fastest(costs: Iterable[Sequence[Cost]]) -> Cost:
    """The sum over several works, each by the least of its rounds: what is more is other work on the machine."""
    found = list(costs)
    return Cost(*(sum(min(getattr(one, side) for one in rounds) for rounds in found) for side in ("cpu", "wall")))


def rerun(lake: Lake, documents: Documents, results: Sequence[Extracted]) -> Cost:
    """Both stages over files that the lake knows, from reading what is known to the rows."""
    rows = []
    for (name, data), result in zip(documents, results, strict=True):
        version = lake.put_blob(data)
        row: dict[str, Any] = {"document_id": name, "version": version, "uri": name, "title": f"About {name}"}
        row |= {"bytes": len(data), "page_count": len(result.pages), "status": "ok", "error": None, "tombstone": False}
        rows.append(row)
    pages = [page for row, result in zip(rows, results, strict=True) for page in page_rows(row, result)]
    for table, content in ((RAW_PDFS, rows), (MARKDOWN_PAGES, pages)):
        lake.write(table, content, _BATCH)
        lake.put_fingerprint(table.name, _BATCH, CODE)

    def again() -> None:
        facts = known_facts(lake, CODE)
        inspect = remembering(LAYOUT_READER.inspect(), facts)
        for row in rows:
            inspect(lake.get_blob(row["version"]), row["uri"])
        known = KnownPages(lake, CODE)
        sources = ((row["uri"], lake.get_blob(row["version"])) for row in rows)
        found = list(extract_many(sources, known, inspect=inspect, versions=known.versions))
        assert [page for row, one in zip(rows, found, strict=True) for page in page_rows(row, one)] == pages

    return min((measured(again, starts=0) for _ in range(5)), key=lambda cost: cost.cpu)


def changed_page() -> dict[str, Any]:
    """A document of many pages that are known but for one, against that page as a document of its own."""
    before, after = text_pages(PAGES), text_pages(PAGES, changed=PAGES // 2)
    hashes = run_isolated(page_hashes, (before,), 600)
    objects = dict(zip(run_isolated(object_hashes, (before,), 600), hashes, strict=True))
    known: Mapping[str, Page] = {
        page_sha: Page(0, "", "layout", page_sha, (), 1.0, 1.0, 1.0, 1.0) for page_sha in hashes
    }
    facts = {hashlib.sha256(after).hexdigest(): LAYOUT_READER.inspect()(after, "long.pdf")}
    inspect = remembering(LAYOUT_READER.inspect(), facts)  # the stage before has looked into it
    results: list[Extracted] = []

    def again() -> None:
        results.extend(extract_many([("long.pdf", after)], known, 1, inspect=inspect, objects=objects))

    whole = min((measured(again) for _ in range(3)), key=lambda cost: cost.cpu)
    assert (results[0].parsed, results[0].reused) == (1, PAGES - 1)
    alone = text_pages(1, changed=0)
    one = min(
        (measured(lambda: list(extract_many([("one.pdf", alone)], {}, 1))) for _ in range(3)), key=lambda cost: cost.cpu
    )
    return {
        "one_page_cpu_s": round(one.cpu, 3),
        "changed_page_cpu_s": round(whole.cpu, 3),
        "changed_page_ratio": round(whole.cpu / one.cpu, 2),
        "changed_page_share_of_a_full_run": round(whole.cpu / (PAGES * one.cpu), 4),
    }


def measured(work: Callable[[], object], starts: int = 1) -> Cost:
    """What the work costs with that many warm parsers."""
    release_idle()
    cpu, wall = _cpu(), time.perf_counter()
    work()
    wall = time.perf_counter() - wall
    release_idle()  # only what has ended is counted
    return Cost(_cpu() - cpu - starts * started().cpu, wall - bool(starts) * started().wall)


_START: list[Cost] = []


def started() -> Cost:
    """What starting a parser process costs, measured once."""
    if not _START:
        costs = []
        for _ in range(3):
            release_idle()
            cpu, wall = _cpu(), time.perf_counter()
            run_isolated(math.sqrt, (4,), 120)
            wall = time.perf_counter() - wall
            release_idle()
            costs.append(Cost(_cpu() - cpu, wall))
        _START.append(min(costs, key=lambda cost: cost.cpu))
    return _START[0]


def _cpu() -> float:
    """CPU seconds of this process and of all that it has waited for."""
    usages = (resource.getrusage(who) for who in (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN))
    return sum(usage.ru_utime + usage.ru_stime for usage in usages)


if __name__ == "__main__":
    sys.exit(main())

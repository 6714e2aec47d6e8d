"""What 10,000 documents in 100 batches cost those who only look: the scan, the sensors, the plan, the SQL of the corpus.

`python -m benchmarks.corpus [--batches 100] [--documents 100]` prints figures at a tenth, a fifth and all of the
batches, and as its last line one JSON object. Documents arrive batch by batch and are scanned as usual; the tables
that ingestion would write are generated. Each checkpoint is measured in a process of its own. Only numbers of one run
are compared with each other.
"""

import argparse
import json
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import dagster as dg

from assets.documents.pages import KnownPages
from benchmarks.corpus_rows import write_batch
from dbt_like_sql.engine import Source, query
from dbt_like_sql.project import load_models
from orchestration.catalog import asset_specs
from orchestration.home import open_instance
from orchestration.planning import plan_refresh
from orchestration.sensors import build_sensors
from orchestration.settings import Settings
from orchestration.state import read_state
from orchestration.wiring import build_resources
from resources.lake.tables import BATCHED, CORPUS, MARKDOWN_PAGES

REPEATS, SPENT_SECONDS = 3, 3.0
TICK_SECONDS = ("document_sensor_seconds", "refresh_sensor_seconds")


def settings_of(folder: Path) -> Settings:
    """The settings of the benchmark's home."""
    return Settings(root=folder, home=folder / "home")


def grow(settings: Settings, batches: int, documents: int) -> None:
    """Documents arrive, are scanned and, as far as the lake can tell, ingested until there are so many batches."""
    resources = build_resources(settings)
    lake, corpus = resources["lake"].open(), resources["corpus"]
    source = settings.home_folder / "documents"
    source.mkdir(parents=True, exist_ok=True)
    known = len(corpus.manifests().load())
    for number in range(known, batches):
        for one in range(number * documents, (number + 1) * documents):
            (source / f"{one:06d}.pdf").write_bytes(f"document {one}".encode())
        [manifest] = corpus.scan(documents)
        write_batch(lake, manifest)
    state = read_state(asset_specs(settings), resources)
    for (asset, partition), known_state in state.assets.items():
        if asset in BATCHED and known_state.made is None:
            lake.put_fingerprint(asset, partition, dict(known_state.wanted))


def measure(settings: Settings, documents: int) -> dict[str, float]:
    """The figures of a home as it is, in the order in which a daemon and then a rebuild would cause them."""
    resources = build_resources(settings)
    lake, specs = resources["lake"].open(), asset_specs(settings)
    before = resident("VmRSS")
    found: dict[str, float] = {"plan_seconds": fastest(lambda: resources["corpus"].pending(documents))}
    with open_instance(settings) as instance:
        for sensor in build_sensors(settings):
            seconds = fastest(lambda sensor=sensor: sensor(dg.build_sensor_context(instance=instance)))
            found[f"{sensor.name}_seconds"] = seconds
    found["refresh_plan_seconds"] = fastest(lambda: plan_refresh(read_state(specs, resources)))
    made_from = lake.fingerprint(MARKDOWN_PAGES.name, lake.partitions(MARKDOWN_PAGES)[0]) or {}
    found["known_pages_seconds"] = fastest(lambda: KnownPages(lake, made_from))
    found["known_pages"] = len(KnownPages(lake, made_from))
    found["watching_mb"] = resident("VmHWM") - before
    found["watching_peak_mb"] = resident("VmHWM")
    models = {model.name: model for model in load_models()}
    tables = {name: model.table for name, model in models.items()}
    complete = query(models["complete_batches"].file, Source(lake, tables))
    lake.write(tables["complete_batches"], complete)
    before = resident("VmRSS")
    rows = query(models["corpus"].file, Source(lake, tables))
    found["corpus_sql_mb"] = resident("VmHWM") - before
    lake.write(CORPUS, rows)
    found["corpus_mb"] = rows.nbytes / 1024**2
    found["corpus_peak_mb"] = resident("VmHWM") - before
    found["rebuilding_peak_mb"] = resident("VmHWM")
    found["chunks"] = rows.num_rows
    found["batches"] = complete.num_rows
    found["corpus_sql_seconds"] = fastest(lambda: query(models["corpus"].file, Source(lake, tables)))
    found["corpus_write_seconds"] = fastest(lambda: lake.write(CORPUS, rows))
    return found


def fastest(work: Callable[[], Any]) -> float:
    """Seconds of the fastest of some runs: the others were disturbed. Short work is repeated more often."""
    seconds: list[float] = []
    while len(seconds) < REPEATS or sum(seconds) < SPENT_SECONDS:
        started = time.perf_counter()
        work()
        seconds.append(time.perf_counter() - started)
    return min(seconds)


def resident(name: str) -> float:
    """Megabytes of this process's memory: VmRSS now, or VmHWM at its highest."""
    line = next(line for line in Path("/proc/self/status").read_text().splitlines() if line.startswith(f"{name}:"))
    return int(line.split()[1]) / 1024


def summary(found: dict[int, dict[str, float]]) -> dict[str, float]:
    """The keys that are watched: seconds at the end, and how seconds per batch and memory grew on the way.

    A ratio of 1 means that a batch costs among many what it costs among few, and that memory is flat. `rss_ratio` is
    about whoever looks on or ingests; a rebuild of the corpus holds the corpus, so its memory grows with it.
    """
    first, middle, last = (found[count] for count in sorted(found))
    share = last["batches"] / first["batches"]
    tick = [sum(one[name] for name in TICK_SECONDS) for one in (first, last)]
    return {
        "plan_seconds": round(last["plan_seconds"], 3),
        "corpus_sql_seconds": round(last["corpus_sql_seconds"], 3),
        "tick_seconds": round(tick[1], 3),
        "rss_ratio": round(last["watching_peak_mb"] / middle["watching_peak_mb"], 3),
        "rebuild_rss_ratio": round(last["rebuilding_peak_mb"] / middle["rebuilding_peak_mb"], 3),
        "tick_ratio": round(tick[1] / tick[0] / share, 3),
        "plan_ratio": round(last["plan_seconds"] / first["plan_seconds"] / share, 3),
        "corpus_sql_ratio": round(last["corpus_sql_seconds"] / first["corpus_sql_seconds"] / share, 3),
    }


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--batches", type=int, default=100)
    parser.add_argument("--documents", type=int, default=100, help="documents in a batch")
    parser.add_argument("--folder", type=Path, help="measure the home that lies here instead of growing one")
    asked = parser.parse_args()
    if asked.folder:
        print(json.dumps(measure(settings_of(asked.folder), asked.documents)))
        return
    found = {}
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        for batches in (asked.batches // 10, asked.batches // 5, asked.batches):
            grow(settings_of(folder), batches, asked.documents)
            command = [sys.executable, "-m", "benchmarks.corpus", "--folder", name, "--documents", str(asked.documents)]
            done = subprocess.run(command, stdout=subprocess.PIPE, text=True, check=True)
            found[batches] = json.loads(done.stdout.splitlines()[-1])
    for figure in next(iter(found.values())):
        print(f"{figure:28}" + "".join(f"{one[figure]:>12.3f}" for one in found.values()))
    print(json.dumps(summary(found)))


if __name__ == "__main__":
    main()

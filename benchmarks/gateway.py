"""How close the gateway comes to what latency and quota allow, against the emulator in a process of its own.

`python -m benchmarks.gateway [--minutes 3]` prints ratios, and as its last line one JSON object. The emulator is not a
real model; what is measured is the way to it. Only numbers of one run are compared with each other.
"""

import argparse
import asyncio
import json
import os
import subprocess
import sys
import tempfile
import time
import urllib.request
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from benchmarks.gateway_load import ledger_seconds_per_call, memory_per_call
from resources.llm.gateway import Gateway, Lane
from resources.llm.ledger import Ledger
from resources.llm.prices import Price
from resources.llm.providers import chat_provider
from resources.llm.request import Completion, Request, chat
from resources.llm.roles import Limits, Role

EMULATOR = Path(__file__).resolve().parent.parent / "tests" / "emulators" / "azure_openai"
KEY = "emulator-key"
CHUNKS, QUESTIONS, LATENCY, CONCURRENCY = 40, 3, 0.5, 32
IDEAL_SECONDS = CHUNKS * (1 + QUESTIONS) * LATENCY / CONCURRENCY
TOKENS_PER_MINUTE = 120_000
PARAMETERS = (("max_tokens", 400),)
CALLERS = 64
PIPELINES = 3


class Emulator:
    """The emulator's address, and what can be set and asked there."""

    def __init__(self, url: str):
        self.url = url

    def lane(self, deployment: str = "gpt-4o", **limits: int) -> Lane:
        """A lane to one of its deployments."""
        role = Role(
            provider="azure_openai",
            model="gpt-4o-2024-08-06",
            deployment=deployment,
            endpoint=self.url,
            limits=Limits(**limits),
        )
        return Lane("teacher", chat_provider("teacher", role), Price(), role.limits, deployment=deployment)

    def configure(self, **settings: object) -> None:
        """Forgets everything, then sets what is named."""
        self._call("reset", {})
        self._call("configure", settings)

    def ask(self, action: str) -> Any:
        return self._call(action)

    def _call(self, action: str, content: object = None) -> Any:
        data = None if content is None else json.dumps(content).encode()
        with urllib.request.urlopen(urllib.request.Request(f"{self.url}/__emulator/{action}", data)) as response:
            return json.load(response)


@contextmanager
def emulator() -> Iterator[Emulator]:
    """An emulator for the time of a block."""
    with subprocess.Popen([sys.executable, str(EMULATOR)], stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        try:
            yield Emulator(process.stdout.readline().removeprefix("listening on ").strip())
        finally:
            process.terminate()


def request(lane: Lane, text: str) -> Request:
    system = "Answer from the text between the tags."
    return Request("teacher", lane.provider.identity, chat(system, text), parameters=PARAMETERS)


def chunk_text(number: int) -> str:
    facts = " ".join(f"The fee for service {number}-{line} is ${line}.50 per month." for line in range(20))
    return f"<TITLE>Guide</TITLE>\n<SECTION>Fees</SECTION>\n<CHUNK>\n{facts}\n</CHUNK>"


def ask_for(number: int, question: int) -> str:
    return f"{chunk_text(number)}\n<QUESTION>What is the fee for service {number}-{question}?</QUESTION>"


@dataclass(frozen=True)
class Pipeline:
    """One run of the pipeline: seconds on the wall, and of this process's own work."""

    wall: float
    work: float


def pipelines(server: Emulator, folder: str) -> list[Pipeline]:
    """The pipeline several times, each with an empty ledger: on shared cores, what else runs there is measured too."""
    done = []
    for number in range(PIPELINES):
        ledger = Ledger(f"sqlite:///{folder}/pipeline{number}.db")
        server.configure(latency=LATENCY, validate=False)
        before = time.process_time()
        wall = pipeline_seconds(server, ledger)
        done.append(Pipeline(wall, time.process_time() - before))
        ledger.close()
    return done


def pipeline_seconds(server: Emulator, ledger: Ledger) -> float:
    """Questions of every chunk, and the answers to each chunk's questions as soon as these are there."""
    lane, gateway = server.lane(concurrency=CONCURRENCY), Gateway(ledger)

    async def chunk(number: int) -> list[Completion]:
        await gateway.ask(lane, request(lane, f"{chunk_text(number)}\n<COUNT>{QUESTIONS}</COUNT>"))
        asked = (request(lane, ask_for(number, question)) for question in range(QUESTIONS))
        return await asyncio.gather(*(gateway.ask(lane, one) for one in asked))

    async def work() -> list[list[Completion]]:
        return await asyncio.gather(*(chunk(number) for number in range(CHUNKS)))

    started = time.perf_counter()
    answers = gateway.run(work)
    seconds = time.perf_counter() - started
    assert all(answer.usable for row in answers for answer in row)
    assert gateway.usage.calls == CHUNKS * (1 + QUESTIONS)
    return seconds


def naive_seconds(server: Emulator) -> float:
    """The same with a pool of as many threads, each with one chunk at a time, as generation scripts do it."""
    import openai

    client = openai.OpenAI(base_url=f"{server.url}/openai/v1/", api_key=KEY, max_retries=0)

    def call(text: str) -> None:
        client.chat.completions.create(model="gpt-4o", messages=[{"role": "user", "content": text}], max_tokens=400)

    def chunk(number: int) -> None:
        call(f"{chunk_text(number)}\n<COUNT>{QUESTIONS}</COUNT>")
        for question in range(QUESTIONS):
            call(ask_for(number, question))

    started = time.perf_counter()
    with ThreadPoolExecutor(CONCURRENCY) as pool:
        list(pool.map(chunk, range(CHUNKS)))
    return time.perf_counter() - started


def quota(server: Emulator, ledger: Ledger, minutes: int, counts: str) -> tuple[float, int]:
    """The share of the quota that the minutes after the first used, and the refusals in them."""
    server.configure(
        latency=0.2,
        validate=False,
        quota_counts=counts,
        deployments={f"counts-{counts}": {"model": "gpt-4o-2024-08-06", "tokens_per_minute": TOKENS_PER_MINUTE}},
    )
    lane, gateway = server.lane(f"counts-{counts}", tokens_per_minute=TOKENS_PER_MINUTE), Gateway(ledger)
    early: list[int] = []

    async def caller(number: int) -> None:
        for count in range(10**6):
            await gateway.ask(lane, request(lane, ask_for(number, 0) + f"<COUNT>{counts} {count}</COUNT>"))

    async def work() -> None:
        callers = [asyncio.create_task(caller(number)) for number in range(CALLERS)]
        await asyncio.sleep(59)
        early.append(_refusals(await asyncio.to_thread(server.ask, "served")))
        await asyncio.wait(callers, timeout=60 * minutes - 57)
        for one in callers:
            one.cancel()

    gateway.run(work)
    steady = server.ask("stats")["windows"][f"counts-{counts}"][1:minutes]
    refusals = _refusals(server.ask("served")) - early[0]
    return sum(steady) / len(steady) / TOKENS_PER_MINUTE, refusals


def _refusals(served: list[dict[str, Any]]) -> int:
    return sum(exchange["status"] == 429 for exchange in served)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument(
        "--minutes", type=int, default=3, help="minutes of calls at the quota, for each way to count it"
    )
    minutes = max(2, parser.parse_args().minutes)
    os.environ["AZURE_OPENAI_API_KEY"] = KEY
    with tempfile.TemporaryDirectory() as folder, emulator() as server:
        ledger = Ledger(f"sqlite:///{folder}/ledger.db")
        # What is loaded by the first call is no part of the comparison.
        Gateway(ledger).complete(server.lane(), [request(server.lane(), "warm-up")])
        server.configure(latency=LATENCY, validate=False)
        naive = naive_seconds(server)
        runs = pipelines(server, folder)
        wall, work = min(run.wall for run in runs), min(run.work for run in runs) / (CHUNKS * (1 + QUESTIONS))
        print(f"pipeline: {wall:.2f} s, ideal {IDEAL_SECONDS:.2f} s, thread pool {naive:.2f} s")
        ratios = ", ".join(f"{run.wall / IDEAL_SECONDS:.3f}" for run in runs)
        print(f"wall over ideal: {ratios}; thread pool over ideal: {naive / IDEAL_SECONDS:.3f}")
        print(f"our own work: {work * 1e3:.2f} ms per call; load of the machine: {os.getloadavg()[0]:.1f}")
        per_call = ledger_seconds_per_call(Path(folder))
        print(f"ledger: {per_call * 1e3:.3f} ms per call")
        server.configure(latency=8.0, validate=False)
        memory = memory_per_call(server.url)
        print(f"memory: {memory.waiting:.0f} bytes per waiting call, {memory.on_the_wire:.0f} per call on the wire")
        used, late = {}, {}
        for counts in ("estimate", "actual"):
            used[counts], late[counts] = quota(server, ledger, minutes, counts)
            print(f"quota, the service counts the {counts}: {used[counts]:.3f} used, {late[counts]} refusals once warm")
        ledger.close()
    print(
        json.dumps(
            {
                "wall_over_ideal": round(wall / IDEAL_SECONDS, 4),
                "cpu_ms_per_call": round(work * 1e3, 3),
                "naive_over_ideal": round(naive / IDEAL_SECONDS, 4),
                "quota_used": round(min(used.values()), 4),
                "refused_after_warm_up": sum(late.values()),
                "memory_per_call_bytes": round(memory.waiting),
                "memory_per_call_on_the_wire_bytes": round(memory.on_the_wire),
                "ledger_ms_per_call": round(per_call * 1e3, 4),
            }
        )
    )


if __name__ == "__main__":
    main()

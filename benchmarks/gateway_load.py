"""What a call costs this process, whatever the model does: time in the ledger, and memory while ten thousand wait."""

import asyncio
import json
import os
import resource
import subprocess
import sys
import tempfile
import time
from dataclasses import dataclass
from pathlib import Path

from resources.llm.gateway import Gateway, Lane
from resources.llm.ledger import Entry, Ledger
from resources.llm.prices import Price
from resources.llm.providers import chat_provider
from resources.llm.request import Completion, Message, ModelIdentity, Request, chat
from resources.llm.roles import Limits, Role
from resources.llm.writer import LedgerThread

CALLS = 10_000
WIRE = 500
"""Connections at once: the HTTP client looks through all of them for each call, so that many more only wait on it."""

TEXT = "The fee for a cash withdrawal from a Harbour account is $5.00 per item. " * 14
"""About a thousand bytes: a small chunk."""


@dataclass(frozen=True)
class Memory:
    """Bytes per call beyond its text: while it waits in the gateway, and while it is on the wire."""

    waiting: float
    on_the_wire: float


def ledger_seconds_per_call(folder: Path) -> float:
    """Looking a request up, claiming it and recording its answer, 32 at a time."""
    ledger = Ledger(f"sqlite:///{folder}/overhead.db")
    identity = ModelIdentity("benchmark", "local", "none")
    requests = [Request("teacher", identity, (Message("user", f"{TEXT}{n}"),), sources=("v1",)) for n in range(5000)]

    async def work() -> float:
        thread, gate = LedgerThread(ledger), asyncio.Semaphore(32)

        async def one(request: Request) -> None:
            async with gate:
                await thread.look(request)
                await thread.record([Entry(request, Completion(TEXT, "stop", 200, 200), 0.0)])

        started = time.perf_counter()
        await asyncio.gather(*(one(request) for request in requests))
        seconds = time.perf_counter() - started
        thread.close()
        return seconds

    seconds = asyncio.run(work())
    ledger.close()
    return seconds / len(requests)


def memory_per_call(url: str) -> Memory:
    """Measured in fresh processes, as growth of the memory that they hold."""
    return Memory(_measured(url, CALLS, 32), _measured(url, WIRE, WIRE))


def _measured(url: str, calls: int, concurrency: int) -> float:
    command = [sys.executable, "-m", "benchmarks.gateway_load", url, str(calls), str(concurrency)]
    return json.loads(subprocess.run(command, check=True, capture_output=True, text=True).stdout.splitlines()[-1])


def _memory() -> int:
    """Bytes that this process holds now."""
    return int(Path("/proc/self/statm").read_text().split()[1]) * resource.getpagesize()


def _measure(url: str, calls: int, concurrency: int) -> float:
    """All calls asked for at once. Those that wait while few are on the wire are given up after some seconds."""
    role = Role(provider="azure_openai", model="gpt-4o-2024-08-06", deployment="gpt-4o", endpoint=url)
    lane = Lane("teacher", chat_provider("teacher", role), Price(), Limits(concurrency=concurrency))
    identity = lane.provider.identity
    requests = [Request("teacher", identity, chat("Answer.", f"{TEXT}{n}")) for n in range(calls)]
    for request in requests:
        assert request.key
    with tempfile.TemporaryDirectory() as folder:
        ledger = Ledger(f"sqlite:///{folder}/ledger.db")
        Gateway(ledger).complete(lane, [Request("teacher", identity, chat("", f"warm-up {n}")) for n in range(32)])
        before = _memory()
        gateway = Gateway(ledger)

        async def work() -> float:
            asked = [asyncio.create_task(gateway.ask(lane, request)) for request in requests]
            # The service takes longer: by then every call is in the queue or on the wire.
            await asyncio.wait(asked, timeout=4)
            held = _memory()
            for task in asked:
                task.cancel()
            return (held - before) / calls

        growth = gateway.run(work)
        ledger.close()
    return growth


if __name__ == "__main__":
    hard = resource.getrlimit(resource.RLIMIT_NOFILE)[1]
    resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))
    os.environ.setdefault("AZURE_OPENAI_API_KEY", "emulator-key")
    print(json.dumps(_measure(sys.argv[1], int(sys.argv[2]), int(sys.argv[3]))))

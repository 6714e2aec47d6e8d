"""A client of a gateway for the tests of crashes: `python crash_client.py`, then a line of JSON per client to start.

It loads everything once and forks a child for each line, so that a child starts at once and can be killed at any moment.
A child puts the same numbered requests to a slow service, which writes down every call before and after it. The line
names `url`, `log`, `requests`, `concurrency`, `seed`, `texts` (lists to embed at the same time, instead of requests) and, if wanted, `kill_at` or `interrupt_at` (calls that the child has
started by then) or `file_limit` (bytes). A child that takes a minute is ended. When a child ends, a line of JSON says how.
"""

import asyncio
import json
import os
import random
import resource
import signal
import sys
import time
from collections.abc import Sequence
from pathlib import Path

import numpy as np

from resources.errors import RaftlineError
from resources.llm.gateway import EmbeddingLane, Gateway, Lane
from resources.llm.ledger import Ledger
from resources.llm.prices import Price
from resources.llm.provider import Embedded
from resources.llm.request import Completion, Message, ModelIdentity, Request
from resources.llm.roles import Limits

IDENTITY = ModelIdentity("test", "local", "slow-1")


class SlowService:
    """Answers after some milliseconds, and appends `start KEY` and `done KEY` to its log."""

    identity = IDENTITY

    def __init__(self, log: Path, seed: int):
        self._log = os.open(log, os.O_WRONLY | os.O_APPEND | os.O_CREAT)
        self._chance = random.Random(seed)

    async def complete(self, request: Request) -> Completion:
        self._write("start", request)
        await asyncio.sleep(self._chance.uniform(0.002, 0.02))
        self._write("done", request)
        return Completion(f"echo: {request.user_text} " + "x" * 2000, "stop", 10, 5)

    async def close(self) -> None:
        """Holds nothing."""

    def _write(self, what: str, request: Request) -> None:
        self._note(what, request.user_text)

    def _note(self, what: str, text: str) -> None:
        os.write(self._log, f"{os.getpid()} {what} {text}\n".encode())


class SlowEmbedder(SlowService):
    """A vector per text, with `start TEXT` and `done TEXT` in the log."""

    async def embed(self, texts: Sequence[str]) -> Embedded:
        for text in texts:
            self._note("start", text)
        await asyncio.sleep(self._chance.uniform(0.002, 0.02))
        for text in texts:
            self._note("done", text)
        return Embedded(tuple(np.array([float(text), 1.0], dtype=np.float32) for text in texts), len(texts))


def main() -> None:
    children: dict[int, dict] = {}
    for line in sys.stdin:
        task = json.loads(line)
        for one in task if isinstance(task, list) else [task]:
            child = os.fork()
            if not child:
                os._exit(client(one))
            children[child] = one
            for name, number in (("kill_at", signal.SIGKILL), ("interrupt_at", signal.SIGINT)):
                if name in one:
                    wait_for(Path(one["log"]), f"{child} start ", one[name])
                    os.kill(child, number)
        for child in list(children):
            _, status = os.waitpid(child, 0)
            del children[child]
            print(json.dumps({"process": child, "status": os.waitstatus_to_exitcode(status)}), flush=True)


def wait_for(log: Path, line: str, count: int) -> None:
    """Waits until a log holds so many of a line."""
    deadline = time.monotonic() + 30
    while time.monotonic() < deadline:
        if log.exists() and log.read_text(encoding="utf-8").count(line) >= count:
            return
        time.sleep(0.002)


def client(task: dict) -> int:
    if "file_limit" in task:
        resource.setrlimit(resource.RLIMIT_FSIZE, (task["file_limit"],) * 2)
    signal.signal(signal.SIGINT, signal.default_int_handler)
    signal.alarm(60)
    if "texts" in task:
        return embed(task)
    service = SlowService(Path(task["log"]), task["seed"])
    requests = [Request("teacher", IDENTITY, (Message("user", str(n)),)) for n in range(task["requests"])]
    try:
        ledger = Ledger(task["url"])
        answers = Gateway(ledger).complete(
            Lane("teacher", service, Price(), Limits(concurrency=task["concurrency"])), requests
        )
    except RaftlineError as error:
        Path(task["log"] + ".error").write_text(f"{type(error).__name__}: {error}", encoding="utf-8")
        return 3
    except KeyboardInterrupt:
        return 4
    return 0 if all(a.text.startswith(f"echo: {n} ") for n, a in enumerate(answers)) else 5


def embed(task: dict) -> int:
    """Embeds lists of numbers at the same time."""
    lane = EmbeddingLane(SlowEmbedder(Path(task["log"]), task["seed"]), Price(), Limits(tokens_per_minute=200))
    gateway = Gateway(Ledger(task["url"]))

    async def work() -> list[list[np.ndarray]]:
        return await asyncio.gather(*(gateway.vectors(lane, list(map(str, numbers))) for numbers in task["texts"]))

    found = gateway.run(work)
    return 0 if [[vector[0] for vector in vectors] for vectors in found] == task["texts"] else 5


if __name__ == "__main__":
    main()

"""The batch lane: a stage's requests collected, sent through the Batch API at its lower price, and awaited for a while.

Requests are collected until none came for a moment, then become one batch (or several, within the service's limits). A
stage waits for its batches so long; then it ends with `BatchPending`, and the next run collects what is ready by then.
What a batch did not answer (it expired, was cancelled, or a line failed in passing) is submitted again.

Nothing is paid twice: a batch is written down before it is submitted and looked for at the service before it is submitted
again, so a process may die at any moment.
"""

import asyncio
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from resources.errors import RaftlineError
from resources.llm.batch_api import FINAL, BatchService, BatchState, files_of
from resources.llm.batch_store import BatchStore, Submission
from resources.llm.lanes import Lane
from resources.llm.provider import CallError, Misconfigured, RateLimited, Refused, Unavailable
from resources.llm.request import Completion, Request

QUIET_SECONDS = 1.0
"""How long no request may come before those that came are submitted."""

POLL_SECONDS = (2.0, 60.0)
"""Seconds until a batch is asked for again: at first, and at most."""

LOOK_AGAIN_SECONDS = 30.0
"""How long a batch may exist without being listed."""

SUBMISSIONS = 5
"""Tries at submitting one file."""

MOST_ROUNDS = 3
"""How often a run submits what its batches did not answer."""


class BatchPending(RaftlineError):
    """A batch that is still at work when the run's patience ends. The next run collects it."""


@dataclass(frozen=True)
class BatchAnswer:
    """An answer and the batch that it came in."""

    completion: Completion
    batch_id: str


@dataclass
class BatchLane:
    """Answers requests through batches. For one event loop at a time.

    `direct` is the way of the calls that are not for a batch: repairs, which are few and late already.
    """

    direct: Lane
    service: BatchService
    store: BatchStore
    wait_seconds: float
    quiet_seconds: float = QUIET_SECONDS
    poll_seconds: tuple[float, float] = POLL_SECONDS
    look_again_seconds: float = LOOK_AGAIN_SECONDS
    _asked: dict[str, Request] = field(default_factory=dict)
    _futures: dict[str, asyncio.Future[BatchAnswer]] = field(default_factory=dict)
    _collector: asyncio.Task[None] | None = None
    _rounds: set[asyncio.Task[None]] = field(default_factory=set)
    _submitting: set[asyncio.Task[Submission]] = field(default_factory=set)
    _last: float = 0.0
    _loop: asyncio.AbstractEventLoop | None = None
    _deadline: float = 0.0

    @property
    def role(self) -> str:
        return self.direct.role

    async def ask(self, request: Request) -> BatchAnswer:
        """The answer to one request, once its batch brings it. Raises `BatchPending`, or a `CallError`."""
        loop = asyncio.get_running_loop()
        if self._loop is not loop:  # what a loop that was torn down left behind
            self._loop, self._collector = loop, None
            self._deadline = loop.time() + self.wait_seconds
            self._asked, self._futures, self._rounds, self._submitting = {}, {}, set(), set()
        future = self._futures.get(request.key)
        if future is None:
            future = self._futures[request.key] = loop.create_future()
            future.add_done_callback(lambda done: done.cancelled() or done.exception())  # seen, whoever still waits
            self._asked[request.key] = request
            self._last = loop.time()
            if self._collector is None or self._collector.done():
                self._collector = loop.create_task(self._collect())
        return await asyncio.shield(future)

    async def close(self) -> None:
        """Submits nothing more; what is being submitted is brought to its end."""
        tasks = [task for task in (self._collector, *self._rounds) if task]
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, *self._submitting, return_exceptions=True)
        self._loop = None

    async def _collect(self) -> None:
        loop = asyncio.get_running_loop()
        while (rest := self._last + self.quiet_seconds - loop.time()) > 0:
            await asyncio.sleep(rest)
        requests, self._asked = self._asked, {}
        started = loop.create_task(self._round(requests))
        self._rounds.add(started)
        started.add_done_callback(self._rounds.discard)

    async def _round(self, requests: dict[str, Request]) -> None:
        """Answers these requests. A failure is the failure of all that are not answered yet."""
        try:
            for _ in range(MOST_ROUNDS):
                await self._once(requests)
                if not requests:
                    return
            raise Unavailable(
                f"the Batch API left {len(requests)} requests of role {self.role} unanswered {MOST_ROUNDS} times over"
            )
        except Exception as error:
            for key in requests:
                self._resolve(key, error)

    async def _once(self, requests: dict[str, Request]) -> None:
        """One look at every batch that holds some of the requests, after submitting what no batch holds."""
        adopted = [await self._adopt(*held) for held in self.store.of_keys(sorted(requests)).items()]
        held = {key for batch, keys in adopted if batch for key in keys}
        batches = [(batch, keys) for batch, keys in adopted if batch]
        for part, content in files_of(self.service, [request for key, request in requests.items() if key not in held]):
            submitting = asyncio.create_task(self._submit(part, content))
            self._submitting.add(submitting)
            submitting.add_done_callback(self._submitting.discard)
            batches.append((await asyncio.shield(submitting), {request.key for request in part}))
        pending: list[str] = []
        for batch, keys in batches:
            state = await self._finished(batch)
            if state.status in FINAL:
                await self._harvest(batch, state, keys, requests)
            else:
                done = f" ({state.finished} of {state.total} done)" if state.total else ""
                pending.append(f"{state.batch_id}{done}")
        if pending:
            raise BatchPending(
                f"role {self.role}: {', '.join(pending)}: still at work at the service; run again later, and the answers "
                f"are collected. This run waited {self.wait_seconds:g} s (roles.{self.role}.batch_wait_seconds)"
            )

    async def _adopt(self, submission: Submission, keys: set[str]) -> tuple[Submission | None, set[str]]:
        """A batch of an earlier run. One that was planned but never named is looked for at the service."""
        if submission.batch_id:
            return submission, keys
        found = await self.service.find(submission.key_hash)
        if found is None:
            await asyncio.sleep(self.look_again_seconds)
            found = await self.service.find(submission.key_hash)
        if found is None:
            self.store.withdraw(submission, "never submitted")
            return None, keys
        return self.store.named(submission, found.batch_id, found.status), keys

    async def _submit(self, requests: Sequence[Request], content: bytes) -> Submission:
        """A new batch. After a failure that may have come too late, it is looked for before it is made again."""
        planned = self.store.plan([request.key for request in requests])
        attempt = 0
        while True:
            try:
                found = await self.service.find(planned.key_hash) if attempt else None
                state = found or await self.service.submit(planned.key_hash, content)
                return self.store.named(planned, state.batch_id, state.status)
            except (Misconfigured, Refused):
                self.store.withdraw(planned, "refused")
                raise
            except (RateLimited, Unavailable) as error:
                attempt += 1
                if attempt == SUBMISSIONS:
                    raise
                await asyncio.sleep(error.retry_after or self.poll_seconds[0] * 2**attempt)

    async def _finished(self, submission: Submission) -> BatchState:
        """The batch's last state within the run's patience, which all its batches share."""
        loop = asyncio.get_running_loop()
        pause, longest = self.poll_seconds
        while True:
            try:
                state = await self.service.state(submission.batch_id)
            except (RateLimited, Unavailable):
                state = BatchState(submission.batch_id, "unknown")
            rest = self._deadline - loop.time()
            if state.status in FINAL or rest <= 0:
                return state
            await asyncio.sleep(min(pause, rest))
            pause = min(pause * 1.5, longest)

    async def _harvest(
        self, submission: Submission, state: BatchState, keys: set[str], requests: dict[str, Request]
    ) -> None:
        """Hands out what a finished batch answered; lets the rest go, to be submitted again."""
        unanswered = set(keys)
        trouble: CallError | None = None
        for file_id in state.files:
            file = await self.service.results(file_id)
            for line in file.lines:
                key, outcome = self._outcome(line, file.headers, requests)
                if isinstance(outcome, Misconfigured):
                    trouble = outcome
                elif outcome is not None:
                    unanswered.discard(key)
                    del requests[key]
                    self._resolve(key, BatchAnswer(outcome, submission.batch_id))
        self.store.release(submission, unanswered)
        if trouble or (state.status == "failed" and not state.files):
            reason = (
                trouble or f"batch {state.batch_id} of role {self.role} failed: {state.reason or 'no reason given'}"
            )
            self.store.withdraw(submission, state.status)
            raise Misconfigured(str(reason))

    def _outcome(
        self, line: str, headers: Mapping[str, str], requests: Mapping[str, Request]
    ) -> tuple[str, Completion | Misconfigured | None]:
        """What one line says: an answer, a request that can never be answered, a misconfiguration, or nothing."""
        try:
            said = json.loads(line)
            key = said["custom_id"]
            response = said.get("response") or {}
            request = requests[key]
        except (ValueError, KeyError, TypeError, AttributeError):
            return "", None  # a torn line, or one that nobody asks for now
        body, status = response.get("body"), response.get("status_code") or 500
        try:
            if status == 200 and isinstance(body, dict):
                return key, self.service.answer(request, response, headers)
            raise self.service.fault(status, body or said.get("error"))
        except Refused as error:
            return key, Completion.failed(str(error))
        except Misconfigured as error:
            return key, error
        except CallError:
            return key, None

    def _resolve(self, key: str, outcome: BatchAnswer | Exception) -> None:
        future = self._futures.pop(key, None)
        if future is None or future.done():
            return
        if isinstance(outcome, BatchAnswer):
            future.set_result(outcome)
        else:
            future.set_exception(outcome)

"""The batch lane: collected, submitted once, awaited for a while, collected by a later run; never paid twice."""

import asyncio
import json
import random
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from typing import Any

import pytest

from resources.llm import batch as batch_module
from resources.llm import batch_api
from resources.llm.batch import BatchAnswer, BatchLane, BatchPending
from resources.llm.batch_api import BatchState, ResultFile
from resources.llm.batch_store import BatchStore
from resources.llm.lanes import Lane
from resources.llm.ledger import Ledger
from resources.llm.provider import CallError, Misconfigured, Refused, Unavailable
from resources.llm.request import Completion, ModelIdentity, Request, chat

MODEL = ModelIdentity("azure_openai", "host", "gpt-4o")


class NoProvider:
    """Nobody calls this model directly."""

    identity = MODEL

    async def complete(self, request: Request) -> Completion:
        raise AssertionError("called past the batch")

    async def close(self) -> None:
        pass


@dataclass
class Job:
    """A batch at the service."""

    key_hash: str
    lines: list[dict[str, Any]]
    state: BatchState


@dataclass
class Service:
    """A batch service in memory that remembers what it was given.

    `outcome` decides what each line becomes; `die` when a submission hangs until the process is gone, or fails.
    """

    polls: int = 1
    final: str = "completed"
    outcome: Callable[[dict[str, Any]], tuple[int, Any] | None] = lambda line: (200, {"text": f"re {line['text']}"})
    die: str = ""
    jobs: dict[str, Job] = field(default_factory=dict)

    def line(self, request: Request) -> dict[str, Any]:
        return {"custom_id": request.key, "text": request.user_text}

    def answer(self, request: Request, response: Mapping[str, Any], headers: Mapping[str, str]) -> Completion:
        return Completion(response["body"]["text"], "stop", 10, 5)

    def fault(self, status: int, body: Any) -> CallError:
        kind = {400: Refused, 401: Misconfigured}.get(status, Unavailable)
        return kind(str(body))

    async def submit(self, key_hash: str, content: bytes) -> BatchState:
        if self.die == "before":
            self.die = ""
            await asyncio.sleep(3600)
        lines = [json.loads(line) for line in content.splitlines()]
        state = BatchState(f"batch-{len(self.jobs)}", "validating", total=len(lines))
        self.jobs[state.batch_id] = Job(key_hash, lines, state)
        if self.die == "after":
            self.die = ""
            await asyncio.sleep(3600)
        if self.die == "500 after":
            self.die = ""
            raise Unavailable("the service failed after the effect")
        return state

    async def find(self, key_hash: str) -> BatchState | None:
        return next((job.state for job in self.jobs.values() if job.key_hash == key_hash), None)

    async def state(self, batch_id: str) -> BatchState:
        self.polls -= 1
        if self.polls > 0:
            return replace(self.jobs[batch_id].state, status="in_progress")
        return replace(self.jobs[batch_id].state, status=self.final, files=(batch_id,))

    async def results(self, file_id: str) -> ResultFile:
        lines = list(self.jobs[file_id].lines)
        random.Random(7).shuffle(lines)
        answered = [(line["custom_id"], self.outcome(line)) for line in lines]
        return ResultFile(
            tuple(
                json.dumps({"custom_id": key, "response": {"status_code": said[0], "body": said[1]}})
                for key, said in answered
                if said
            )
        )

    @property
    def submitted(self) -> list[list[str]]:
        return [sorted(line["text"] for line in job.lines) for job in self.jobs.values()]


@pytest.fixture
def lane(any_ledger: Ledger) -> Callable[..., BatchLane]:
    """A new process's lane on the same ledger."""

    def make(service: Service, wait: float = 5.0) -> BatchLane:
        return BatchLane(
            Lane("teacher", NoProvider()),
            service,
            BatchStore(any_ledger, "host", "gpt-4o"),
            wait,
            0.01,
            (0.001, 0.01),
            0.01,
        )

    return make


def requests(*texts: str) -> list[Request]:
    return [Request("teacher", MODEL, chat("system", text)) for text in texts]


def ask(lane: BatchLane, asked: list[Request]) -> list[BatchAnswer | BaseException]:
    async def work() -> list[BatchAnswer | BaseException]:
        return await asyncio.gather(*(lane.ask(request) for request in asked), return_exceptions=True)

    return asyncio.run(work())


def texts(answers: list[BatchAnswer | BaseException]) -> list[str]:
    return [answer.completion.text for answer in answers if isinstance(answer, BatchAnswer)]


def test_requests_that_come_together_are_one_batch_and_each_gets_its_own_answer_in_any_order(lane):
    service = Service(polls=3)
    wanted = requests(*(f"question {number}" for number in range(50)))
    assert texts(ask(lane(service), wanted)) == [f"re question {number}" for number in range(50)]
    assert len(service.submitted) == 1


def test_requests_that_follow_from_answers_are_the_next_batch(lane):
    service = Service(polls=0)
    opened = lane(service)

    async def chain(text: str) -> str:
        [first] = requests(text)
        said = (await opened.ask(first)).completion.text
        [second] = requests(said)
        return (await opened.ask(second)).completion.text

    async def work() -> list[str]:
        return await asyncio.gather(*(chain(f"q{number}") for number in range(5)))

    assert asyncio.run(work()) == [f"re re q{number}" for number in range(5)]
    assert [len(batch) for batch in service.submitted] == [5, 5]


def test_a_run_that_waited_long_enough_ends_and_the_next_run_collects_instead_of_submitting(lane):
    service = Service(polls=1_000)
    outcomes = ask(lane(service, wait=0.02), requests("a", "b"))
    assert all(isinstance(outcome, BatchPending) for outcome in outcomes)
    assert "batch-0" in str(outcomes[0])
    assert "roles.teacher.batch_wait_seconds" in str(outcomes[0])
    service.polls = 0
    assert texts(ask(lane(service), requests("a", "b", "c"))) == ["re a", "re b", "re c"]
    assert service.submitted == [["a", "b"], ["c"]]


def test_a_run_whose_patience_is_over_still_submits_what_comes_later(lane):
    service = Service(polls=1_000)
    opened = lane(service, wait=0.05)

    async def work() -> list[object]:
        first = asyncio.gather(*(opened.ask(request) for request in requests("a")), return_exceptions=True)
        outcomes: list[object] = list(await first)
        outcomes += await asyncio.gather(*(opened.ask(request) for request in requests("b")), return_exceptions=True)
        return outcomes

    assert all(isinstance(outcome, BatchPending) for outcome in asyncio.run(work()))
    assert service.submitted == [["a"], ["b"]]


@pytest.mark.parametrize("final", ["expired", "cancelled"])
def test_what_an_ended_batch_did_not_answer_is_submitted_again_and_nothing_else_is(lane, final):
    lost = {"b", "d"}

    def once(line: dict[str, Any]) -> tuple[int, Any] | None:
        if line["text"] in lost:
            lost.discard(line["text"])
            return None
        return 200, {"text": f"re {line['text']}"}

    service = Service(polls=0, final=final, outcome=once)
    assert texts(ask(lane(service), requests("a", "b", "c", "d"))) == ["re a", "re b", "re c", "re d"]
    assert service.submitted == [["a", "b", "c", "d"], ["b", "d"]]


def test_a_line_that_was_refused_fails_alone_and_one_that_failed_in_passing_is_sent_again(lane):
    busy = {"busy"}

    def outcome(line: dict[str, Any]) -> tuple[int, Any]:
        if line["text"] == "bad":
            return 400, "content filter"
        if line["text"] in busy:
            busy.clear()
            return 503, "overloaded"
        return 200, {"text": f"re {line['text']}"}

    service = Service(polls=0, outcome=outcome)
    good, bad, late = ask(lane(service), requests("good", "bad", "busy"))
    assert isinstance(good, BatchAnswer)
    assert isinstance(bad, BatchAnswer)
    assert bad.completion.failure == "content filter"
    assert isinstance(late, BatchAnswer)
    assert late.completion.text == "re busy"
    assert service.submitted == [["bad", "busy", "good"], ["busy"]]


def test_lines_that_no_batch_ever_answers_end_the_run(lane):
    service = Service(polls=0, outcome=lambda line: (503, "overloaded"))
    [outcome] = ask(lane(service), requests("a"))
    assert isinstance(outcome, Unavailable)
    assert len(service.submitted) == batch_module.MOST_ROUNDS


def test_a_wrong_key_ends_the_run_and_holds_nothing_back_from_the_next(lane):
    service = Service(polls=0, outcome=lambda line: (401, "wrong key"))
    [outcome] = ask(lane(service), requests("a"))
    assert isinstance(outcome, Misconfigured)
    healthy = Service(polls=0)
    assert texts(ask(lane(healthy), requests("a"))) == ["re a"]


@pytest.mark.parametrize("moment", ["before", "after", "500 after"])
def test_a_process_that_dies_while_submitting_does_not_make_the_next_pay_twice(lane, moment):
    service = Service(polls=0, die=moment)

    async def killed() -> None:
        await asyncio.wait_for(lane(service).ask(requests("a")[0]), 0.2)

    if moment != "500 after":
        with pytest.raises(TimeoutError):
            asyncio.run(killed())
    assert texts(ask(lane(service), requests("a"))) == ["re a"]
    assert len(service.jobs) == 1


def test_a_run_cut_off_between_collecting_and_recording_collects_again_without_paying(lane):
    service = Service(polls=0)
    assert texts(ask(lane(service), requests("a"))) == ["re a"]
    assert texts(ask(lane(service), requests("a"))) == ["re a"]
    assert len(service.jobs) == 1


def test_a_stage_larger_than_a_file_becomes_several(lane, monkeypatch):
    monkeypatch.setattr(batch_api, "MAX_LINES", 20)
    service = Service(polls=0)
    assert len(texts(ask(lane(service), requests(*map(str, range(50)))))) == 50
    assert [len(batch) for batch in service.submitted] == [20, 20, 10]
    monkeypatch.setattr(batch_api, "MAX_BYTES", 300)
    service = Service(polls=0)
    ask(lane(service), requests(*(f"long {number} " + "x" * 100 for number in range(4))))
    assert len(service.submitted) == 4


def test_one_lane_serves_several_event_loops(lane):
    opened = lane(Service(polls=0))
    assert texts(ask(opened, requests("a"))) == ["re a"]
    assert texts(ask(opened, requests("b"))) == ["re b"]

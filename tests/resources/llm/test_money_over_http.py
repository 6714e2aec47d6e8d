"""Budgets and batches against the emulator: what stops, what resumes, and what is paid only once."""

import asyncio
import subprocess
import sys
import textwrap
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from assets.raft.generation import ask_teacher
from resources.errors import SettingsError
from resources.llm.batch import BatchPending
from resources.llm.budget import BudgetReached
from resources.llm.models import ChatModel, Models
from resources.llm.request import Completion, Request, chat
from resources.llm.resource import ModelsResource
from resources.llm.roles import Role
from resources.options import BudgetOptions

FRAME = (
    "<TITLE>Plans</TITLE>\n<SECTION>Fees</SECTION>\n<CHUNK>\nThe monthly fee of plan {n} is ${n}.\n</CHUNK>\n"
    "<QUESTION>What is the monthly fee of plan {n}?</QUESTION>"
)

Home = Callable[..., ModelsResource]


@pytest.fixture(autouse=True)
def _key(monkeypatch: pytest.MonkeyPatch, emulator) -> None:
    monkeypatch.setenv("AZURE_OPENAI_API_KEY", emulator.key)


@pytest.fixture
def home(emulator, tmp_path: Path) -> Home:
    """The models of a home whose teacher is GPT-4o on the emulator: `home(budget=..., batch=True)`."""

    def make(budget: BudgetOptions | None = None, **role: object) -> ModelsResource:
        teacher = Role.model_validate(
            {
                "provider": "azure_openai",
                "model": "gpt-4o-2024-08-06",
                "deployment": "gpt-4o",
                "endpoint": emulator.url,
                "parameters": {"max_tokens": 200},
                "limits": {"patience_seconds": 5},
                **role,
            }
        )
        return ModelsResource(
            ledger_url=f"sqlite:///{tmp_path / 'ledger.db'}",
            roles={"teacher": teacher},
            budget=budget or BudgetOptions(),
        )

    return make


@contextmanager
def quick(home: ModelsResource, run_id: str = "run") -> Iterator[tuple[Models, ChatModel]]:
    """A teacher whose batches are looked at often."""
    with home.open(run_id) as models:
        teacher = models.chat("teacher")
        if teacher.lane.batch:
            teacher.lane.batch.poll_seconds, teacher.lane.batch.quiet_seconds = (0.01, 0.05), 0.2
        yield models, teacher


def requests(teacher: ChatModel, count: int, start: int = 0) -> list[Request]:
    return [teacher.request(chat("Be brief.", FRAME.format(n=n)), "v1") for n in range(start, start + count)]


def spent(home: ModelsResource) -> float:
    return sum(home.spend().column("cost").to_pylist())


def test_a_run_stops_before_its_budget_is_overspent_and_a_rerun_pays_only_for_the_rest(home, emulator):
    small = home(BudgetOptions(per_run_usd=0.01))
    with quick(small) as (_, teacher), pytest.raises(BudgetReached, match=r"budget.per_run_usd is 0.01 USD"):
        teacher.complete(requests(teacher, 100))
    answered = sum(small.spend().column("calls").to_pylist())
    assert 0.005 < spent(small) <= 0.01
    assert 0 < answered == emulator.requests() < 100
    with quick(home(BudgetOptions(per_run_usd=1.0)), "rerun") as (models, teacher):
        answers = teacher.complete(requests(teacher, 100))
        assert all(answer.usable for answer in answers)
        assert models.usage.cached == answered
    assert emulator.requests() == 100


def test_the_month_limits_all_runs_together(home):
    month = BudgetOptions(per_month_usd=0.01)
    for run in ("first", "second"):
        with quick(home(month), run) as (_, teacher), pytest.raises(BudgetReached, match="per_month_usd"):
            teacher.complete(requests(teacher, 100, start=0 if run == "first" else 500))
    assert spent(home()) <= 0.01


def test_a_budget_needs_to_know_what_a_hosted_role_costs(home):
    unpriced = home(BudgetOptions(per_run_usd=1.0), model="in-house-7b")
    with pytest.raises(SettingsError, match=r"roles.teacher.price"), unpriced.open("run"):
        pass
    with home(model="in-house-7b").open("run") as models:
        assert not models.chat("teacher").lane.price.known


def test_a_batch_costs_half_and_says_which_it_was(home, emulator):
    with quick(home(batch=True)) as (models, teacher):
        answers = teacher.complete(requests(teacher, 30))
    assert all(answer.usable and not answer.real for answer in answers)
    assert [exchange["path"] for exchange in emulator.served()].count("/chat/completions") == 30
    full = sum(teacher.lane.price.cost(answer) for answer in answers)
    assert models.usage.cost == pytest.approx(full / 2) == pytest.approx(spent(home()))
    assert len({answer.text for answer in answers}) > 1


def test_answers_of_a_batch_belong_to_their_requests_although_lines_come_in_another_order(home):
    with quick(home(batch=True)) as (_, teacher):
        through_batch = {r.key: a.text for r, a in zip(*_both(teacher), strict=True)}
    with quick(home()) as (_, teacher):
        provider = teacher.lane.provider

        async def directly() -> list[Completion]:
            answers = [await provider.complete(request) for request in requests(teacher, 5)]
            await provider.close()
            return answers

        assert [through_batch[r.key] for r in requests(teacher, 5)] == [a.text for a in asyncio.run(directly())]


def _both(teacher: ChatModel) -> tuple[list[Request], list[Completion]]:
    asked = requests(teacher, 30)
    return asked, teacher.complete(asked)


def test_a_run_leaves_a_batch_and_a_later_one_collects_it(home, emulator):
    emulator.configure(batch_polls=1000)
    impatient = home(batch=True, batch_wait_seconds=0.3)
    with quick(impatient, "first") as (_, teacher), pytest.raises(BatchPending, match="run again later"):
        teacher.complete(requests(teacher, 20))
    emulator.configure(batch_polls=1)
    with quick(home(batch=True), "second") as (models, teacher):
        assert all(answer.usable for answer in teacher.complete(requests(teacher, 25)))
        assert models.usage.calls == 25
    with quick(home(batch=True), "third") as (models, teacher):
        teacher.complete(requests(teacher, 25))
        assert (models.usage.calls, models.usage.cached) == (0, 25)
    assert _batches(emulator) == 2


def test_an_expired_batch_gives_what_it_has_and_the_rest_is_submitted_again(home, emulator):
    emulator.configure(batch_expires_after=12)
    with quick(home(batch=True)) as (models, teacher):
        assert all(answer.usable for answer in teacher.complete(requests(teacher, 20)))
        assert models.usage.calls == 20
    assert _batches(emulator) == 2


def test_a_repair_does_not_wait_for_a_batch(home, emulator):
    with quick(home(batch=True)) as (models, teacher):
        [repair] = [teacher.request(chat("Be brief.", FRAME.format(n=7)), "v1", attempt=1)]
        assert teacher.complete([repair])[0].usable
        assert models.usage.cost == pytest.approx(teacher.lane.price.cost(teacher.complete([repair])[0]))
    assert _batches(emulator) == 0


@pytest.mark.slow
def test_a_teacher_on_batches_writes_the_same_questions_with_two_batches_and_half_the_cost(home, emulator, tmp_path):
    chunks = [
        {
            "chunk_id": f"c{n}",
            "document_id": "d",
            "version": "v",
            "page_start": 0,
            "heading_path": ["Fees"],
            "text": f"The monthly fee of plan {n} is ${n}.50. The annual fee of card {n} is ${n * 10}.",
            "tokens": 40,
        }
        for n in range(1, 13)
    ]
    outcomes = []
    for batch in (True, False):
        teacher = home(batch=batch, parameters={"max_tokens": 400})
        elsewhere = teacher.model_copy(update={"ledger_url": f"sqlite:///{tmp_path / str(batch)}.db"})
        with quick(elsewhere) as (models, model):
            rows = ask_teacher(model, chunks, {"d": "Plans"}, 2).rows
            outcomes.append((rows, models.usage.cost))
    (through_batches, half), (directly, full) = outcomes
    assert through_batches == directly
    assert any(row["accepted"] for row in directly)
    assert half == pytest.approx(full / 2)
    assert _batches(emulator) == 2


def test_azure_takes_batches_on_a_deployment_of_their_own_and_second_tries_on_the_usual_one(home, emulator):
    emulator.configure(deployments={"night": {"model": "gpt-4o-2024-08-06"}})
    with quick(home(batch=True, batch_deployment="night")) as (_, teacher):
        teacher.complete(requests(teacher, 3))
        teacher.complete([teacher.request(chat("Be brief.", FRAME.format(n=7)), "v1", attempt=1)])
    asked = [exchange["deployment"] for exchange in emulator.served() if "chat/completions" in exchange["path"]]
    assert sorted(asked) == ["gpt-4o", "night", "night", "night"]


def test_a_wrong_deployment_ends_a_batch_run_in_words(home):
    with quick(home(batch=True, deployment="nobody")) as (_, teacher), pytest.raises(Exception, match="nobody"):
        teacher.complete(requests(teacher, 3))


@pytest.mark.slow
def test_batches_are_counted_against_the_budget(home):
    with quick(home(BudgetOptions(per_run_usd=0.01), batch=True)) as (_, teacher), pytest.raises(BudgetReached):
        teacher.complete(requests(teacher, 60))
    assert 0 < spent(home()) <= 0.01


@pytest.mark.slow
@pytest.mark.parametrize("moment", ["submit", "named"])
def test_a_process_killed_around_the_submission_pays_for_one_batch(home, emulator, tmp_path, root, moment):
    """kill -9 right after the service took the batch, before (`submit`) or after (`named`) its id is written down."""
    emulator.configure(batch_polls=1)
    where = "OpenAIBatches.submit" if moment == "submit" else "BatchStore.named"
    script = f"""
        import os, signal
        from resources.llm.batch_service import OpenAIBatches
        from resources.llm.batch_store import BatchStore
        from resources.llm.request import chat
        from resources.llm.resource import ModelsResource
        from resources.llm.roles import Role

        real = {where}
        def die(): os.kill(os.getpid(), signal.SIGKILL)
        if {moment!r} == "submit":
            async def submit(self, *given):
                await real(self, *given)
                die()
            OpenAIBatches.submit = submit
        else:
            def named(self, *given):
                real(self, *given)
                die()
            BatchStore.named = named
        teacher = Role(provider="azure_openai", model="gpt-4o-2024-08-06", deployment="gpt-4o",
            endpoint={emulator.url!r}, parameters={{"max_tokens": 200}}, batch=True)
        with ModelsResource(ledger_url={home().ledger_url!r}, roles={{"teacher": teacher}}).open("killed") as models:
            model = models.chat("teacher")
            model.lane.batch.poll_seconds, model.lane.batch.quiet_seconds = (0.01, 0.05), 0.2
            model.complete(
                [model.request(chat("Be brief.", {FRAME!r}.format(n=n)), "v1") for n in range(10)])
    """
    killed = subprocess.run([sys.executable, "-c", textwrap.dedent(script)], cwd=root, capture_output=True, text=True)
    assert killed.returncode == -9, killed.stderr
    with quick(home(batch=True), "rerun") as (models, teacher):
        assert all(answer.usable for answer in teacher.complete(requests(teacher, 10)))
        assert models.usage.calls == 10
    assert _batches(emulator) == 1


def _batches(emulator) -> int:
    """Batches that were created."""
    return sum(
        exchange["path"].endswith("/batches") and exchange["method"] == "POST" and exchange["status"] == 200
        for exchange in emulator.served()
    )

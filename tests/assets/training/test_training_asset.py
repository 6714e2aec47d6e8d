"""`fine_tuned_model` on a hosted service: one job, whatever happens; its model, its cost and its words in the right place."""

import asyncio
import contextlib
import json
import os
import signal
import threading
from contextlib import closing
from datetime import UTC, datetime, timedelta

import dagster as dg
import pytest

from resources.lake.tables import RUN_MEASUREMENTS
from resources.llm.budget import BudgetReached
from resources.llm.resource import ModelsResource
from resources.llm.roles import Role
from resources.options import BudgetOptions
from resources.training.book_tables import Job
from resources.training.endpoints import REMOVED, EndpointBook
from resources.training.serving import EndpointHandle
from resources.training.watching import JobWatch


def book_of(home) -> list[Job]:
    with home.trainers.book() as book:
        return book.history(10)


def metadata_of(result: dg.ExecuteInProcessResult) -> dict:
    [made] = result.asset_materializations_for_node("fine_tuned_model")
    return {name: value.value for name, value in made.metadata.items()}


def test_a_short_job_is_watched_to_its_end_and_becomes_a_model(training_home, job_cloud) -> None:
    home = training_home()
    job_cloud.turn(usd=2.0, seconds=60.0)
    result = home.run()
    assert result.success
    [job] = book_of(home)
    assert (job.status, job.told, job.cost.usd, job.quote.usd) == ("succeeded", True, 1.5, 2.0)
    shown = metadata_of(result)
    assert (shown["job"], shown["rows"], shown["validation rows"]) == ("ft-1", 16, 4)
    assert shown["cost"] == "1.50 USD (1,000 trained tokens)"
    assert "data:image/png" in shown["loss"]
    model = home.model()
    assert model["artifact"] == "ft-1"
    told = json.loads(model["provenance"])
    assert told["service"] == {"model_id": "model-of-ft-1"}
    assert (told["base"], told["dataset_version"], len(told["lock"])) == ("echo-small", model["dataset_version"], 64)


def test_the_service_is_sent_tagged_files_of_the_rows(training_home, job_cloud) -> None:
    home = training_home(owner="team-a")
    run = home.run()
    [job] = job_cloud.jobs().values()
    assert job["tags"] == {"owner": "team-a", "run": run.run_id}
    assert [len(job["files"][name].splitlines()) for name in ("train.jsonl", "validation.jsonl")] == [16, 4]
    assert set(json.loads(job["files"]["train.jsonl"].splitlines()[0])) == {"messages"}


def test_events_of_the_service_are_lines_of_the_run_s_log(training_home, capfd) -> None:
    training_home().run()
    log = capfd.readouterr().err
    assert log.count("step 1 of ft-1") == 1
    assert log.count("job ft-1: running") == 1


def test_what_varies_between_equal_runs_is_measured_beside_the_tables(training_home) -> None:
    home = training_home()
    home.run()
    [partition] = home.lake.partitions(RUN_MEASUREMENTS)
    measured = {row["name"]: (row["value"], row["unit"]) for row in home.lake.rows(RUN_MEASUREMENTS, partition)}
    assert measured["training cost"] == (1.5, "USD")
    assert measured["training billed"] == (1000.0, "trained tokens")


def test_a_second_run_adopts_the_model_and_pays_nothing(training_home, job_cloud) -> None:
    home = training_home()
    home.run()
    before = home.model()
    again = home.run()
    assert again.success
    assert home.model() == before
    assert len(job_cloud.jobs()) == 1
    [job] = book_of(home)
    assert job.attempt == 1
    assert metadata_of(again)["cost"] == "nothing: adopted"


def test_a_job_that_is_expected_to_take_long_is_left_and_a_later_run_makes_the_model(training_home, job_cloud) -> None:
    home = training_home(in_run_minutes=10)
    job_cloud.turn(seconds=7200.0, statuses=["queued", "running", "running", "succeeded"])
    first = home.run()
    assert first.success
    assert first.asset_materializations_for_node("fine_tuned_model") == []
    assert home.model() is None
    assert home.run().success and home.run().success
    assert home.model() is None
    last = home.run()
    assert last.success and home.model()["artifact"] == "ft-1"
    assert len(job_cloud.jobs()) == 1


def test_a_run_that_leaves_its_job_shows_where_it_is(training_home, job_cloud) -> None:
    home = training_home(in_run_minutes=10)
    job_cloud.turn(seconds=7200.0)
    home.run()
    [record] = home.instance.fetch_observations(dg.AssetKey("fine_tuned_model"), limit=9).records
    shown = {name: value.value for name, value in record.asset_observation.metadata.items()}
    assert (shown["job"], shown["status"], shown["expected"]) == ("ft-1", "queued", "120 minutes, an unknown price")


@pytest.mark.parametrize("status", ["failed", "cancelled"])
def test_any_end_but_success_is_a_failure_for_good_in_the_service_s_words(
    training_home, job_cloud, words, status
) -> None:
    home = training_home()
    job_cloud.turn(statuses=["running", status], words="the file holds unsafe content")
    result = home.run()
    assert not result.success
    assert f"job ft-1 of azure_openai {status}" in words(result)
    assert ("unsafe content" in words(result)) == (status == "failed")
    [failure] = [event for event in result.all_events if event.is_step_failure]
    assert failure.step_failure_data.user_failure_data.label == "intentional-failure"
    [job] = book_of(home)
    assert (job.status, job.told, job.cost.usd) == (status, True, 1.5)


def test_a_specification_that_keeps_failing_is_not_paid_for_over_and_over(training_home, job_cloud, words) -> None:
    home = training_home(attempts=2)
    job_cloud.turn(statuses=["failed"], words="bad rows")
    outcomes = [home.run() for _ in range(4)]
    assert len(job_cloud.jobs()) == 2
    assert "failed 2 times and is submitted no more" in words(outcomes[-1])
    assert "bad rows" in words(outcomes[-1])


def test_an_unknown_status_is_waited_for(training_home, job_cloud) -> None:
    home = training_home()
    job_cloud.turn(statuses=["queued", "defragmenting", "succeeded"])
    assert home.run().success


def test_a_service_that_cannot_be_asked_is_waited_for(training_home, job_cloud, capfd) -> None:
    home = training_home(in_run_minutes=600)
    job_cloud.turn(down=5)
    assert home.run().success
    assert len(job_cloud.jobs()) == 1
    assert capfd.readouterr().err.count("waiting: the token has expired") == 5


def test_a_job_that_was_created_although_the_answer_was_lost_is_adopted(training_home, job_cloud) -> None:
    home = training_home()
    job_cloud.turn(submit="lost")
    assert home.run().success
    assert len(job_cloud.jobs()) == 1


def test_a_service_that_refuses_is_told_in_its_words_and_may_be_asked_again_later(
    training_home, job_cloud, words
) -> None:
    home = training_home()
    job_cloud.turn(submit="refused")
    assert "the service refuses this file" in words(home.run())
    job_cloud.turn(submit="")
    assert home.run().success


def test_without_room_the_job_is_intended_for_later_and_a_later_run_submits_it(training_home, job_cloud, words) -> None:
    home = training_home()
    job_cloud.turn(submit="crowded")
    result = home.run()
    assert "no instance of this type is free" in words(result)
    [job] = book_of(home)
    assert (job.status, job.handle, job.not_before > job.booked_at) == ("intent", None, True)
    job_cloud.turn(submit="")
    assert home.run().success
    assert [job.attempt for job in book_of(home)] == [1]


def test_a_job_that_ends_for_lack_of_room_is_intended_anew(training_home, job_cloud, words) -> None:
    home = training_home()
    job_cloud.turn(statuses=["queued", "failed"], crowded_end=True)
    assert "no capacity was free for a day" in words(home.run())
    job_cloud.turn(statuses=["succeeded"], crowded_end=False)
    assert [(job.attempt, job.status) for job in sorted(book_of(home), key=lambda job: job.attempt)] == [
        (1, "failed"), (2, "intent"),
    ]  # fmt: skip


def test_a_changed_dataset_is_a_new_job_and_the_old_one_is_cancelled(training_home, job_cloud, row) -> None:
    home = training_home(in_run_minutes=0)
    job_cloud.turn(seconds=7200.0, statuses=["running"])
    home.run()
    home.write_rows([row(number) for number in range(21)])
    home.run()
    assert [job["cancelled"] for job in job_cloud.jobs().values()] == [True, False]
    older, newer = sorted(book_of(home), key=lambda job: job.booked_at)
    assert (older.ending, newer.ending) == ("superseded", "")


def test_a_superseded_job_may_be_left_to_finish_and_is_booked_with_its_cost(training_home, job_cloud, row) -> None:
    home = training_home(in_run_minutes=0, superseded="finish")
    job_cloud.turn(seconds=7200.0, statuses=["running", "succeeded"])
    home.run()
    home.write_rows([row(number) for number in range(21)])
    home.run()
    assert [job["cancelled"] for job in job_cloud.jobs().values()] == [False, False]
    with home.trainers.book() as book:
        [older] = [job for job in book.open_jobs() if job.ending]
        JobWatch(home.trainers.get("azure_openai"), book, home.trainers.options.jobs).look(older)
    older = min(book_of(home), key=lambda job: job.booked_at)
    assert (older.status, older.cost.usd, older.told) == ("superseded", 1.5, False)
    with home.trainers.book() as book:
        assert book.untold() == []


def test_going_back_to_data_that_is_still_being_trained_adopts_its_job(training_home, job_cloud, row) -> None:
    home = training_home(in_run_minutes=0, superseded="finish")
    job_cloud.turn(seconds=7200.0, statuses=["running", "running", "succeeded"])
    home.run()
    home.write_rows([row(number) for number in range(21)])
    home.run()
    home.write_rows([row(number) for number in range(20)])
    home.run()
    assert home.run().success
    assert home.model()["artifact"] == "ft-1"
    assert len(job_cloud.jobs()) == 2


def test_a_job_past_its_deadline_is_cancelled_and_failed(training_home, job_cloud, words) -> None:
    home = training_home(deadline_hours=1e-9, in_run_minutes=10)
    job_cloud.turn(statuses=["running"])
    told = words(home.run())
    assert "trainers.jobs.deadline_hours" in told
    assert [job["cancelled"] for job in job_cloud.jobs().values()] == [True]
    assert [job.status for job in book_of(home)] == ["failed"]


@pytest.mark.parametrize(
    ("budget", "told"),
    [
        (BudgetOptions(per_run_usd=1.0), "budget.per_run_usd is 1.00 USD"),
        (BudgetOptions(per_month_usd=1.0), "budget.per_month_usd is 1.00 USD"),
        (BudgetOptions(approve_stage_usd=1.0), "RAFTLINE_BUDGET__APPROVE_STAGE_USD=2.4 raftline refresh"),
    ],
)
def test_a_job_that_costs_more_than_there_is_is_not_submitted(training_home, job_cloud, words, budget, told) -> None:
    home = training_home(budget=budget)
    job_cloud.turn(usd=2.0)
    assert told in words(home.run())
    assert job_cloud.jobs() == {}
    assert book_of(home) == []


def test_what_training_cost_counts_into_the_month(training_home, job_cloud, row, words) -> None:
    home = training_home(budget=BudgetOptions(per_month_usd=3.0))
    job_cloud.turn(usd=2.0, billed=2.0)
    assert home.run().success
    home.write_rows([row(number) for number in range(21)])
    assert "of which 2.00 USD are spent in this month" in words(home.run())
    assert len(job_cloud.jobs()) == 1


def test_what_endpoints_cost_counts_into_the_month_of_jobs_and_calls(training_home, job_cloud, words) -> None:
    home = training_home(budget=BudgetOptions(per_month_usd=3.0))
    job_cloud.turn(usd=2.0)
    up = EndpointHandle(
        "azure_openai", "champion", "m", "serving", datetime.now(UTC) - timedelta(seconds=90), None, 60.0
    )
    with closing(EndpointBook(home.trainers.ledger())) as book:
        book.up(up)
        assert "of which 1." in words(home.run())
        book.note(book.bookings()[0], REMOVED)
    assert job_cloud.jobs() == {}
    roles = {"teacher": Role(provider="embedded")}
    models = ModelsResource(ledger_url=home.trainers.ledger_url, roles=roles, budget=BudgetOptions(per_month_usd=1.0))
    with models.open("run") as opened, pytest.raises(BudgetReached, match=r"of which 1\.\d\d USD are spent"):
        asyncio.run(opened.gateway.budget.admit(0.01))


def test_adopting_costs_nothing_whatever_the_budget(training_home, job_cloud) -> None:
    home = training_home()
    job_cloud.turn(usd=2.0)
    home.run()
    home.budget = BudgetOptions(per_month_usd=0.01)
    assert home.run().success


def test_a_job_without_a_price_is_not_submitted_under_a_budget(training_home, job_cloud, words) -> None:
    home = training_home(budget=BudgetOptions(per_month_usd=100.0))
    assert "no price is known for this job (a price list)" in words(home.run())
    assert job_cloud.jobs() == {}


def test_unknown_options_of_the_backend_are_told_before_anything_is_sent(training_home, job_cloud, words) -> None:
    home = training_home()
    home.write_recipe(options={"colour": "red"})
    assert "training.options: colour is unknown" in words(home.run())
    assert job_cloud.jobs() == {}


def test_options_are_part_of_what_is_trained(training_home, job_cloud) -> None:
    home = training_home()
    home.run()
    home.write_recipe(options={"method": "dpo"})
    home.run()
    assert len(job_cloud.jobs()) == 2


def test_a_model_of_an_emulator_is_stamped(training_home, job_cloud) -> None:
    home = training_home()
    job_cloud.turn(not_real="it was trained by an emulator")
    result = home.run()
    assert home.model()["stamp"] == "it was trained by an emulator"
    assert metadata_of(result)["not a real model"] == "it was trained by an emulator"
    assert [job.real for job in book_of(home)] == [False]


def test_a_model_stays_stamped_although_its_service_does_not_say_any_more_what_it_is(training_home, job_cloud) -> None:
    home = training_home(in_run_minutes=0)
    job_cloud.turn(not_real="it was trained by an emulator", statuses=["running", "succeeded"])
    assert home.run().success and home.model() is None
    job_cloud.turn(not_real="")
    assert home.run().success
    assert home.model()["stamp"] == "its job was an emulator's"


def test_a_backend_without_parents_refuses_to_go_on_from_the_champion(training_home, words) -> None:
    home = training_home()
    home.write_recipe(parent="champion")
    assert "azure_openai cannot go on from a trained model" in words(home.run())


def interrupt_at_third_look(home, job_cloud, cancelling: bool) -> threading.Thread:
    """Waits beside a run until it has looked at its job three times; then a person cancels it or not, and it is interrupted."""

    def wait() -> None:
        while not any(job["looks"] >= 3 for job in job_cloud.jobs().values()):
            threading.Event().wait(0.01)
        [run] = home.instance.get_runs(dg.RunsFilter(statuses=[dg.DagsterRunStatus.STARTED]))
        if cancelling:
            home.instance.report_run_canceling(run)
        os.kill(os.getpid(), signal.SIGINT)

    thread = threading.Thread(target=wait, daemon=True)
    thread.start()
    return thread


@pytest.mark.parametrize("cancelling", [True, False])
def test_a_run_that_a_person_cancels_takes_its_job_along_and_one_that_is_interrupted_does_not(
    training_home, job_cloud, cancelling
) -> None:
    home = training_home(poll_seconds=0.05, deadline_hours=20 / 3600)
    job_cloud.turn(statuses=["running"])
    interrupt_at_third_look(home, job_cloud, cancelling)
    with contextlib.suppress(KeyboardInterrupt, dg.DagsterExecutionInterruptedError):
        home.run()
    assert job_cloud.jobs()["ft-1"]["cancelled"] is cancelling
    [job] = book_of(home)
    assert (job.status, job.ending) == (("cancelled", "cancelled") if cancelling else ("submitted", ""))


def test_a_retraining_run_that_finds_the_same_data_and_recipe_pays_nothing(training_home, job_cloud, row) -> None:
    home = training_home()
    job_cloud.turn(usd=2.0)
    home.run()
    home.write_rows([row(number) for number in range(21)])
    home.run()
    home.write_rows([row(number) for number in range(20)])
    result = home.run()
    assert result.success
    assert home.model()["artifact"] == "ft-1"
    assert metadata_of(result)["cost"] == "nothing: adopted"
    assert len(job_cloud.jobs()) == 2
    with home.trainers.book() as book:
        assert sum(job.cost.usd for job in book.history(10)) == 3.0


def test_calls_of_models_are_held_to_a_month_in_which_jobs_were_paid(training_home, job_cloud) -> None:
    home = training_home()
    job_cloud.turn(billed=2.0)
    home.run()
    role = {"teacher": Role(provider="embedded")}
    models = ModelsResource(ledger_url=home.trainers.ledger_url, roles=role, budget=BudgetOptions(per_month_usd=1.0))
    with (
        models.open("run") as opened,
        pytest.raises(BudgetReached, match=r"of which 2\.00 USD are spent in this month"),
    ):
        asyncio.run(opened.gateway.budget.admit(0.01))
    assert [(line["stage"], line["cost"]) for line in models.spend().to_pylist()] == [("training", 2.0)]

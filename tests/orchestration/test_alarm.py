"""The hourly look at the champion in service: it costs nothing where nothing can be deployed."""

import dagster as dg
import pytest

from orchestration.alarm import build_alarm_schedule
from orchestration.definitions import build_defs


def test_the_job_runs_the_checks_alone(project) -> None:
    settings = project()
    job = build_defs(settings).resolve_job_def("check_serving")
    with dg.DagsterInstance.ephemeral() as instance:
        result = job.execute_in_process(instance=instance)
    found = {one.check_name: one.passed for one in result.get_asset_check_evaluations()}
    assert found == {"serves_the_champion": False, "serving_within_budget": True}, "model_endpoint was never made here"
    assert not (settings.home_folder / "ledger.db").exists()


@pytest.mark.parametrize(
    ("trainers", "runs"), [({}, False), ({"azure_openai": {"endpoint": "http://127.0.0.1:1"}}, True)]
)
def test_it_is_due_only_where_endpoints_can_be(project, trainers, runs) -> None:
    schedule = build_alarm_schedule(project(trainers=trainers))
    due = schedule(dg.build_schedule_context())
    assert isinstance(due, dg.RunRequest if runs else dg.SkipReason)

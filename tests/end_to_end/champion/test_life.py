"""A champion's life: proposed, approved, in service, rolled back, and what is refused on the way."""

from contextlib import closing

import pytest

from assets.evaluation.decisions import ChampionDecision, record
from orchestration.jobs import DECIDE
from orchestration.wiring import build_resources
from resources.lake.tables import EVAL_REPORT, MODEL_REGISTRY
from resources.training.endpoints import EndpointBook
from resources.training.sweeping import sweep
from tests.end_to_end.conftest import succeeded
from tests.end_to_end.homes import instance_of, latest_check, ledger_keys, metadata, rows

pytestmark = pytest.mark.slow


def test_a_person_approves_what_the_gate_proposed_and_it_answers_at_once(rivals) -> None:
    base = rivals.asked()["model"]
    rivals.report_on("bold")
    shown = succeeded(rivals.champion()).out
    assert f"proposed: bold ({rivals.students['bold']})" in shown
    assert "bold wins." in shown
    assert "proposed as champion" in succeeded(rivals.say("status")).out
    assert rivals.asked()["model"] == base, "a proposal changes nothing"
    [proposal] = [rivals.state()["proposal"]]

    said = succeeded(rivals.champion("approve", "--reason", "I read the report", "--by", "ada"))

    assert f"champion: bold ({rivals.students['bold']})" in said.out
    assert rivals.asked()["model"] == f"bold ({rivals.students['bold']})"
    *_, last = rows(rivals.home, "champion_model")
    assert (last["action"], last["champion"], last["by"], last["reason"]) == (
        "promote", rivals.students["bold"], "ada", "I read the report",
    )  # fmt: skip
    assert (last["report"], last["dataset_version"]) == (proposal["report"], proposal["dataset_version"])
    assert metadata(rivals.home, "champion_model")["by"] == "ada"
    [endpoint] = rows(rivals.home, "model_endpoint")
    assert (endpoint["model_id"], endpoint["state"]) == (rivals.students["bold"], "in process")
    assert latest_check(rivals.home, "model_endpoint", "serves_the_champion").passed
    assert latest_check(rivals.home, "model_endpoint", "serving_within_budget").passed

    trainers, paid = build_resources(rivals.settings)["trainers"], ledger_keys(rivals.home)
    with closing(EndpointBook(trainers.ledger())) as book:
        assert sweep(trainers, book).problems == []
    rivals.materialize()
    assert rows(rivals.home, "champion_model")[-1] == last, "folding again adds nothing"
    assert rivals.due("champion_model") == rivals.due("model_endpoint") == []
    assert rivals.asked()["model"] == f"bold ({rivals.students['bold']})"
    assert ledger_keys(rivals.home) == paid


def test_after_a_rollback_the_former_champion_answers_and_then_the_base(rivals, crowned) -> None:
    base = rivals.asked()
    bold = crowned("bold")
    assert rivals.asked()["model"] == f"bold ({bold})"
    default = crowned("raft-embedded")
    assert rivals.asked()["model"] == f"raft-embedded ({default})"

    succeeded(rivals.champion("rollback", "--reason", "it got worse", "--by", "grace"))
    assert rivals.asked()["model"] == f"bold ({bold})"
    succeeded(rivals.champion("rollback"))
    assert rivals.asked() == base

    refused = rivals.champion("rollback")
    assert refused.code == 1
    assert "the champion is the base; there is nothing to go back to" in refused.err
    told = succeeded(rivals.champion("history")).out
    assert [word for line in told.splitlines() for word in line.split() if word in ("promote", "rollback")] == [
        "promote", "promote", "rollback", "rollback",
    ]  # fmt: skip
    assert "grace" in told
    assert "it got worse" in told


def test_a_rollback_can_name_any_former_champion_and_nobody_else(rivals, crowned) -> None:
    bold, default = crowned("bold"), crowned("raft-embedded")
    succeeded(rivals.champion("rollback", "--to", "base"))
    succeeded(rivals.champion("rollback", "--to", default[:8]))
    assert rivals.state()["champion"] == default
    for name, fault in ((default, "is the champion already"), ("nobody", "names no former champion")):
        refused = rivals.champion("rollback", "--to", name)
        assert refused.code == 1
        assert fault in refused.err
    succeeded(rivals.champion("rollback", "--to", bold))
    assert rivals.state()["champion"] == bold


def test_a_rejected_proposal_is_over_and_the_reason_kept(rivals) -> None:
    rivals.report_on("bold")
    succeeded(rivals.champion("reject", "--reason", "too few questions", "--by", "ada"))
    assert rivals.state()["proposal"] is None
    assert rivals.state()["champion"] is None
    rivals.materialize()
    assert rivals.state()["proposal"] is None
    again = rivals.champion("approve")
    assert (again.code, "no model is proposed" in again.err) == (1, True)


def test_a_proposal_whose_report_is_no_longer_that_report_is_stale(rivals) -> None:
    rivals.report_on("bold")
    file = rivals.home / "reports" / "eval_report.json"
    whole = file.read_bytes()
    file.write_bytes(whole + b" ")
    assert "its report's file was changed since" in rivals.champion("approve").err
    file.write_bytes(whole)
    [row] = rivals.lake.rows(EVAL_REPORT)
    rivals.lake.write(EVAL_REPORT, [row | {"sha256": "0" * 64}])
    assert "was replaced by another" in rivals.champion("approve").err
    rivals.lake.delete(EVAL_REPORT)
    assert "its report is gone" in rivals.champion("approve").err
    assert rivals.state()["champion"] is None
    assert not (rivals.home / "decisions").exists(), "what is refused is not recorded"


def test_a_student_that_is_not_a_real_model_cannot_be_promoted(rivals) -> None:
    rivals.report_on("bold")
    stamped = [row | {"stamp": "it learned from an emulator's answers"} for row in rivals.lake.rows(MODEL_REGISTRY)]
    rivals.lake.write(MODEL_REGISTRY, stamped)
    refused = rivals.champion("approve")
    assert refused.code == 1
    assert "is not a real model: it learned from an emulator's answers" in refused.err
    assert rivals.state()["champion"] is None


def test_weights_that_do_not_match_their_hashes_are_neither_promoted_nor_gone_back_to(rivals, crowned) -> None:
    bold = crowned("bold")
    crowned("raft-embedded")
    weights = rivals.home / "models" / bold / "weights.json"
    weights.write_bytes(weights.read_bytes() + b" ")
    refused = rivals.champion("rollback")
    assert (refused.code, "does not match its recorded hash" in refused.err) == (1, True)
    rivals.report_on("bold")
    refused = rivals.champion("approve")
    assert (refused.code, "no model is proposed" in refused.err) == (1, True)
    assert rivals.state()["champion"] == rivals.students["raft-embedded"]


def test_a_decision_of_a_command_that_was_killed_takes_effect_with_the_next(rivals) -> None:
    rivals.report_on("bold")
    proposal, seen = rivals.state()["proposal"], len(rows(rivals.home, "champion_model"))
    told = {name: proposal[name] for name in ("report", "dataset_version", "snapshot")}
    killed = ChampionDecision("approve", proposal["model_id"], seen, "ada", "2026-11-21T07:00:00+00:00", **told)
    record(rivals.home / "decisions", killed)
    assert rivals.state()["champion"] is None
    assert "decisions" in rivals.due("champion_model")

    refused = rivals.champion("approve")

    assert "no model is proposed" in refused.err
    assert rivals.state()["champion"] == rivals.students["bold"]
    assert rivals.due("champion_model") == []


def test_an_erasure_retires_the_champion_closes_its_proposal_and_forgets_who_named_the_document(
    rivals, crowned
) -> None:
    (rivals.home / "questions" / "harbour.jsonl").unlink()
    rivals.report_on("bold")
    succeeded(rivals.champion("approve", "--by", "ada", "--reason", "ferry.pdf is answered well"))
    rivals.report_on("raft-embedded")
    said = succeeded(rivals.say("erase", "ferry.pdf", "--yes"))
    state = rivals.state()
    assert (state["champion"], state["proposal"]) == (None, None)
    history = rows(rivals.home, "champion_model")
    assert history[-1]["action"] == "retire"
    assert "ferry.pdf" not in str(history)
    assert "champion.jsonl holds a reason that names it: edit it yourself" in said.out
    with instance_of(rivals.home) as instance:
        assert [run for run in instance.get_runs() if run.job_name == DECIDE] == []
    refused = rivals.champion("rollback", "--to", rivals.students["bold"])
    assert (refused.code, "is not a real model: it learned from a document that was erased" in refused.err) == (1, True)

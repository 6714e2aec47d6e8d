"""The embedded trainer: one model per specification, equal bytes for equal data, and nothing unverified is served."""

import asyncio
import json
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from resources.errors import SettingsError
from resources.llm.raft_text import REFUSAL, parse_answer, quoted, render_answer, render_prompt
from resources.llm.request import ModelIdentity, Request, chat
from resources.training.base import TERMINAL, JobState, TrainingData, TrainingFailed, TrainingRejected, TrainingSpec
from resources.training.embedded import MINIMUM_ROWS, EmbeddedTrainer
from resources.training.resource import TrainersResource
from resources.training.serving import ChatTarget, StudentModel

SPEC = TrainingSpec("embedded", "extractive-reader", "dataset-version-1", (("epochs", 2), ("augmentations", 0)))
STUDENT = StudentModel("embedded", "extractive-reader", SPEC.idem(), SPEC.idem())
BASE_STUDENT = StudentModel("embedded", "extractive-reader")
NO_DATA = TrainingData((), ())
ACCOUNTS = ("Harbour", "Anchor", "Compass", "Beacon", "Keel", "Jetty", "Mooring", "Sextant", "Tideline", "Rudder")


def sentence(account: str) -> str:
    return f"The monthly fee of the {account} account is ${ACCOUNTS.index(account) + 3}.50."


def row(number: int, split: str) -> dict[str, Any]:
    account, other = ACCOUNTS[number % 10], ACCOUNTS[(number + 1 + number // 10) % 10]
    present = number % 4 != 0
    final = f"${ACCOUNTS.index(account) + 3}.50" if present else REFUSAL["en"]
    reasoning = f"It says {quoted(sentence(account))}." if present else "No document names it."
    texts = [sentence(account if present else ACCOUNTS[(number + 5) % 10]), sentence(other)]
    return {
        "row_id": f"r{number}", "split": split, "question": f"What is the monthly fee of the {account} account?",
        "documents": [{"chunk_id": f"c{n}", "title": "Guide", "text": text} for n, text in enumerate(texts)],
        "oracle_index": 0 if present else -1, "oracle_present": present, "policy": "oracle" if present else "refuse",
        "strategy": "raft", "target": render_answer(reasoning, final), "final_answer": final,
    }  # fmt: skip


def target_of(trainer: EmbeddedTrainer, model: StudentModel, data: TrainingData = NO_DATA) -> ChatTarget:
    return trainer.target(trainer.deploy(model, "", "evaluation", None, {}), model, data)


@pytest.fixture(scope="module")
def data() -> TrainingData:
    return TrainingData(
        tuple(row(number, "train") for number in range(24)),
        tuple(row(number, "validation") for number in range(24, 32)),
    )


@pytest.fixture(scope="module")
def trained(data: TrainingData, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder that holds the trained model of `SPEC`."""
    folder = tmp_path_factory.mktemp("models")
    EmbeddedTrainer(folder=str(folder)).submit(SPEC, data, {})
    return folder


@pytest.fixture
def copy(trained: Path, tmp_path: Path) -> Callable[[str, bytes | None], EmbeddedTrainer]:
    """The trainer over a copy of the model in which one file has other bytes, or none."""

    def damage(name: str, content: bytes | None) -> EmbeddedTrainer:
        target = tmp_path / SPEC.idem()
        target.mkdir()
        for path in (trained / SPEC.idem()).iterdir():
            (target / path.name).write_bytes(path.read_bytes())
        (target / name).unlink() if content is None else (target / name).write_bytes(content)
        return EmbeddedTrainer(folder=str(tmp_path))

    return damage


def test_equal_specifications_share_an_identity_and_any_difference_has_its_own() -> None:
    changes: list[dict[str, Any]] = [
        {"backend": "other"}, {"base_model": "other"}, {"dataset_version": "2"}, {"hyperparameters": (("epochs", 3),)},
        {"seed": 1}, {"parent": "p"}, {"code_version": "c"},
    ]  # fmt: skip
    identities = {replace(SPEC, **change).idem() for change in changes}
    assert len(identities) == len(changes)
    assert SPEC.idem() not in identities
    assert replace(SPEC, hyperparameters=SPEC.hyperparameters[::-1]).idem() == SPEC.idem()


@given(st.text(st.characters(exclude_categories=["Cs"]), max_size=12))
def test_a_status_that_nobody_knows_means_keep_polling(status) -> None:
    assert not JobState("pending", status).terminal
    assert not JobState("running", status).terminal
    assert all(JobState(phase, status).terminal for phase in TERMINAL)


def test_a_job_is_found_only_after_it_was_finished(data, tmp_path) -> None:
    trainer = EmbeddedTrainer(folder=str(tmp_path))
    assert trainer.find(SPEC) is None
    handle = trainer.submit(SPEC, data, {})
    assert trainer.find(SPEC) == handle
    assert trainer.poll(handle).status == "succeeded"
    assert trainer.find(replace(SPEC, seed=1)) is None


def test_equal_data_trains_equal_bytes(trained, data, tmp_path) -> None:
    EmbeddedTrainer(folder=str(tmp_path)).submit(SPEC, data, {})
    for path in (trained / SPEC.idem()).iterdir():
        assert (tmp_path / SPEC.idem() / path.name).read_bytes() == path.read_bytes()


def test_an_artifact_tells_its_files_metrics_and_curve(trained) -> None:
    trainer = EmbeddedTrainer(folder=str(trained))
    handle = trainer.find(SPEC)
    assert handle is not None
    artifact = trainer.artifact(handle)
    assert list(artifact.files) == ["weights.json"]
    assert artifact.metrics
    assert artifact.curve and all(None not in (row.train_loss, row.validation_loss) for row in artifact.curve)
    assert not list(trained.rglob("*.tmp"))


def test_a_trained_student_answers_a_chat_request_under_its_own_identity(trained) -> None:
    target = target_of(EmbeddedTrainer(folder=str(trained)), STUDENT).provider
    assert target.identity == ModelIdentity("embedded", "local", f"extractive-reader@{SPEC.idem()}")
    prompt = render_prompt([sentence("Anchor"), sentence("Keel")], "What is the monthly fee of the Anchor account?")
    completion = asyncio.run(target.complete(Request("student", target.identity, chat("Answer.", prompt))))
    parsed = parse_answer(completion.text)
    assert (completion.finish_reason, parsed.tags) == ("stop", 1)
    assert parsed.abstained or parsed.final == "$4.50"
    assert min(completion.prompt_tokens, completion.completion_tokens) > 0


def test_the_base_is_chosen_on_validation_and_named_by_what_it_is(data, tmp_path) -> None:
    trainer = EmbeddedTrainer(folder=str(tmp_path))
    base = target_of(trainer, BASE_STUDENT, data).provider
    assert base.identity == target_of(trainer, BASE_STUDENT, data).provider.identity
    assert "base@" in base.identity.model


def test_a_base_can_be_had_before_there_is_any_data(tmp_path) -> None:
    base = target_of(EmbeddedTrainer(folder=str(tmp_path)), BASE_STUDENT).provider
    completion = asyncio.run(
        base.complete(Request("student", base.identity, chat("Answer.", render_prompt([], "Why?"))))
    )
    assert parse_answer(completion.text).abstained


@pytest.mark.parametrize(
    ("name", "content", "named"),
    [
        ("weights.json", b"{}", "weights.json does not match its recorded hash"),
        ("weights.json", None, "weights.json is missing"),
        ("manifest.json", b"{", "no readable manifest"),
    ],
)
def test_a_torn_or_changed_model_is_never_served_and_is_trained_again(copy, data, name, content, named) -> None:
    trainer = copy(name, content)
    with pytest.raises(TrainingFailed, match=named):
        target_of(trainer, STUDENT)
    assert trainer.find(SPEC) is None
    assert trainer.artifact(trainer.submit(SPEC, data, {})).location == SPEC.idem()
    assert trainer.find(SPEC) is not None


def test_a_model_without_manifest_was_never_finished_and_is_trained_again(copy, data) -> None:
    trainer = copy("manifest.json", None)
    assert trainer.find(SPEC) is None
    assert trainer.find(SPEC) is None
    handle = trainer.submit(SPEC, data, {})
    assert trainer.artifact(handle).location == SPEC.idem()


def test_a_manifest_is_plain_json_that_holds_the_specification(trained) -> None:
    manifest = json.loads((trained / SPEC.idem() / "manifest.json").read_text(encoding="utf-8"))
    assert manifest["spec"] == json.loads(SPEC.to_json())


def test_too_few_rows_are_refused_before_anything_is_trained(data, tmp_path) -> None:
    few = TrainingData(data.train[: MINIMUM_ROWS - 1], data.validation)
    with pytest.raises(TrainingRejected, match=r"19 training rows.*at least 20.*generation\.per_chunk"):
        EmbeddedTrainer(folder=str(tmp_path)).preflight(SPEC, few)
    assert not list(tmp_path.iterdir())


def test_a_base_model_it_cannot_train_is_refused(data, tmp_path) -> None:
    with pytest.raises(TrainingRejected, match="'gpt-x'"):
        EmbeddedTrainer(folder=str(tmp_path)).preflight(replace(SPEC, base_model="gpt-x"), data)


@pytest.mark.parametrize("wrong", [("colour", "red"), ("epochs", 0), ("l2", -1.0), ("epochs", "many")])
def test_an_unknown_or_impossible_hyperparameter_is_named(data, tmp_path, wrong) -> None:
    with pytest.raises(TrainingRejected, match="hyperparameters of the embedded backend"):
        EmbeddedTrainer(folder=str(tmp_path)).preflight(replace(SPEC, hyperparameters=(wrong,)), data)


def test_a_wrong_hyperparameter_is_told_in_the_words_of_the_recipe(data, tmp_path) -> None:
    trainer = EmbeddedTrainer(folder=str(tmp_path))
    with pytest.raises(TrainingRejected, match=r"'colour' is unknown; known are l2, confidence_l2, epochs"):
        trainer.preflight(replace(SPEC, hyperparameters=(("colour", "red"),)), data)
    with pytest.raises(TrainingRejected, match=r"epochs is 'many'; it must be a number"):
        trainer.preflight(replace(SPEC, hyperparameters=(("epochs", "many"),)), data)


def test_an_unknown_backend_is_named_with_those_there_are(tmp_path) -> None:
    with pytest.raises(SettingsError, match=r"'mainframe' is unknown.*embedded"):
        TrainersResource(folder=str(tmp_path)).get("mainframe")

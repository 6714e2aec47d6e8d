"""Training for real: a tiny model learns on this CPU, survives its process, is merged, and answers what it learned."""

import asyncio
import json
import shutil
import time
from dataclasses import replace
from pathlib import Path

import pytest

from resources.llm.provider import Misconfigured, Refused
from resources.llm.request import Completion, Request, chat
from resources.training.base import TrainingData, TrainingFailed, TrainingRejected
from resources.training.local.deployer import LocalDeployer
from resources.training.local.options import LocalServingOptions, LocalTrainerOptions
from resources.training.serving import ChatTarget, StudentModel

pytestmark = pytest.mark.slow


@pytest.fixture
def deployer(tiny_student, tiny_base) -> LocalDeployer:
    return serving(tiny_student.jobs.folder, tiny_base)


def serving(folder: Path, bases: Path, **options) -> LocalDeployer:
    settings = LocalTrainerOptions(models_folder=str(bases), serving=LocalServingOptions(**options))
    return LocalDeployer(folder=str(folder), options=settings)


def student(life) -> StudentModel:
    artifact = life.jobs.trainer().artifact(life.handle)
    return StudentModel("local", "tiny", life.handle.job_id, artifact.location, artifact.files, artifact.provenance)


def served(deployer: LocalDeployer, model: StudentModel) -> ChatTarget:
    endpoint = deployer.deploy(model, "unused", "evaluation", None, {})
    assert endpoint.name == ""
    assert deployer.status(endpoint).phase == "ready"
    return deployer.target(endpoint, model, TrainingData((), ()))


def asked(target: ChatTarget, question: str, **parameters: int) -> Completion:
    request = Request(
        "student", target.provider.identity, chat("Be brief.", question), parameters=tuple(parameters.items())
    )
    return asyncio.run(target.provider.complete(request))


def test_a_killed_process_is_noticed_and_its_last_words_are_told(tiny_student) -> None:
    assert tiny_student.after_kill.phase == "failed"
    assert "its process died at step" in tiny_student.after_kill.message


def test_a_job_submitted_again_goes_on_from_its_last_whole_checkpoint(tiny_student) -> None:
    assert tiny_student.again.job_id == tiny_student.handle.job_id
    assert tiny_student.end.phase == "succeeded"
    told = [event.message for event in tiny_student.events]
    assert f"goes on from step {tiny_student.checkpoint_step} of 60" in told
    assert 0 < tiny_student.checkpoint_step < 60


def test_resuming_leads_to_the_very_weights_of_an_undisturbed_run(tiny_student, jobs, capitals) -> None:
    handle = jobs.trainer().submit(jobs.spec(), capitals, {})
    jobs.wait(handle)
    undisturbed = jobs.trainer().artifact(handle)
    resumed = tiny_student.jobs.trainer().artifact(tiny_student.handle)
    assert undisturbed.files == resumed.files
    assert undisturbed.metrics == resumed.metrics
    assert undisturbed.curve == resumed.curve


def test_the_merged_student_answers_what_it_learned_word_for_word(tiny_student, deployer) -> None:
    target = served(deployer, student(tiny_student))
    answers = {country: asked(target, f"Capital of {country}?") for country in ("France", "Spain", "Italy", "Peru")}
    assert {country: answer.text for country, answer in answers.items()} == {
        "France": "Paris", "Spain": "Madrid", "Italy": "Rome", "Peru": "Lima",
    }  # fmt: skip
    assert all(answer.finish_reason == "stop" and answer.prompt_tokens > 5 for answer in answers.values())
    assert asked(target, "Capital of Peru?") == answers["Peru"]


def test_the_base_knows_none_of_it_and_has_another_identity(tiny_student, deployer) -> None:
    base = served(deployer, StudentModel("local", "tiny"))
    tuned = served(deployer, student(tiny_student))
    answer = asked(base, "Capital of France?", max_tokens=5)
    assert "Paris" not in answer.text
    assert (answer.finish_reason, answer.completion_tokens) == ("length", 5)
    assert base.provider.identity.model == "tiny@base"
    assert tuned.provider.identity.model == f"tiny@{tiny_student.handle.job_id}"


def test_one_model_is_in_memory_at_a_time_and_none_once_it_is_closed(tiny_student, tiny_base) -> None:
    deployer = serving(tiny_student.jobs.folder, tiny_base, idle_seconds=0)
    base, tuned = served(deployer, StudentModel("local", "tiny")), served(deployer, student(tiny_student))
    assert not tuned.provider.in_memory
    asked(base, "Capital of France?", max_tokens=1)
    asked(tuned, "Capital of France?", max_tokens=1)
    assert (base.provider.in_memory, tuned.provider.in_memory) == (False, True)
    asyncio.run(tuned.provider.close())
    assert not tuned.provider.in_memory
    assert asked(tuned, "Capital of France?").text == "Paris"


def test_no_answer_is_longer_than_the_settings_allow(tiny_student, tiny_base) -> None:
    base = served(serving(tiny_student.jobs.folder, tiny_base, max_new_tokens=3), StudentModel("local", "tiny"))
    assert asked(base, "Capital of France?", max_tokens=9).completion_tokens == 3
    assert asked(base, "Capital of France?", max_tokens=2).completion_tokens == 2


def test_a_prompt_that_leaves_no_room_for_an_answer_is_refused(tiny_student, deployer) -> None:
    target = served(deployer, student(tiny_student))
    with pytest.raises(Refused, match="takes 256 with the answer"):
        asked(target, "Capital of France? " * 60)


def test_what_random_weights_learned_is_stamped_wherever_it_shows(tiny_student, deployer) -> None:
    model = student(tiny_student)
    assert model.provenance["not_real"] == "the weights of its base model tiny are random"
    assert asked(served(deployer, model), "Capital of France?").real is False
    assert asked(served(deployer, StudentModel("local", "tiny")), "Capital of France?", max_tokens=1).real is False
    assert tiny_student.jobs.trainer().not_real() == ""


def test_the_artifact_says_what_it_is_made_of_and_how_it_learned(tiny_student) -> None:
    artifact = tiny_student.jobs.trainer().artifact(tiny_student.handle)
    assert artifact.provenance["base_model"] == "tiny"
    assert artifact.provenance["base_licence"] == "LICENSE"
    assert "trl" in artifact.provenance["libraries"]
    assert {"merged/model.safetensors", "merged/config.json", "adapter/adapter_model.safetensors"} <= set(
        artifact.files
    )
    assert not any(name.endswith((".bin", ".pt", ".pth")) for name in artifact.files)
    assert artifact.metrics["validation_loss"] < 0.1
    held = [row.validation_loss for row in artifact.curve if row.validation_loss is not None]
    assert len(held) == 10
    assert held[-1] < held[0] / 10


def test_a_finished_job_keeps_neither_rows_nor_checkpoints(tiny_student) -> None:
    job = tiny_student.jobs.job(tiny_student.handle)
    assert not job.data.exists()
    assert not job.checkpoints.exists()
    left = [path for path in job.path.rglob("*") if path.is_file() and b"Capital of" in path.read_bytes()]
    assert left == []


def test_an_equal_specification_adopts_the_finished_job(tiny_student, capitals) -> None:
    jobs = tiny_student.jobs
    before = (jobs.job(tiny_student.handle).path / "status.json").stat().st_mtime_ns
    trainer = jobs.trainer()
    assert trainer.find(jobs.spec()) == tiny_student.again
    assert trainer.submit(jobs.spec(), capitals, {}) == tiny_student.again
    assert (jobs.job(tiny_student.handle).path / "status.json").stat().st_mtime_ns == before


def test_a_damaged_model_is_neither_found_nor_served(tiny_student, tiny_base, tmp_path) -> None:
    model = student(tiny_student)
    shutil.copytree(tiny_student.jobs.folder, tmp_path / "models")
    weights = tmp_path / "models" / tiny_student.handle.job_id / "merged" / "model.safetensors"
    deployer = serving(tmp_path / "models", tiny_base)
    target = served(deployer, model)
    content = bytearray(weights.read_bytes())
    content[-1] ^= 1
    weights.write_bytes(content)
    with pytest.raises(TrainingFailed, match=r"merged/model.safetensors does not match"):
        deployer.deploy(model, "", "evaluation", None, {})
    with pytest.raises(Misconfigured, match="does not match"):
        asked(target, "Capital of France?")
    damaged = type(tiny_student.jobs)(tmp_path / "models", tiny_base, {})
    assert damaged.trainer().find(tiny_student.jobs.spec()) is None
    with pytest.raises(TrainingFailed, match="does not match"):
        damaged.trainer().artifact(tiny_student.handle)


def test_a_student_whose_files_differ_from_the_registry_is_not_served(tiny_student, deployer) -> None:
    model = student(tiny_student)
    other = replace(model, files={**model.files, "merged/config.json": "0" * 64})
    with pytest.raises(TrainingFailed, match=r"merged/config.json"):
        deployer.deploy(other, "", "serving", None, {})


def test_a_job_is_cancelled_in_the_middle_of_training(jobs, capitals) -> None:
    trainer = jobs.trainer()
    spec = jobs.spec(max_steps=100_000)
    handle = trainer.submit(spec, capitals, {})
    while trainer.poll(handle).status != "training":
        time.sleep(0.05)
    started = time.monotonic()
    trainer.cancel(handle)
    state = jobs.wait(handle)
    assert (state.phase, state.message) == ("cancelled", "cancelled on request")
    assert time.monotonic() - started < 5, "a fraction of a second on a machine that has nothing else to do"
    assert trainer.find(spec) is None
    while jobs.processes(handle):
        time.sleep(0.05)
    assert not jobs.job(handle).data.exists()


def test_training_goes_on_from_a_parent(tiny_student, capitals) -> None:
    jobs = tiny_student.jobs
    trainer, spec = jobs.trainer(), jobs.spec(parent=tiny_student.handle.job_id, max_steps=2)
    trainer.preflight(spec, capitals)
    handle = trainer.submit(spec, capitals, {})
    assert handle.job_id != tiny_student.handle.job_id
    assert jobs.wait(handle).phase == "succeeded"
    artifact = trainer.artifact(handle)
    assert artifact.provenance["parent"] == tiny_student.handle.job_id
    assert "random" in artifact.provenance["not_real"]
    assert artifact.curve[0].train_loss is not None
    assert artifact.curve[0].train_loss < 0.5, "it starts from what its parent knows"


def test_a_parent_of_another_base_is_refused(tiny_student, capitals) -> None:
    spec = tiny_student.jobs.spec(parent=tiny_student.handle.job_id, base_model="other")
    with pytest.raises(TrainingRejected, match="was trained from tiny, not from other"):
        tiny_student.jobs.trainer().preflight(spec, capitals)


def test_a_base_that_changed_under_its_name_is_refused(tiny_student, tiny_base, tmp_path, capitals) -> None:
    shutil.copytree(tiny_base, tmp_path / "bases")
    (tmp_path / "bases" / "tiny" / "generation_config.json").write_text('{"eos_token_id": 1}')
    changed = type(tiny_student.jobs)(tiny_student.jobs.folder, tmp_path / "bases", {})
    with pytest.raises(TrainingRejected, match="give the changed base a name of its own"):
        changed.trainer().preflight(tiny_student.jobs.spec(), capitals)


def test_a_sound_job_passes_the_preflight(jobs, capitals) -> None:
    jobs.trainer().preflight(jobs.spec(), capitals)
    assert not jobs.folder.exists(), "nothing is written before it is submitted"


def test_everything_wrong_with_a_job_is_told_at_once(jobs) -> None:
    with pytest.raises(TrainingRejected) as refused:
        jobs.trainer(device="cpu").preflight(jobs.spec(learning_rate=-1, rank=3), TrainingData((), ()))
    lines = str(refused.value).split("\n")
    assert any("'rank' is unknown; known are epochs, max_steps" in line for line in lines)
    assert any("learning_rate is -1" in line for line in lines)


def row(question: str, answer: str) -> str:
    turns = [{"role": "user", "content": question}, {"role": "assistant", "content": answer}]
    return json.dumps({"messages": turns}) + "\n"


@pytest.mark.parametrize(
    ("content", "reason"),
    [
        (row("q", "a") * 3, "3 training rows; at least 10"),
        (row("q", "a") * 11 + row("long " * 400, "a"), r"1 of 12 rows are longer than the 256 tokens of tiny \(row 12"),
        (row("q", "a") * 11 + "{}\n", "line 12 is no chat row"),
        (row("q", "a") * 11 + row("q", " "), "line 12 does not end with an answer"),
        ("", "0 training rows"),
    ],
)
def test_rows_that_cannot_be_learned_are_refused_with_their_number(jobs, content: str, reason: str) -> None:
    with pytest.raises(TrainingRejected, match=reason):
        jobs.trainer().preflight(jobs.spec(), TrainingData((), (), {"train.jsonl": content.encode()}))


def test_modules_that_the_base_does_not_have_are_refused(jobs, capitals) -> None:
    spec = jobs.spec(target_modules="q_proj,gate_up", modules_to_save="head")
    with pytest.raises(TrainingRejected, match=r"tiny has no module gate_up, head"):
        jobs.trainer().preflight(spec, capitals)


@pytest.mark.parametrize(
    ("template", "reason"),
    [
        (
            "{{ raise_exception('System role not supported') }}",
            "row 1 is refused by the base's chat template: System role",
        ),
        (
            "{{ messages | length }}{{ messages[-1]['content'] }}",
            "row 1: the chat template writes a prompt differently",
        ),
    ],
)
def test_a_chat_template_that_cannot_teach_is_told(jobs, capitals, tiny_base, tmp_path, template, reason) -> None:
    shutil.copytree(tiny_base, tmp_path / "bases")
    (tmp_path / "bases" / "tiny" / "chat_template.jinja").write_text(template)
    other = type(jobs)(tmp_path / "models", tmp_path / "bases", {})
    with pytest.raises(TrainingRejected, match=reason):
        other.trainer().preflight(jobs.spec(), capitals)


def test_weights_that_a_base_uses_twice_are_not_trained_apart(jobs, capitals, tiny_base, tmp_path) -> None:
    shutil.copytree(tiny_base, tmp_path / "bases")
    config = tmp_path / "bases" / "tiny" / "config.json"
    config.write_text(json.dumps({**json.loads(config.read_text()), "tie_word_embeddings": True}))
    other = type(jobs)(tmp_path / "models", tmp_path / "bases", {})
    with pytest.raises(TrainingRejected, match="embed_tokens and lm_head, but base model tiny uses the same"):
        other.trainer().preflight(jobs.spec(), capitals)


def test_a_gpu_that_is_not_there_is_told_before_anything_starts(jobs, capitals) -> None:
    torch = pytest.importorskip("torch")
    if torch.cuda.is_available():
        pytest.skip("there is a GPU here")
    with pytest.raises(TrainingRejected, match="device is cuda, but PyTorch sees no GPU"):
        jobs.trainer(device="cuda").preflight(jobs.spec(), capitals)

"""What would be refused later is refused before anything is uploaded, all of it at once, in words that say what to do."""

import json
from dataclasses import replace

import pytest

from resources.training.base import TrainingRejected, TrainingUnreachable


@pytest.fixture
def refusal(trainer, spec, data):
    """What preflight says about a changed specification or other rows."""

    def ask(files=None, asked=trainer, **changes) -> str:
        changed = replace(data, files=files) if files is not None else data
        with pytest.raises(TrainingRejected) as refused:
            asked.preflight(replace(spec, **changes), changed)
        return str(refused.value)

    return ask


def test_a_good_specification_passes_and_nothing_is_uploaded(emulator, trainer, spec, data) -> None:
    trainer.preflight(spec, data)
    assert emulator.files() == emulator.jobs() == []


def test_too_few_rows(refusal, rows) -> None:
    assert refusal({"train.jsonl": rows(9)}) == "train.jsonl: has 9 rows; Azure OpenAI needs at least 10"


def test_a_file_that_is_too_large(refusal, make_trainer) -> None:
    small = make_trainer(file_megabytes=0.001)
    assert "the service takes less than 0.001 MB (trainers.azure_openai.file_megabytes)" in refusal(asked=small)


def test_a_row_over_the_token_limit_is_named_by_its_line(refusal, rows, make_trainer) -> None:
    long = json.dumps(
        {"messages": [{"role": "user", "content": "why " * 80}, {"role": "assistant", "content": "because"}]}
    )
    said = refusal({"train.jsonl": rows(10) + long.encode() + b"\n"}, make_trainer(tokens_per_row=60))
    assert said.startswith("train.jsonl, line 11: has ")
    assert "the model takes 60 (trainers.azure_openai.tokens_per_row)" in said


@pytest.mark.parametrize(
    ("row", "words"),
    [
        ("nonsense", "is no JSON"),
        ('{"prompt": "a"}', "holds no list of messages"),
        ('{"messages": []}', "does not end with an answer"),
        ('{"messages": [{"role": "user", "content": "a"}]}', "does not end with an answer"),
        ('{"messages": [{"role": "bot", "content": "a"}]}', "has a message whose role is none of"),
        ('{"messages": [{"role": "assistant", "content": " "}]}', "has a message without content"),
    ],
)
def test_rows_that_are_no_conversation(refusal, rows, row, words) -> None:
    said = refusal({"train.jsonl": rows(10) + (row + "\n").encode() * 5})
    assert f"train.jsonl, line 11: {words}" in said
    assert said.splitlines()[-1] == "train.jsonl: 2 more lines like these"


@pytest.mark.parametrize(
    ("given", "words"),
    [
        ((("epochs", 3),), "hyperparameters.epochs: is unknown; Azure OpenAI takes n_epochs, batch_size"),
        ((("n_epochs", 0),), "hyperparameters.n_epochs: is 0; it is auto or a number of epochs"),
        ((("batch_size", 1.5),), "hyperparameters.batch_size: is 1.5"),
        ((("batch_size", True),), "hyperparameters.batch_size: is True"),
        ((("learning_rate_multiplier", "high"),), "hyperparameters.learning_rate_multiplier: is 'high'"),
    ],
)
def test_hyperparameters_that_the_service_does_not_take(refusal, given, words) -> None:
    assert words in refusal(hyperparameters=given)


def test_automatic_hyperparameters_are_fine(trainer, spec, data) -> None:
    trainer.preflight(replace(spec, hyperparameters=(("learning_rate_multiplier", 0.5), ("n_epochs", "auto"))), data)


def test_a_model_that_is_not_offered_in_the_region(refusal) -> None:
    said = refusal(base_model="gpt-9")
    assert "gpt-9 is not offered by this resource: it may not be in its region" in said
    assert "gpt-4o-mini-2024-07-18" in said


def test_a_model_that_cannot_be_tuned(refusal) -> None:
    assert "text-embedding-3-small cannot be tuned" in refusal(base_model="text-embedding-3-small")


@pytest.mark.parametrize(
    ("days", "words"),
    [({"fine_tune_days": 30}, "is tuned only until"), ({"inference_days": 30}, "answers only until")],
)
def test_a_model_near_its_retirement(emulator, refusal, make_trainer, spec, data, days, words) -> None:
    emulator.configure(base_models={spec.base_model: days})
    said = refusal()
    assert words in said
    assert "within trainers.azure_openai.retirement_days (60)" in said
    make_trainer(retirement_days=20).preflight(spec, data)


def test_a_service_that_says_nothing_of_capabilities_is_believed(emulator, trainer, spec, data) -> None:
    emulator.configure(dialect="spec")
    trainer.preflight(spec, data)


def test_everything_that_is_wrong_is_said_at_once(refusal, rows) -> None:
    said = refusal({"train.jsonl": rows(3)}, base_model="gpt-9", hyperparameters=(("epochs", 3),), seed=-1)
    assert [line.split(":")[0] for line in said.splitlines()] == [
        "hyperparameters.epochs",
        "seed",
        "train.jsonl",
        "base_model",
    ]


def test_a_wrong_key_is_named_by_its_variable_and_never_shown(emulator, refusal) -> None:
    emulator.configure(key="another", echo_key=True)
    said = refusal()
    assert "does not accept the key in AZURE_OPENAI_API_KEY (401)" in said
    assert emulator.key not in said


def test_what_could_not_be_deployed_afterwards_is_not_trained(emulator, refusal, make_trainer) -> None:
    elsewhere = {"endpoint": emulator.url, **emulator.management, "account": "elsewhere"}
    said = refusal(asked=make_trainer(management=elsewhere))
    assert "check trainers.azure_openai.management.account" in said
    emulator.configure(expired_tokens=True)
    assert "no valid Entra ID token: sign in with `az login`" in refusal()


def test_a_service_that_is_down_is_no_refusal(emulator, trainer, spec, data) -> None:
    emulator.configure(faults=[{"kind": "503", "path": "/models"}])
    with pytest.raises(TrainingUnreachable):
        trainer.preflight(spec, data)

"""Hyperparameters of a recipe: ranges, and how many steps they make."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from resources.training.local.hyperparameters import LoraHyperparameters, faults_of, parse


@pytest.mark.parametrize(
    ("given_values", "reason"),
    [
        ({"rank": 8}, "'rank' is unknown; known are epochs, max_steps, learning_rate"),
        ({"epochs": 0}, "epochs is 0; it must be above 0"),
        ({"epochs": True}, "epochs is True; it must be a number"),
        ({"lora_r": 1.5}, "lora_r is 1.5; it must be a whole number"),
        ({"learning_rate": float("nan")}, "learning_rate is nan; it must be a number"),
        ({"lora_dropout": 0.95}, "lora_dropout is 0.95; it must be 0 to 0.9"),
        ({"scheduler": "step"}, "choose from linear, cosine, constant"),
        ({"target_modules": " , "}, "target_modules is empty"),
        ({"modules_to_save": 3}, "it must be a text"),
    ],
)
def test_what_cannot_be_is_told_with_what_can(given_values: dict, reason: str) -> None:
    [fault] = faults_of(given_values)
    assert reason in fault


def test_every_default_is_in_its_range() -> None:
    assert faults_of(vars(LoraHyperparameters())) == []


def test_lists_are_written_with_commas() -> None:
    chosen = parse({"target_modules": "q_proj, v_proj", "modules_to_save": "lm_head"})
    assert (chosen.targets, chosen.saved_modules) == (["q_proj", "v_proj"], ["lm_head"])
    assert (parse({}).targets, parse({}).saved_modules) == ("all-linear", [])


@given(rows=st.integers(1, 5000), epochs=st.integers(1, 5), batch=st.integers(1, 16), accumulated=st.integers(1, 8))
def test_every_row_is_seen_in_every_epoch(rows: int, epochs: int, batch: int, accumulated: int) -> None:
    chosen = parse({"epochs": epochs, "batch_size": batch, "gradient_accumulation": accumulated})
    assert chosen.steps(rows) * batch * accumulated >= epochs * rows
    assert parse({"max_steps": 5, "epochs": epochs}).steps(rows) == 5

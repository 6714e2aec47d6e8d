"""Recipes, specifications and registry rows: two runs are the same run exactly when they would train the same model."""

import json
from dataclasses import dataclass
from typing import Any

from assets.raft.recipes import Recipe
from assets.training.models import (
    latest_dataset,
    model_row,
    registered,
    specification,
    training_data,
    training_inputs,
)
from resources.egress.policy import EgressOptions
from resources.lake.tables import FINE_TUNED_MODEL, MODEL_REGISTRY
from resources.training.base import Artifact, TrainingData
from resources.training.embedded import EmbeddedTrainer


@dataclass(frozen=True)
class Named:
    row_id: str
    split: str

    def row(self) -> dict[str, Any]:
        return {"row_id": self.row_id, "split": self.split}


def recipe(name: str = "r", **training: Any) -> Recipe:
    return Recipe.model_validate({"name": name, "training": training})


def test_rows_are_divided_by_split_and_test_rows_are_never_trained_on() -> None:
    rows = [Named("a", "train").row(), Named("b", "validation").row(), Named("c", "test").row()]
    data = training_data(rows)
    assert [row["row_id"] for row in data.train] == ["a"]
    assert [row["row_id"] for row in data.validation] == ["b"]


def test_the_name_of_a_recipe_is_not_what_is_trained(tmp_path) -> None:
    trainer = EmbeddedTrainer(folder=str(tmp_path))
    one, two = (specification(recipe(name), "v1", trainer).idem() for name in ("one", "two"))
    assert one == two


def test_dataset_seed_and_hyperparameters_are_what_is_trained(tmp_path) -> None:
    trainer = EmbeddedTrainer(folder=str(tmp_path))
    specs = [
        specification(recipe(), "v1", trainer),
        specification(recipe(), "v2", trainer),
        specification(recipe(seed=1), "v1", trainer),
        specification(recipe(hyperparameters={"epochs": 3}), "v1", trainer),
    ]
    assert len({spec.idem() for spec in specs}) == 4


def test_a_model_is_out_of_date_when_its_training_changes_though_the_dataset_comes_out_equal(tmp_path) -> None:
    trainer = EmbeddedTrainer(folder=str(tmp_path))
    found = [training_inputs(one, trainer, EgressOptions()) for one in (recipe(), recipe("other"), recipe(seed=1))]
    assert found[0] == found[1] != found[2]


def test_the_order_of_hyperparameters_does_not_matter(tmp_path) -> None:
    given = {"epochs": 3, "l2": 0.1}
    specs = [
        specification(recipe(hyperparameters=values), "v1", EmbeddedTrainer(folder=str(tmp_path)))
        for values in (given, dict(reversed(given.items())))
    ]
    assert specs[0] == specs[1]


def test_a_model_s_row_can_be_stored_found_and_traced_to_its_training_rows(lake, tmp_path) -> None:
    spec = specification(recipe(), "v1", EmbeddedTrainer(folder=str(tmp_path)))
    data = TrainingData((Named("b", "train").row(), Named("a", "train").row()), ())
    row = model_row("r", spec, Artifact("place", {"z.json": "2", "a.json": "1"}, {"loss": 0.5}, ()), data)
    lake.write(FINE_TUNED_MODEL, [row], "r")
    lake.write(MODEL_REGISTRY, [row])
    assert registered(lake, spec.idem()) == row
    assert registered(lake, "another") is None
    assert (row["training_rows"], row["artifact_files"], row["artifact_hashes"]) == (
        ["a", "b"], ["a.json", "z.json"], ["1", "2"],
    )  # fmt: skip
    assert json.loads(row["spec"])["dataset_version"] == "v1"
    assert json.loads(row["metrics"]) == {"loss": 0.5}


def test_without_any_dataset_the_base_has_nothing_to_be_tuned_on(lake) -> None:
    assert latest_dataset(lake, ["r"]) == TrainingData((), ())

"""Recipe files as rows: valid ones are partitions, the others rows with a reason, and neither stops the rest."""

import os
from pathlib import Path

import pytest

from assets.raft.recipe_files import options_fault, recipe_rows, recipes_version, valid_recipes
from resources.lake.lake import Lake
from resources.lake.tables import RECIPES
from resources.training.resource import TrainersResource


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    target = tmp_path / "recipes"
    target.mkdir()
    (target / "good.yaml").write_text("name: good\n")
    return target


def test_a_missing_folder_holds_no_recipe(tmp_path) -> None:
    assert valid_recipes(tmp_path / "gone") == {}
    assert recipe_rows(tmp_path / "gone") == []


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("name: [", "not valid YAML"),
        ("", "mapping"),
        ("name: Bad Name", "name"),
        ("name: x\ncolour: red", "colour"),
        ("name: x\ntraining: {backend: mainframe}", "mainframe"),
        ("name: x\ndataset: {p: 7}", "dataset.p"),
        ("name: good", "taken"),
        ("name: <script>", "name"),
    ],
)
def test_a_bad_file_is_a_row_that_names_file_and_reason_beside_the_good_ones(tmp_path, folder, text, reason) -> None:
    (folder / "worse.yaml").write_text(text)
    rows = recipe_rows(folder)
    assert [row["status"] for row in rows] == ["valid", "invalid"]
    assert rows[1]["file"] == "worse.yaml"
    assert "worse.yaml" in rows[1]["error"]
    assert reason in rows[1]["error"]
    assert list(valid_recipes(folder)) == ["good"]
    Lake(tmp_path / "lake").write(RECIPES, rows)


def test_a_file_name_that_is_no_text_is_a_row_too(tmp_path, folder) -> None:
    (folder / os.fsdecode(b"caf\xe9.yaml")).write_text("{")
    Lake(tmp_path / "lake").write(RECIPES, recipe_rows(folder))
    assert len(recipes_version(folder)) == 64


def test_the_version_changes_with_content_and_not_with_comments(folder) -> None:
    before = recipes_version(folder)
    (folder / "good.yaml").write_text("# a remark\nname: good\n")
    assert recipes_version(folder) == before
    (folder / "good.yaml").write_text("name: good\ndataset: {k: 6}\n")
    assert recipes_version(folder) != before


def test_options_that_the_backend_does_not_know_make_a_recipe_a_row_with_the_reason(tmp_path, folder) -> None:
    (folder / "odd.yaml").write_text("name: odd\ntraining: {options: {colour: red}}\n")
    trainers = TrainersResource(folder=str(tmp_path / "models"))
    rows = {row["name"]: row for row in recipe_rows(folder, lambda recipe: options_fault(recipe, trainers))}
    assert (rows["good"]["status"], rows["odd"]["status"]) == ("valid", "invalid")
    assert rows["odd"]["error"] == "recipe odd: training.options: the embedded backend has none, not colour"
    Lake(tmp_path / "lake").write(RECIPES, rows.values())

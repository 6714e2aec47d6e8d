"""Recipes: what a file may say, and what the user reads when it says something else."""

from pathlib import Path

import pytest

from assets.raft.recipes import load_recipes, parse_recipe
from resources.errors import SettingsError

SHIPPED = Path(__file__).parents[3] / "recipes"


def test_the_shipped_recipes_are_valid():
    recipes, problems = load_recipes(SHIPPED)
    assert problems == [] and "raft-embedded" in recipes


def test_a_recipe_needs_only_a_name():
    recipe = parse_recipe("name: small", "small.yaml")
    assert (recipe.dataset.p, recipe.dataset.k, recipe.training.backend) == (0.8, 4, "embedded")


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("name: a\ndataset: {q: 1}", r"a\.yaml: dataset\.q: unknown key; known: strategy, p, k"),
        ("name: a\ncolour: red", r"a\.yaml: colour: unknown key; known: name, dataset, training"),
        ("name: a\ndataset: {p: 1.5}", r"dataset\.p: .*less than or equal to 1, not 1\.5"),
        ("name: a\ndataset: {k: 0}", r"dataset\.k: .*greater than or equal to 1"),
        ("name: a\ndataset: {k: four}", r"dataset\.k: .*integer, not 'four'"),
        (
            "name: a\ndataset: {distractors: easy}",
            r"dataset\.distractors: .*'random', 'hard', 'same_document' or 'mixed'",
        ),
        ("name: a\ntraining: {backend: cloud}", r"training\.backend: .*'embedded', .* or 'local', not 'cloud'"),
        ("name: a\ntraining: {parent: other}", r"training\.parent: .*'' or 'champion', not 'other'"),
        (
            "name: a\ntraining: {terms: {eula: me}}",
            r"terms\.eula: unknown key; known: eula_accepted_by, student_licence",
        ),
        ("name: A b", r"name: .*not 'A b'"),
        ("name: all", r"name: .*choose another, not 'all'"),
        ("dataset: {}", r"name: is missing"),
        ("- a\n- b", r"a recipe is a mapping with the keys name, dataset, training"),
        ("name: [a", r"a\.yaml, line 1: not valid YAML"),
        ("name: a\ndataset: {p: .nan}", r"dataset\.p: .*finite"),
        ("name: a\ntraining: {hyperparameters: {rate: .inf}}", r"hyperparameters\.rate.*finite"),
    ],
)
def test_a_wrong_file_is_told_by_file_key_and_what_is_allowed(text, told):
    with pytest.raises(SettingsError, match=told):
        parse_recipe(text, "a.yaml")


def test_a_broken_file_is_a_problem_and_the_others_still_load(tmp_path):
    (tmp_path / "good.yaml").write_text("name: good")
    (tmp_path / "twice.yaml").write_text("name: good")
    (tmp_path / "bad.yaml").write_text("name: bad\ndataset: {p: 2}")
    (tmp_path / "binary.yaml").write_bytes(b"\xff\xfe\x00")
    recipes, problems = load_recipes(tmp_path)
    assert list(recipes) == ["good"]
    assert [problem.file for problem in problems] == ["bad.yaml", "binary.yaml", "twice.yaml"]
    assert all(problem.file in problem.reason for problem in problems)


def test_a_folder_that_is_not_there_has_no_recipes(tmp_path):
    assert load_recipes(tmp_path / "none") == ({}, [])

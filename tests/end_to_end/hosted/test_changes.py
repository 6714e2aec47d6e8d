"""What a change costs with hosted models: composing anew nothing, an edit a few chunks, a prompt its own stage."""

import json
import os
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
import yaml

from resources.llm.prompts import system_prompt
from tests.end_to_end.conftest import environment
from tests.end_to_end.hosted.conftest import FERRY, KEY_VARIABLE, TRAMWAY, Home, MakeHome

pytestmark = pytest.mark.slow

PACKAGES = ("orchestration", "assets", "resources", "dbt_like_sql")
RECIPE: dict[str, Any] = {"name": "tram", "dataset": {"k": 3}, "training": {"hyperparameters": {"epochs": 5}}}
EDITED = [list(page) for page in FERRY]
EDITED[2][1] = "Lost items are kept for 60 days at the harbour office."


def chunk_texts(exchanges: list[dict[str, Any]]) -> set[str]:
    """The chunks that were sent to a chat model."""
    users = [entry["body"]["messages"][-1]["content"] for entry in exchanges if "messages" in entry["body"]]
    return {text.split("<CHUNK>", 1)[1].split("</CHUNK>", 1)[0] for text in users if "<CHUNK>" in text}


def instructions(exchanges: list[dict[str, Any]]) -> set[str]:
    """The system messages that were sent."""
    return {entry["body"]["messages"][0]["content"] for entry in exchanges if "messages" in entry["body"]}


def recipe(home: Home, **dataset: object) -> None:
    content = {**RECIPE, "dataset": {**RECIPE["dataset"], **dataset}}
    (home.config.parent / "recipes" / "tram.yaml").write_text(yaml.safe_dump(content), encoding="utf-8")


def test_composing_anew_calls_nobody_and_an_edit_sends_at_most_three_chunks(emulator, make_home: MakeHome) -> None:
    home = make_home(emulator)
    home.write(TRAMWAY, "tramway.pdf", "Tramway of Ardle")
    recipe(home)
    home.refresh()
    before = len(emulator.served())
    first = home.rows("raft_dataset", "tram")

    recipe(home, p=0.5, k=4, distractors="random", absent_policy="mix", seed=3)
    home.set(splits={"validation": 0.2, "seed": 8})
    home.refresh()
    assert home.rows("raft_dataset", "tram") != first
    assert len(emulator.served()) == before

    home.write(EDITED)
    home.refresh()
    sent = chunk_texts(emulator.served()[before:])
    assert 1 <= len(sent) <= 3
    assert any("60 days" in text for text in sent)


def test_another_prompt_for_questions_calls_the_teacher_alone(
    emulator, make_home: MakeHome, root: Path, tmp_path
) -> None:
    home = make_home(emulator)
    home.refresh()
    before = len(emulator.served())
    for package in (*PACKAGES, "pyproject.toml"):
        source = root / package
        ignore = shutil.ignore_patterns("__pycache__")
        shutil.copytree(source, tmp_path / package, ignore=ignore) if source.is_dir() else shutil.copy(source, tmp_path)
    prompt = tmp_path / "resources" / "llm" / "prompt_files" / "teacher_questions.en.md"
    prompt.write_text(f"{prompt.read_text(encoding='utf-8').rstrip()}\nPrefer short questions.\n", encoding="utf-8")
    variables = {**environment(home.path), "RAFTLINE_CONFIG": str(home.config), KEY_VARIABLE: home.key}
    done = subprocess.run(
        [sys.executable, str(Path(__file__).with_name("warm.py"))],
        env={**os.environ, "PYTHONPATH": str(tmp_path)},
        input=json.dumps([{"environment": variables}]) + "\n",
        cwd=tmp_path,
        capture_output=True,
        text=True,
        check=True,
    )
    assert done.stdout.endswith("[0]\n"), done.stderr
    after = [entry for entry in emulator.served()[before:] if "messages" in entry["body"]]
    assert after
    said = instructions(after)
    assert f"{system_prompt('teacher_questions', 'en')}\nPrefer short questions." in said
    assert said <= {f"{system_prompt('teacher_questions', 'en')}\nPrefer short questions."}, json.dumps(sorted(said))[
        :500
    ]

"""A home with two differently trained students, on which people promote."""

import hashlib
import json
import shutil
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from assets.evaluation.promotion import fold_champion
from orchestration.catalog import asset_specs
from orchestration.jobs import DECIDE
from orchestration.opening import open_refresher
from orchestration.settings import Settings, load_settings
from orchestration.state import read_state
from orchestration.wiring import build_resources
from resources.lake.lake import WHOLE, Lake
from resources.lake.tables import CHAMPION_MODEL, EVAL_REPORT, MODEL_REGISTRY
from tests.end_to_end.conftest import ROOT, Outcome, raftline_here, succeeded

QUESTION = "What does a bicycle cost for each crossing?"


@dataclass
class Rivals:
    """A home whose people promote, with two trained students."""

    home: Path
    recipes: Path

    @property
    def environment(self) -> dict[str, str]:
        return {"RAFTLINE_RECIPES": str(self.recipes), "RAFTLINE_SERVING__PROMOTION": "manual"}

    def say(self, *args: str, **more: str) -> Outcome:
        return raftline_here(self.home, *args, **self.environment, **more)

    def champion(self, *args: str) -> Outcome:
        return self.say("champion", *args)

    def state(self) -> dict[str, Any]:
        return json.loads(succeeded(self.champion("--json")).out)

    def asked(self) -> dict[str, Any]:
        return json.loads(succeeded(self.say("ask", QUESTION, "--json")).out)

    @property
    def settings(self) -> Settings:
        found = load_settings(ROOT)
        serving = found.serving.model_copy(update={"promotion": "manual"})
        return found.model_copy(update={"home": self.home, "recipes": self.recipes, "serving": serving})

    @property
    def lake(self) -> Lake:
        return Lake(self.home / "lake")

    @property
    def students(self) -> dict[str, str]:
        """The students' ids by recipe."""
        return {row["recipe"]: row["model_id"] for row in self.lake.rows(MODEL_REGISTRY)}

    def report_on(self, recipe: str) -> None:
        """Puts a report in place whose gate a student of this home passed, and folds it."""
        figures = json.dumps({"passed": self.students[recipe]}).encode()
        (self.home / "reports" / "eval_report.json").write_bytes(figures)
        [row] = self.lake.rows(EVAL_REPORT)
        told = {"model_id": self.students[recipe], "recipe": recipe, "promote": True, "verdict": f"{recipe} wins."}
        self.lake.write(EVAL_REPORT, [row | told | {"sha256": hashlib.sha256(figures).hexdigest()}])
        resources = build_resources(self.settings)
        self.lake.write(CHAMPION_MODEL, fold_champion(self.lake, resources["folders"], resources["trainers"]))

    def due(self, asset: str) -> list[str]:
        """What has changed for an asset since it was made."""
        state = read_state(asset_specs(self.settings), build_resources(self.settings))
        return state.assets[asset, WHOLE].changes()

    def materialize(self) -> None:
        """What a person does in the UI."""
        with open_refresher(self.settings) as refresher:
            assert refresher.run(DECIDE, "by hand").error == ""


@pytest.fixture(scope="session")
def trained(small_home, tmp_path_factory: pytest.TempPathFactory) -> Rivals:
    """A copy of the small home with a second student."""
    folder = tmp_path_factory.mktemp("rivals")
    rivals = Rivals(folder / "home", folder / "recipes")
    shutil.copytree(small_home.home, rivals.home)
    shutil.copytree(ROOT / "recipes", rivals.recipes)
    (rivals.recipes / "bold.yaml").write_text(
        "name: bold\ndataset: {p: 1.0, k: 3, seed: 11}\ntraining: {backend: embedded, base_model: extractive-reader}\n",
        encoding="utf-8",
    )
    succeeded(rivals.say("refresh"))
    return rivals


@pytest.fixture
def rivals(trained: Rivals, tmp_path: Path) -> Rivals:
    shutil.copytree(trained.home, tmp_path / "home")
    return Rivals(tmp_path / "home", trained.recipes)


@pytest.fixture
def crowned(rivals: Rivals) -> Callable[[str], str]:
    """Promotes a student; returns its id."""

    def crown(recipe: str) -> str:
        rivals.report_on(recipe)
        succeeded(rivals.champion("approve", "--by", "ada"))
        return rivals.students[recipe]

    return crown

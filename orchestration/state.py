"""Reads what `plan_refresh` decides on: fingerprints, partitions and drift, from the lake and the folders."""

from collections.abc import Mapping
from typing import Any

import dagster as dg

from assets.chunks.contexts import made_by
from assets.documents.ocr import recognized_by, scans_by
from assets.documents.readers import read_by
from assets.documents.transcription import transcribed_by
from assets.evaluation.judging import judged_by
from assets.evaluation.promotion import promotion_inputs
from assets.raft.external import files_version, question_files
from assets.raft.generation import taught_by
from assets.raft.recipe_files import recipe_version, recipes_version, valid_recipes
from assets.raft.recipes import Recipe
from assets.serving.endpoint import out_of_service, serving_inputs
from assets.training.drift import retraining_reason
from assets.training.models import training_inputs
from assets.training.students import unusable
from orchestration.jobs import PHASES
from orchestration.planning import AssetState, RefreshState
from orchestration.training_jobs import at_their_services
from resources.egress.policy import EgressDenied
from resources.errors import SettingsError
from resources.lake.lake import WHOLE, Lake
from resources.lake.stage import Versions, fingerprint
from resources.lake.tables import (
    BATCHED,
    BY_RECIPE,
    CORPUS,
    EVAL_REPORT,
    FINE_TUNED_MODEL,
    MODEL_ENDPOINT,
    SEARCH_INDEX,
)
from resources.search.index_files import UnusableIndex
from resources.training.resource import TrainersResource


def read_state(specs: Mapping[str, dg.AssetSpec], resources: Mapping[str, Any]) -> RefreshState:
    """The state of a home, as far as planning depends on it."""
    lake = resources["lake"].open()
    options = resources["options"]
    folders = resources["folders"]
    batches = [manifest.key for manifest in resources["corpus"].manifests().load()]
    emptied = lake.version(CORPUS) is not None and not lake.count(CORPUS)
    valid = {} if emptied else valid_recipes(folders.recipes_path)  # nothing can be learned from an empty corpus
    recipes = sorted(valid)
    models = resources["models"]
    read = read_by(options.extraction)
    observed = {
        "raw_pdfs": scans_by(models, options.extraction) | read,
        "markdown_pages": read | recognized_by(options.extraction) | transcribed_by(models, options.transcription),
        "contextualized_chunks": made_by(models),
        "chunk_embeddings": models.dependencies("embedder"),
        "qa_pairs": taught_by(models),
        "judge_scores": judged_by(models),
        "external_questions": {"question files": files_version(question_files(folders.questions_path))},
        "recipes": {"recipe files": recipes_version(folders.recipes_path)},
        "champion_model": promotion_inputs(folders, resources["trainers"]),
        "model_endpoint": serving_inputs(resources["trainers"]),
    }
    versions = Versions(lake)
    states: dict[tuple[str, str], AssetState] = {}
    for phase in PHASES:
        for asset in phase.assets:
            partitions = batches if asset in BATCHED else recipes if asset in BY_RECIPE else [WHOLE]
            for partition in partitions:
                seen = observed.get(asset, {})
                if asset == "raft_dataset":
                    seen = {"recipe": recipe_version(valid[partition])}
                elif asset == "fine_tuned_model":
                    seen = _training_inputs(valid[partition], resources["trainers"])
                wanted = fingerprint(versions, specs[asset], partition, options, seen)
                gone = not versions.of(asset, partition) or _lost(asset, partition, lake, resources)
                made = None if gone else lake.fingerprint(asset, partition)
                states[asset, partition] = AssetState(wanted, made)
    retraining = {recipe: retraining_reason(lake, recipe, options.retraining.drift_threshold) for recipe in recipes}
    training = at_their_services(resources["trainers"], lake, valid)
    return RefreshState(batches, recipes, states, retraining, training)


def _training_inputs(recipe: Recipe, trainers: TrainersResource) -> dict[str, str]:
    """Of a backend that is not set up right nothing is known; the recipe's run says what is wrong."""
    try:
        return training_inputs(recipe, trainers.get(recipe.training.backend), trainers.egress)
    except SettingsError:
        return {}


def _lost(asset: str, partition: str, lake: Lake, resources: Mapping[str, Any]) -> bool:
    """Whether the files are gone that an asset's table speaks of."""
    try:
        if asset == SEARCH_INDEX.name:
            resources["index"].check()
        elif asset == EVAL_REPORT.name:
            reports = resources["folders"].reports_path
            return not all(
                (reports / row[file]).is_file() for row in lake.rows(EVAL_REPORT) for file in ("html", "json")
            )
        elif asset == FINE_TUNED_MODEL.name:
            return any(unusable(row, resources["trainers"]) for row in lake.rows(FINE_TUNED_MODEL, partition))
        elif asset == MODEL_ENDPOINT.name:
            return out_of_service(lake.rows(MODEL_ENDPOINT), resources["trainers"])
    except UnusableIndex:
        return True
    except (SettingsError, EgressDenied):
        return False  # whoever uses it says what is wrong; the rest of the home goes on
    return False

"""Every asset and check there is, gathered from the stage folders and the SQL project."""

import warnings
from collections.abc import Mapping
from functools import cache

import dagster as dg

from assets.chunks import assets as chunks
from assets.documents import assets as documents
from assets.evaluation import assets as evaluation
from assets.partitions import document_batches, training_recipes
from assets.raft import assets as raft
from assets.retrieval import assets as retrieval
from assets.serving import assets as serving
from assets.serving import checks as serving_checks
from assets.training import assets as training
from dbt_like_sql.project import build_sql_assets, build_sql_checks
from orchestration.settings import Settings
from orchestration.wiring import build_resources

STAGES = (documents, chunks, retrieval, raft, training, evaluation, serving)


def build_assets(settings: Settings) -> list[dg.AssetsDefinition]:
    """The assets of all stages and the SQL models, owned by the settings' owner."""
    models = build_resources(settings)["models"]
    found = [
        *dg.load_assets_from_modules(STAGES),
        *build_sql_assets({"ledger_calls": models.spend, "egress_log": models.departures}),
    ]
    assets = [asset for asset in found if isinstance(asset, dg.AssetsDefinition)]
    return [asset.map_asset_specs(lambda spec: spec.replace_attributes(owners=[settings.owner])) for asset in assets]


def build_checks() -> list[dg.AssetChecksDefinition]:
    """The checks written in SQL, one per file of dbt_like_sql/checks, and those that look at more than tables."""
    with warnings.catch_warnings():
        # Partitioned checks are in preview in Dagster 1.13; the versions are locked and the checks are tested.
        warnings.simplefilter("ignore", dg.PreviewWarning)
        found = build_sql_checks({"batch": document_batches, "recipe": training_recipes})
    return [*found, serving_checks.champion_in_service]


@cache
def _specs(settings_json: str) -> dict[str, dg.AssetSpec]:
    settings = Settings.model_validate_json(settings_json)
    return {spec.key.to_user_string(): spec for asset in build_assets(settings) for spec in asset.specs}


def asset_specs(settings: Settings) -> Mapping[str, dg.AssetSpec]:
    """Every asset's specification by name."""
    return _specs(settings.model_dump_json())

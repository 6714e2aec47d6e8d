"""What a refresh will run and why: a pure function over our own fingerprints.

`demo`, `refresh`, the sensors and the schedule all ask here. Dagster's own staleness is not used: it stops at
100 upstream partitions and calls a batch fresh that does not exist yet.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace

from orchestration.jobs import BY_BATCH, BY_RECIPE, INGEST, PHASES, PUBLISH, TRAIN, Phase
from resources.lake.lake import WHOLE

DRIVEN_BY_DRIFT = frozenset({"question_bank", "corpus", "near_duplicates", "search_index", "recipes"})
"""Inputs whose change alone does not retrain: the drift threshold decides, and of the recipes only one's own."""


@dataclass(frozen=True)
class AssetState:
    """An asset partition's fingerprint as it would be made now, and as it was when it was made (None: never)."""

    wanted: Mapping[str, str]
    made: Mapping[str, str] | None

    def changes(self) -> list[str]:
        """What differs, by input name; `never made` if it does not exist."""
        if self.made is None:
            return ["never made"]
        names = sorted({*self.wanted, *self.made})
        return [name for name in names if self.wanted.get(name) != self.made.get(name)]


@dataclass(frozen=True)
class RefreshState:
    """Everything the plan depends on. `retraining` holds, per recipe, why training is due, or an empty text.

    `training` tells of the recipes that a service is training just as they are: there is nothing to do but wait.
    """

    batches: Sequence[str]
    recipes: Sequence[str]
    assets: Mapping[tuple[str, str], AssetState]
    retraining: Mapping[str, str]
    training: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True)
class PlannedRun:
    """A run to make. `expected` runs follow only if the runs before them change something.

    `assets` are those of its job that it makes; none named means all.
    """

    job: str
    partition: str
    reason: str
    expected: bool = False
    assets: tuple[str, ...] = ()


def plan_refresh(state: RefreshState) -> list[PlannedRun]:
    """The runs that bring everything up to date, phase by phase.

    Once a phase has runs, later phases cannot be known for certain: those runs are marked as expected.
    """
    plan: list[PlannedRun] = []
    for phase in PHASES:
        runs = phase_runs(phase, state)
        if not plan:
            plan.extend(runs)
            continue
        upstream = plan[-1].job
        named = {(run.job, run.partition): run for run in runs}
        for partition in _partitions(phase, state):
            run = named.get((phase.job, partition))
            if run is not None:
                plan.append(replace(run, expected=True))
            elif phase is not PUBLISH or _trained(state) or upstream == TRAIN.job:
                plan.append(PlannedRun(phase.job, partition, f"if {upstream} changes its input", expected=True))
    return plan


def _partitions(phase: Phase, state: RefreshState) -> Sequence[str]:
    return {BY_BATCH: state.batches, BY_RECIPE: state.recipes}.get(phase.by, (WHOLE,))


def phase_runs(phase: Phase, state: RefreshState) -> list[PlannedRun]:
    """The runs of one phase that its own fingerprints call for, whatever the phases before it still have to do."""
    if phase is not INGEST and not state.batches:
        return []
    if phase is PUBLISH and not _trained(state):
        return []
    found = []
    for partition in _partitions(phase, state):
        reason = _reason(phase, partition, state)
        if reason:
            found.append(
                PlannedRun(phase.job, partition, reason, assets=_from_the_first_stale(phase, partition, state))
            )
    return found


def _from_the_first_stale(phase: Phase, partition: str, state: RefreshState) -> tuple[str, ...]:
    """The assets that a complete batch lacks: the first that is out of date, and what follows it.

    Those before it are left alone only in the versions that the batch's marker names: for these, and no others, their
    blocking checks have passed.
    """
    marker = state.assets.get((phase.assets[-1], partition)) if phase is INGEST else None
    if marker is None or marker.made is None:
        return ()
    unvouched = set(marker.changes())
    for number, asset in enumerate(phase.assets):
        known = state.assets.get((asset, partition))
        if asset in unvouched or (known and known.changes()):
            return phase.assets[number:] if number else ()
    return ()


def _trained(state: RefreshState) -> bool:
    return any(asset == "fine_tuned_model" and known.made is not None for (asset, _), known in state.assets.items())


def _reason(phase: Phase, partition: str, state: RefreshState) -> str:
    if phase is TRAIN and state.retraining.get(partition):
        return state.retraining[partition]
    waits = phase is TRAIN and partition in state.training
    for asset in ("raft_dataset",) if waits else phase.assets:
        known = state.assets.get((asset, partition)) or state.assets.get((asset, WHOLE))
        changes = known.changes() if known else []
        if phase is TRAIN:
            changes = [change for change in changes if change not in DRIVEN_BY_DRIFT]
        if changes:
            return f"{asset}: {_wording(changes)}"
    return ""


def _wording(changes: list[str]) -> str:
    if changes == ["never made"]:
        return "not made yet"
    return ", ".join(changes) + (" has changed" if len(changes) == 1 else " have changed")

"""Tuning one student: what is trained on which rows, the job that does it, and what came of it."""

from collections.abc import Callable
from dataclasses import dataclass

from assets.corpus import versions_ever
from assets.raft.recipe_files import parent_fault
from assets.raft.recipes import Recipe
from assets.raft.teachers import teachers_of
from assets.training.models import specification, training_data
from assets.training.parents import parent_of_recipe, stamp_of_parent
from assets.training.preflight import Purse, before_spending
from assets.training.provenance import provenance
from assets.training.stamps import emulator_stamp
from assets.training.uploads import Upload, asked_about, class_of_rows, prepare
from resources.egress.classification import DocumentClasses
from resources.egress.redaction import Redactor
from resources.egress.secret import placeholder_key
from resources.errors import SettingsError
from resources.lake.lake import Lake
from resources.lake.resource import arrivals
from resources.lake.tables import QUESTION_BANK, RAFT_DATASET
from resources.llm.budget import this_month
from resources.llm.resource import ModelsResource
from resources.packages import lock_hash
from resources.training.base import (
    SUCCEEDED,
    Artifact,
    CapacityLacking,
    Quote,
    TrainingFailed,
    TrainingSpec,
)
from resources.training.book import Order, TrainingBook
from resources.training.book_tables import Job
from resources.training.placing import place
from resources.training.resource import TrainersResource
from resources.training.spent import spent_besides_calls
from resources.training.trainer import Trainer
from resources.training.watching import JobWatch, words_of


@dataclass(frozen=True)
class Wish:
    """What a recipe wants trained: the specification, and the rows as the trainer is given them."""

    recipe: Recipe
    spec: TrainingSpec
    upload: Upload


@dataclass(frozen=True)
class Tuned:
    """What came of a wish: the job, whether it was adopted, and the artifact; None while the job is at its service."""

    job: Job
    adopted: bool
    artifact: Artifact | None


def wish_of(lake: Lake, recipe: Recipe, trainer: Trainer, trainers: TrainersResource, book: TrainingBook) -> Wish:
    """What a recipe wants trained now. Raises `SettingsError` for what the backend does not know or cannot do, and
    `TrainingRejected` if the champion cannot be its parent.
    """
    data_format = trainer.data_format(recipe.training.options)
    fault = parent_fault(recipe, trainer)
    if fault:
        raise SettingsError(f"recipe {recipe.name}: {fault}")
    data = training_data(lake.rows(RAFT_DATASET, recipe.name))
    door = trainers.door()
    classes = DocumentClasses(trainers.egress.classification, lambda: arrivals(lake))
    class_of = class_of_rows(classes, versions_ever(lake), asked_about(lake.rows_or_empty(QUESTION_BANK)))
    redactor = Redactor(placeholder_key(door.folder), trainers.egress.kinds)
    upload = prepare(data, trainer, data_format, trainers.egress, redactor, class_of)
    version = lake.version(RAFT_DATASET, recipe.name) or ""
    parent = parent_of_recipe(lake, recipe, trainer, version, [*book.open_jobs(recipe=recipe.name), *book.untold()])
    return Wish(recipe, specification(recipe, version, trainer, upload.rules, parent), upload)


def tune(
    wish: Wish,
    lake: Lake,
    models: ModelsResource,
    watch: JobWatch,
    run_id: str,
    asked_to_stop: Callable[[], bool],
) -> Tuned:
    """Places the job, watches it, and verifies what it made. The recipe's jobs of other data end or are left to finish.

    Raises `TrainingFailed` with the service's words for any end but success, and `CapacityLacking` where it may be asked
    again.
    """
    order = Order(wish.recipe.name, run_id, lock_hash())
    tags = {"owner": watch.options.owner, "run": run_id}
    watch.supersede(order, wish.spec)

    def check() -> Quote:
        purse = _purse(models, watch.book, run_id, wish.spec.idem())
        teachers = teachers_of(lake)
        return before_spending(wish.recipe, wish.spec, wish.upload.data, watch.trainer, teachers, purse)

    placed = place(watch, wish.spec, wish.upload.data, order, tags, check)
    job = watch.follow(placed.job, asked_to_stop)
    if job.open and not job.ending:
        return Tuned(job, placed.adopted, None)
    if job.status != SUCCEEDED:
        watch.book.tell(job)
        again = watch.book.last(job.idem)
        raise (CapacityLacking if again and again.open and not again.handle else TrainingFailed)(words_of(job))
    if job.handle is None:
        raise TrainingFailed(f"job {job.name} succeeded and is not at its service")
    try:
        return Tuned(job, placed.adopted, watch.trainer.artifact(job.handle))
    except TrainingFailed:
        watch.book.tell(job)
        raise


def row_facts(wish: Wish, tuned: Tuned, lake: Lake, models: ModelsResource, trainer: Trainer) -> tuple[str, str | None]:
    """Where a model comes from, as JSON, and why it is no real one, or None."""
    if tuned.artifact is None:
        raise TrainingFailed(f"job {tuned.job.name} has made no model yet")
    withheld = sum(wish.upload.withheld.values())
    lock = tuned.job.lock
    origin = provenance(wish.spec, tuned.artifact, lock, teachers_of(lake), wish.recipe.training.terms, withheld)
    told = tuned.artifact.provenance.get("not_real", "")
    inherited = stamp_of_parent(lake, wish.spec.parent)
    emulated = trainer.not_real() or ("" if tuned.job.real else "its job was an emulator's")
    return origin, emulator_stamp(lake, models.not_real_models()) or told or emulated or inherited or None


def _purse(models: ModelsResource, book: TrainingBook, run_id: str, idem: str) -> Purse:
    """The budget, and what calls, jobs and endpoints took of it, but for the job that is about to be submitted."""
    month = this_month()
    in_month = book.ledger.spent(month=month) + spent_besides_calls(book.ledger, month, besides=idem)
    return Purse(models.budget, book.ledger.spent(run_id=run_id), in_month)

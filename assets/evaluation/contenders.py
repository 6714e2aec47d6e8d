"""Who meets whom: the base, the candidates, the champion, and how one candidate is selected on validation."""

from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from assets.evaluation.arms import BASE_RAG, TUNED_RAG
from assets.evaluation.champion import current
from assets.evaluation.comparison import Contender, board_of
from assets.training.learned import contamination, held_out
from assets.training.models import registered
from resources.errors import LakeError
from resources.lake.lake import Lake
from resources.lake.tables import ANSWER_SCORES, CHAMPION_MODEL, FINE_TUNED_MODEL
from resources.options import EvaluationOptions
from resources.training.serving import BASE, StudentModel

Row = dict[str, Any]


@dataclass(frozen=True)
class Selection:
    """The candidate chosen on the validation questions, those next to it, best first, and how all of them did."""

    model: Row
    table: tuple[Mapping[str, str], ...]
    others: tuple[Row, ...] = ()


def base_contender(base_model: str, backend: str = "", emulated: Collection[str] = ()) -> Contender:
    """The untrained model under its arm. `emulated` are the models of which an emulator ever answered."""
    stamp = _stamp(StudentModel(backend, base_model), emulated)
    return Contender(BASE, BASE_RAG.name, f"{base_model} (base) + documents", stamp)


def tuned_contender(row: Mapping[str, Any], emulated: Collection[str] = ()) -> Contender:
    """A student under the tuned arm, with its stamp if it is no real model: it learned from an emulator, or is one."""
    label = f"{row['recipe']} ({row['model_id'][:8]}) + documents"
    stamp = row["stamp"] or _stamp(StudentModel(row["backend"], row["base_model"], row["model_id"]), emulated)
    return Contender(row["model_id"], TUNED_RAG.name, label, stamp)


def select(
    lake: Lake,
    items: Sequence[Mapping[str, Any]],
    recipes: Iterable[str],
    options: EvaluationOptions,
    emulated: Collection[str] = (),
    among: Collection[str] | None = None,
) -> Selection:
    """The model with the highest mean utility over the validation questions; ties go to the first recipe by name.

    A stamped model is not ranked: it is chosen only where no real one was scored, and the report says what it is.
    One that trained on what the test asks, itself or before it, takes no part. With `among`, the models that the test
    questions were put to, no other is chosen. Raises `LakeError` if no recipe has a model with scores, all learned from
    the test, or none of them is among those.
    """
    table, found, barred = [], [], []
    test = held_out(items)
    for recipe in sorted(recipes):
        rows = lake.rows_or_empty(FINE_TUNED_MODEL, recipe)
        if not rows:
            continue
        contender = tuned_contender(rows[0], emulated)
        board = board_of(
            items, lake.rows_or_empty(ANSWER_SCORES, recipe), "validation", options.seed, options.bootstrap_draws
        )
        interval = board.interval(contender.key, "utility", lambda _: True)
        if interval.mean is None:
            continue
        problem = contamination(lake, rows[0]["model_id"], test)
        if problem:
            barred.append(f"{recipe}: {problem}")
            table.append(_line(rows[0], contender, f"takes no part: {problem}", interval.n))
            continue
        value = "not a real model: not ranked" if contender.stamp else f"{interval.mean:.3f}"
        table.append(_line(rows[0], contender, value, interval.n))
        if among is None or rows[0]["model_id"] in among:
            found.append((bool(contender.stamp), -interval.mean, rows[0]))
    if not table:
        raise LakeError("no recipe has a trained and scored model: run the job train_recipe first")
    if len(barred) == len(table):
        raise LakeError(
            f"no model may meet the test: {'; '.join(barred)}. It has to be trained again, from its base model: "
            "`raftline jobs` lists what is being trained, `raftline refresh` what is due"
        )
    if not found:
        raise LakeError("the test answers are those of models that were replaced since: run the job publish_report")
    best, *others = (row for *_, row in sorted(found, key=lambda entry: entry[:2]))
    return Selection(best, tuple(table), tuple(others))


def champion_row(lake: Lake) -> Row | None:
    """The registry row of the current champion; None while it is the base."""
    model_id = current(lake.rows_or_empty(CHAMPION_MODEL))
    return registered(lake, model_id) if model_id else None


def _line(row: Row, contender: Contender, utility: str, items: int) -> dict[str, str]:
    """What the report says of a student that could be chosen."""
    return {
        "model": contender.label,
        "trained by": f"{row['backend']}, from {row['base_model']}",
        "utility": utility,
        "items": str(items),
        "remark": contender.stamp,
    }


def _stamp(student: StudentModel, emulated: Collection[str]) -> str:
    """`emulated` names models as `ModelsResource.not_real_models` does."""
    name = f"{student.backend}/{student.name}"
    answered = any(model == name or model.startswith(f"{name} at ") for model in emulated)
    return "an emulator answered for it" if answered else ""

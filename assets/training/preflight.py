"""Before a job is paid for: terms that nobody acknowledged, data that the service refuses, money that there is not."""

import math
from collections.abc import Sequence
from dataclasses import dataclass

from assets.raft.recipes import Recipe
from resources.llm.budget import money
from resources.options import BudgetOptions
from resources.training.base import Quote, TrainingData, TrainingRejected, TrainingSpec
from resources.training.trainer import Trainer

_LICENSED = ("sagemaker_jumpstart", "local")
"""Backends whose base models come as weights under a licence of their own."""


@dataclass(frozen=True)
class Purse:
    """The budget, and what was spent of it (USD): by this run and in this month (UTC), training included."""

    budget: BudgetOptions
    in_run: float = 0.0
    in_month: float = 0.0


def before_spending(
    recipe: Recipe, spec: TrainingSpec, data: TrainingData, trainer: Trainer, teachers: Sequence[str], purse: Purse
) -> Quote:
    """What the job is expected to cost. Raises `TrainingRejected` with everything that is in the way, a line each."""
    faults = unacknowledged(recipe, teachers)
    try:
        trainer.preflight(spec, data)
    except TrainingRejected as error:
        faults.append(str(error))
    if faults:
        raise TrainingRejected("\n".join(faults))
    quote = trainer.quote(spec, data)
    faults = over_budget(quote, trainer, purse)
    if faults:
        raise TrainingRejected("\n".join(faults))
    return quote


def unacknowledged(recipe: Recipe, teachers: Sequence[str]) -> list[str]:
    """The terms that a recipe must acknowledge and does not, with what to write into it.

    `teachers` are the models that wrote the questions; the embedded one sets no terms.
    """
    training, terms = recipe.training, recipe.training.terms
    hosted = [teacher for teacher in teachers if not teacher.startswith("embedded")]
    wanted = [
        (
            bool(training.options.get("accept_eula")) and not terms.eula_accepted_by,
            "eula_accepted_by: <name or e-mail>",
            f"nobody is named who accepted the end-user licence of {training.base_model}",
        ),
        (
            training.backend in _LICENSED and not terms.student_licence,
            "student_licence: <licence>",
            f"the licence under which {training.base_model} may be tuned is not stated",
        ),
        (
            training.backend != "embedded" and hosted and not terms.teacher_terms,
            "teacher_terms: <terms, or where they are>",
            f"the terms under which output of {', '.join(hosted)} may train another model are not stated",
        ),
    ]
    return [
        f"{reason}; once you have read it, write training.terms.{line} into recipe {recipe.name}"
        for missing, line, reason in wanted
        if missing
    ]


def over_budget(quote: Quote, trainer: Trainer, purse: Purse) -> list[str]:
    """Why a job of this price may not be submitted now."""
    budget = purse.budget
    if (trainer.runs_here and not quote.usd) or budget == BudgetOptions():
        return []
    if quote.usd is None:
        return [
            f"budget: no price is known for this job ({quote.basis}), so the budget cannot be kept; set the price in "
            f"trainers.{trainer.backend}"
        ]
    faults = []
    for key, limit, spent, period in (
        ("per_run_usd", budget.per_run_usd, purse.in_run, "run"),
        ("per_month_usd", budget.per_month_usd, purse.in_month, "month (UTC)"),
    ):
        if limit is not None and spent + quote.usd > limit:
            faults.append(
                f"budget.{key} is {money(limit)}, of which {money(spent)} are spent in this {period}; the training job is "
                f"expected to cost {money(quote.usd)} ({quote.basis}). Nothing was submitted: raise budget.{key} or set "
                f"RAFTLINE_BUDGET__{key.upper()}, then run again"
            )
    if budget.approve_stage_usd is not None and quote.usd > budget.approve_stage_usd:
        allowed = math.ceil(quote.usd * 1.2 * 100) / 100
        faults.append(
            f"the training job is expected to cost {money(quote.usd)} ({quote.basis}), which is above "
            f"budget.approve_stage_usd ({money(budget.approve_stage_usd)}). Nothing was submitted; to approve it, run "
            f"RAFTLINE_BUDGET__APPROVE_STAGE_USD={allowed:g} raftline refresh"
        )
    return faults

"""The report's inputs gathered from the lake, and the champion's next decision."""

from collections import Counter
from collections.abc import Mapping, Sequence
from typing import Any

from assets.evaluation.arms import ARMS, arms_for
from assets.evaluation.comparison import Contender
from assets.evaluation.contenders import Selection, base_contender, champion_row, tuned_contender
from assets.evaluation.metrics import score_answers
from assets.evaluation.page_images import highlighter
from assets.evaluation.report import Provenance, ReportInputs
from assets.raft.recipes import Recipe
from resources.errors import LakeError
from resources.lake.lake import Lake
from resources.lake.tables import CORPUS, MARKDOWN_PAGES, QUESTION_BANK, RAFT_DATASET, TEST_ANSWERS
from resources.options import PipelineOptions
from resources.training.resource import TrainersResource

Row = Mapping[str, Any]


def pages_of(corpus: Sequence[Row]) -> dict[str, tuple[str, int]]:
    """Document and page of every chunk."""
    return {chunk["chunk_id"]: (chunk["document_id"], chunk["page_start"]) for chunk in corpus}


def contaminated_rows(lake: Lake, model: Row, items: Sequence[Row]) -> int | None:
    """The model's own training rows whose oracle answers a test question; None if its dataset was replaced since."""
    rows = {row["row_id"]: row for row in lake.rows_or_empty(RAFT_DATASET, model["recipe"])}
    if not set(model["training_rows"]) <= set(rows):
        return None
    oracles = {row["question_id"]: row["chunk_id"] for row in lake.rows(QUESTION_BANK)}
    tested = {item["chunk_id"] for item in items if item["split"] == "test" and item["chunk_id"]}
    return sum(oracles.get(rows[name]["question_id"]) in tested for name in model["training_rows"])


def report_inputs(
    lake: Lake,
    items: Sequence[Row],
    selection: Selection,
    recipe: Recipe,
    trainers: TrainersResource,
    options: PipelineOptions,
) -> ReportInputs:
    """Everything the report shows. The champion before this report is the one the candidate must beat."""
    corpus = lake.rows(CORPUS)
    pages = pages_of(corpus)
    answers = lake.rows(TEST_ANSWERS)
    base = base_contender(recipe.training.base_model)
    candidate = tuned_contender(selection.model, trainers) if selection.model else None
    crowned = champion_row(lake)
    capabilities = trainers.get(recipe.training.backend).capabilities
    met = {answer["model_id"] for answer in answers}
    champion = tuned_contender(crowned, trainers) if crowned and crowned["model_id"] in met else base
    bank = lake.rows(QUESTION_BANK)
    return ReportInputs(
        items=items,
        answers=answers,
        scores=score_answers(items, answers, pages),
        contenders=_distinct([base, champion, *([candidate] if candidate else [])]),
        champion=base if candidate and champion.key == candidate.key else champion,
        candidate=candidate,
        provenance=Provenance(
            dataset_version=selection.model["dataset_version"][:16] if selection.model else "",
            recipe=recipe.name,
            base_model=recipe.training.base_model,
            model_id=selection.model["model_id"] if selection.model else "",
            seeds={
                "dataset": recipe.dataset.seed,
                "training": recipe.training.seed,
                "evaluation": options.evaluation.seed,
            },
            training_rows=len(selection.model["training_rows"]) if selection.model else 0,
            contaminated=contaminated_rows(lake, selection.model, items) if selection.model else None,
            rejected=dict(Counter(row["reason"] for row in bank if row["reason"])),
        ),
        seed=options.evaluation.seed,
        draws=options.evaluation.bootstrap_draws,
        pages=pages,
        page_image=_page_image(lake, corpus),
        not_applicable=dict.fromkeys(
            sorted(set(ARMS) - {arm.name for arm in arms_for(capabilities)}),
            f"{recipe.training.base_model} cannot run it",
        ),
        validation=selection.table,
    )


def _distinct(contenders: Sequence[Contender]) -> list[Contender]:
    return list({contender.key: contender for contender in contenders}.values())


def _page_image(lake: Lake, corpus: Sequence[Row]) -> Any:
    wanted = {(chunk["document_id"], chunk["version"]) for chunk in corpus}
    pages = [
        page
        for batch in lake.partitions(MARKDOWN_PAGES)
        for page in lake.rows(MARKDOWN_PAGES, batch)
        if (page["document_id"], page["version"]) in wanted
    ]

    def pdf_of(version: str) -> bytes | None:
        try:
            return lake.get_blob(version)
        except LakeError:
            return None

    return highlighter(corpus, pages, pdf_of)

"""From the lake to the report's inputs, and from the report to its files and its row."""

from collections import Counter
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from assets.corpus import pages_of
from assets.evaluation.arms import ARMS, arms_for
from assets.evaluation.comparison import Contender
from assets.evaluation.contenders import Selection, base_contender, champion_row, tuned_contender
from assets.evaluation.examples import PageImage
from assets.evaluation.metrics import score_answers
from assets.evaluation.page_images import highlighter
from assets.evaluation.report import Provenance, Report, ReportInputs
from assets.raft.recipes import Recipe
from resources.corpus.manifest import sequence_of
from resources.errors import LakeError
from resources.files import write_whole
from resources.lake.lake import Lake
from resources.lake.tables import CORPUS, JUDGE_SCORES, MARKDOWN_PAGES, QUESTION_BANK, RAFT_DATASET, TEST_ANSWERS
from resources.llm.resource import ModelsResource
from resources.options import PipelineOptions
from resources.training.resource import TrainersResource

HTML, JSON = "eval_report.html", "eval_report.json"

Row = Mapping[str, Any]


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
    models: ModelsResource,
    options: PipelineOptions,
) -> ReportInputs:
    """Everything the report shows. The champion before this report is the one the candidate must beat."""
    corpus = lake.rows(CORPUS)
    pages = pages_of(corpus)
    answers = lake.rows(TEST_ANSWERS)
    base = base_contender(recipe.training.base_model)
    candidate = tuned_contender(selection.model, trainers)
    crowned = champion_row(lake)
    capabilities = trainers.get(recipe.training.backend).capabilities
    met = {answer["model_id"] for answer in answers}
    champion = tuned_contender(crowned, trainers) if crowned and crowned["model_id"] in met else base
    bank = lake.rows(QUESTION_BANK)
    return ReportInputs(
        items=items,
        answers=answers,
        scores=score_answers(items, answers, pages),
        contenders=_distinct([base, champion, candidate]),
        champion=base if champion.key == candidate.key else champion,
        candidate=candidate,
        provenance=Provenance(
            dataset_version=selection.model["dataset_version"][:16],
            recipe=recipe.name,
            base_model=recipe.training.base_model,
            model_id=selection.model["model_id"],
            seeds={
                "dataset": recipe.dataset.seed,
                "training": recipe.training.seed,
                "evaluation": options.evaluation.seed,
            },
            training_rows=len(selection.model["training_rows"]),
            contaminated=contaminated_rows(lake, selection.model, items),
            rejected=dict(Counter(row["reason"] for row in bank if row["reason"])),
        ),
        seed=options.evaluation.seed,
        draws=options.evaluation.bootstrap_draws,
        pages=pages,
        page_image=_page_image(lake, corpus, items),
        not_applicable=dict.fromkeys(
            sorted(set(ARMS) - {arm.name for arm in arms_for(capabilities)}),
            f"{recipe.training.base_model} cannot run it",
        ),
        validation=selection.table,
        judge_scores=lake.rows_or_empty(JUDGE_SCORES),
        judge_model=models.identity("judge") if models.plays("judge") else "",
        not_real=models.not_real_roles(),
    )


def write_report(report: Report, folder: Path) -> Path:
    """Writes page and figures into the folder, each in one step; returns where the page is."""
    folder.mkdir(parents=True, exist_ok=True)
    write_whole(folder / HTML, report.html.encode())
    write_whole(folder / JSON, report.json.encode())
    return folder / HTML


def report_row(report: Report, model: Row, items: Sequence[Row]) -> dict[str, Any]:
    """The row of `eval_report`."""
    return {
        "model_id": model["model_id"],
        "recipe": model["recipe"],
        "snapshot": items[0]["snapshot"] if items else "",
        "promote": report.decision.promote,
        "recommended": report.decision.recommended,
        "verdict": report.verdict,
        "html": HTML,
        "json": JSON,
    }


def _distinct(contenders: Sequence[Contender]) -> list[Contender]:
    return list({contender.key: contender for contender in contenders}.values())


def _page_image(lake: Lake, corpus: Sequence[Row], items: Sequence[Row]) -> PageImage:
    """Pictures of the pages that test items show; of a large corpus no other page is read."""
    shown = {document["chunk_id"] for item in items if item["split"] == "test" for document in item["documents"]}
    chunks = [chunk for chunk in corpus if chunk["chunk_id"] in shown]
    wanted = {(chunk["document_id"], chunk["version"], chunk["page_start"]) for chunk in chunks}
    sequences = {chunk["sequence"] for chunk in chunks}
    pages = [
        page
        for batch in lake.partitions(MARKDOWN_PAGES)
        if sequence_of(batch) in sequences
        for page in lake.rows(MARKDOWN_PAGES, batch)
        if (page["document_id"], page["version"], page["page"]) in wanted
    ]

    def pdf_of(version: str) -> bytes | None:
        try:
            return lake.get_blob(version)
        except LakeError:
            return None

    return highlighter(chunks, pages, pdf_of)

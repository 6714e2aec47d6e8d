"""From the lake to the report's inputs, and from the report to its files and its row."""

import hashlib
from collections import Counter
from collections.abc import Mapping, Sequence
from collections.abc import Set as AbstractSet
from dataclasses import replace
from pathlib import Path
from typing import Any

from assets.corpus import pages_of
from assets.documents.fidelity import readers_told
from assets.evaluation.arms import ARMS, BASE_CLOSED_BOOK, FEW_SHOT_RAG, TUNED_CLOSED_BOOK, arms_for
from assets.evaluation.comparison import Contender
from assets.evaluation.contenders import Selection, base_contender, champion_row, tuned_contender
from assets.evaluation.examples import PageImage
from assets.evaluation.metrics import score_answers
from assets.evaluation.page_images import highlighter
from assets.evaluation.report import Provenance, Report, ReportInputs
from assets.raft.recipes import Recipe
from assets.training.learned import held_out, shared_with
from resources.corpus.manifest import sequence_of
from resources.errors import LakeError
from resources.files import write_whole
from resources.lake.lake import Lake
from resources.lake.tables import (
    CHAMPION_MODEL,
    CORPUS,
    JUDGE_SCORES,
    MARKDOWN_PAGES,
    QUESTION_BANK,
    TEST_ANSWERS,
)
from resources.llm.resource import ModelsResource
from resources.options import PipelineOptions
from resources.training.resource import TrainersResource

HTML, JSON = "eval_report.html", "eval_report.json"

Row = Mapping[str, Any]


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
    emulated = models.not_real_models()
    base = base_contender(recipe.training.base_model, recipe.training.backend, emulated)
    candidate = tuned_contender(selection.model, emulated)
    crowned = champion_row(lake)
    capabilities = trainers.get(recipe.training.backend).capabilities
    met = {answer["model_id"] for answer in answers}
    further = further_contenders(answers, base, candidate)
    champion = tuned_contender(crowned, emulated) if crowned and crowned["model_id"] in met else base
    bank = lake.rows(QUESTION_BANK)
    return ReportInputs(
        items=items,
        answers=answers,
        scores=score_answers(items, answers, pages),
        contenders=_distinct([base, champion, candidate, *further]),
        champion=base if champion.key == candidate.key else champion,
        candidate=candidate,
        closed_book=next((one for one in further if one.arm == TUNED_CLOSED_BOOK.name), None),
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
            contaminated=shared_with(lake, selection.model["model_id"], held_out(items)),
            readers=readers_told(_pages_in_use(lake, corpus)),
            rejected=dict(Counter(row["reason"] for row in bank if row["reason"])),
        ),
        seed=options.evaluation.seed,
        draws=options.evaluation.bootstrap_draws,
        pages=pages,
        page_image=_page_image(lake, corpus, items),
        not_applicable=_idle_reasons(recipe, capabilities),
        validation=selection.table,
        judge_scores=lake.rows_or_empty(JUDGE_SCORES),
        judge_model=models.identity("judge") if models.plays("judge") else "",
        not_real=models.not_real_roles(),
        decisions=lake.rows_or_empty(CHAMPION_MODEL),
    )


def further_contenders(answers: Sequence[Row], base: Contender, candidate: Contender) -> list[Contender]:
    """The few-shot base and the closed books, where they were asked: shown beside the rest, never promoted."""
    untrained, trained = (one.label.removesuffix(" + documents") for one in (base, candidate))
    known = (
        replace(base, arm=FEW_SHOT_RAG.name, label=f"{untrained}, few-shot + documents"),
        replace(base, arm=BASE_CLOSED_BOOK.name, label=f"{untrained}, closed book"),
        replace(candidate, arm=TUNED_CLOSED_BOOK.name, label=f"{trained}, closed book"),
    )
    asked = {(answer["model_id"], answer["arm"]) for answer in answers}
    return [contender for contender in known if (contender.model_id, contender.arm) in asked]


def _idle_reasons(recipe: Recipe, capabilities: AbstractSet[str]) -> dict[str, str]:
    """Why an arm that nobody ran was not run."""
    able = {arm.name for arm in arms_for(capabilities)}
    unable = dict.fromkeys(sorted(set(ARMS) - able), f"{recipe.training.base_model} cannot run it")
    return unable | ({FEW_SHOT_RAG.name: "no training row serves as an example"} if FEW_SHOT_RAG.name in able else {})


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
        "dataset_version": model["dataset_version"],
        "snapshot": items[0]["snapshot"] if items else "",
        "promote": report.decision.promote,
        "recommended": report.decision.recommended,
        "verdict": report.verdict,
        "html": HTML,
        "json": JSON,
        "sha256": hashlib.sha256(report.json.encode()).hexdigest(),
    }


def _distinct(contenders: Sequence[Contender]) -> list[Contender]:
    return list({contender.key: contender for contender in contenders}.values())


def _pages_in_use(lake: Lake, corpus: Sequence[Row]) -> list[Row]:
    """Every page of the corpus' documents, with who read it."""
    wanted = {(chunk["document_id"], chunk["version"]): chunk["sequence"] for chunk in corpus}
    return [
        page
        for batch in lake.partitions(MARKDOWN_PAGES)
        for page in lake.read(MARKDOWN_PAGES, batch, ["document_id", "version", "method", "markdown"]).to_pylist()
        if wanted.get((page["document_id"], page["version"])) == sequence_of(batch)
    ]


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

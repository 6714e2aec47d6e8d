"""Readers trained on our questions and on third-party ones, tested on both, against the untrained reader."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

from assets.evaluation.answering import answer_items
from assets.evaluation.arms import BASE_RAG, TUNED_RAG
from assets.evaluation.comparison import Board, board_of
from assets.evaluation.conditions import ORACLE_PRESENT
from assets.evaluation.metrics import score_answers
from assets.evaluation.snapshot import cut_snapshot, evaluated_questions
from assets.raft.composition import compose
from assets.raft.recipes import DatasetRecipe, Recipe
from assets.retrieval.neighbours import rank_chunks
from benchmarks.guide import Guide
from benchmarks.page_split import TEST, TRAIN, VALIDATION
from resources.hashing import content_hash
from resources.llm.embedded.reader import Reader
from resources.llm.embedded.reader_training import ReaderHyperparameters, train_reader
from resources.llm.models import ChatModel, Models
from resources.llm.request import ModelIdentity
from resources.training.embedded import ReaderTarget

SEED = 7
DOCUMENTS = 6
"""Documents shown with each question, as in the pipeline's own evaluation."""

GENERATED, THIRD_PARTY = "generated", "third_party"
ORIGINS = {GENERATED: "ours", THIRD_PARTY: "theirs"}
RECIPE = Recipe(name="third-party-benchmark", dataset=DatasetRecipe(seed=SEED))

Row = dict[str, Any]


@dataclass(frozen=True)
class Fold:
    """Pages (0-based) that a reader is fitted on, that its stopping point and threshold are chosen on, that it answers."""

    fit: frozenset[int]
    tune: frozenset[int]
    score: frozenset[int]


@dataclass(frozen=True)
class Contest:
    """Every item asked, every answer given and every score, with the readers' own training measurements."""

    items: list[Row]
    answers: list[Row]
    board: Board
    training: dict[str, list[dict[str, float]]]

    @staticmethod
    def key(origin: str, tuned: bool, forced: bool = False) -> str:
        """The board's name of the reader trained on an origin, or of the base whose threshold was chosen on it."""
        return f"{_contender(origin, forced)}/{(TUNED_RAG if tuned else BASE_RAG).name}"


def folds(parts: Mapping[int, str], split: str) -> list[Fold]:
    """How the pages are used when `split` is scored.

    For the test: fit on the training pages, tune on the validation pages. While developing, each half of the
    validation pages is scored by readers tuned on the other half: a score on what was tuned says nothing.
    """
    train = frozenset(page for page, part in parts.items() if part == TRAIN)
    held = sorted(page for page, part in parts.items() if part == VALIDATION)
    if split == TEST:
        return [Fold(train, frozenset(held), frozenset(page for page, part in parts.items() if part == TEST))]
    halves = frozenset(held[0::2]), frozenset(held[1::2])
    return [Fold(train, one, other) for one, other in (halves, halves[::-1])]


def hold_contest(
    guide: Guide,
    bank: Sequence[Row],
    lessons: Mapping[str, Sequence[Row]],
    models: Models,
    split: str,
    plan: list[Fold],
) -> Contest:
    """Trains on each origin, then puts the split's items, three conditions each, to every reader.

    `lessons` are the bank rows of each origin that may teach. Each reader is also forced to answer where the answer is
    shown, which tells choosing from declining.
    """
    versions = {row["chunk_id"]: row["version"] for row in guide.corpus}
    ranked = rank_chunks(guide.index, bank, models.embedder(), versions)
    questions = evaluated_questions([row for row in bank if row["split"] == split], guide.corpus, SEED)
    items = cut_snapshot(questions, guide.corpus, ranked, DOCUMENTS, SEED)
    answers: list[Row] = []
    training: dict[str, list[dict[str, float]]] = {origin: [] for origin in lessons}
    for fold in plan:
        asked = [item for item in items if item["page"] in fold.score]
        shown = [item for item in asked if item["condition"] == ORACLE_PRESENT]
        for origin, taught in lessons.items():
            train, tuning = raft_rows(guide, taught, fold, ranked)
            trained = train_reader(train, tuning, ReaderHyperparameters(), SEED)
            training[origin].append({"rows": len(train), "tuning_rows": len(tuning)} | trained.metrics)
            readers = {BASE_RAG: Reader.base().with_threshold(tuning), TUNED_RAG: Reader.from_weights(trained.weights)}
            for arm, reader in readers.items():
                forced = Reader.from_weights(replace(reader.weights, threshold=0.0))
                answers += answer_items(_target(models, reader), _contender(origin), arm, asked, versions)
                answers += answer_items(_target(models, forced), _contender(origin, True), arm, shown, versions)
    scores = score_answers(items, answers, guide.pages)
    return Contest(items, answers, board_of(items, scores, split, SEED), training)


def raft_rows(
    guide: Guide, lessons: Sequence[Row], fold: Fold, ranked: Mapping[str, Sequence[str]]
) -> tuple[list[Row], list[Row]]:
    """The rows to fit and to tune on. Rows to fit show training pages only; no row shows a page that is scored."""
    train = [row | {"split": TRAIN} for row in lessons if row["page"] in fold.fit]
    tuning = [row | {"split": VALIDATION} for row in lessons if row["page"] in fold.tune]
    return _composed(train, guide, fold.fit, ranked), _composed(tuning, guide, fold.fit | fold.tune, ranked)


def _composed(
    rows: Sequence[Row], guide: Guide, pages: frozenset[int], ranked: Mapping[str, Sequence[str]]
) -> list[Row]:
    corpus = [chunk for chunk in guide.corpus if chunk["page_start"] in pages]
    return compose(rows, corpus, RECIPE, ranked).rows


def _contender(origin: str, forced: bool = False) -> str:
    return f"{origin}, forced" if forced else origin


def _target(models: Models, reader: Reader) -> ChatModel:
    name = f"extractive-reader@{content_hash(reader.to_json())[:16]}"
    return models.target(ReaderTarget(reader, ModelIdentity("embedded", "local", name)))

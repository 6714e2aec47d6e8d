"""A snapshot of the evaluation set: validation and test questions, each with the documents a model will be shown.

A snapshot is cut once and named by its content, so that every model that is compared answers the same items.
`expected_answer` is the refusal where declining is right; `oracle_index` is -1 where the oracle is not shown.
"""

from collections.abc import Iterable, Mapping, Sequence
from collections.abc import Set as AbstractSet
from dataclasses import dataclass
from typing import Any

from assets.evaluation.conditions import GENERATED, ORACLE_ABSENT, ORACLE_PRESENT, RETRIEVED, must_abstain
from assets.evaluation.distractors import DistractorFilter, distinct
from resources.hashing import content_hash, seeded_unit, short_id
from resources.llm.raft_text import REFUSAL

HELD_OUT = ("validation", "test")
DEPTH_PER_DOCUMENT = 3
"""How many chunks are looked up for each document shown: most neighbours of an oracle hold its answer too."""

Row = Mapping[str, Any]


@dataclass(frozen=True)
class _Source:
    """What contexts are cut from. `order` lists the corpus for fillers when retrieval gives too few."""

    corpus: Mapping[str, Row]
    order: Sequence[str]
    retrieved: Mapping[str, Sequence[str]]
    filter: DistractorFilter
    k: int
    seed: int


def evaluated_questions(
    bank_rows: Iterable[Row], corpus_rows: Iterable[Row], seed: int, generated_limit: int | None = None
) -> list[Row]:
    """The held-out questions of a bank that a snapshot is cut from.

    An answerable question without a reference answer, or whose oracle has left the corpus, is left out. At most
    `generated_limit` generated questions per split are kept, chosen by seed; of the others all.
    """
    known = {row["chunk_id"] for row in corpus_rows}
    return _limited([row for row in bank_rows if _usable(row, known)], generated_limit, seed)


def cut_snapshot(
    questions: Iterable[Row], corpus_rows: Sequence[Row], retrieved: Mapping[str, Sequence[str]], k: int, seed: int
) -> list[dict[str, Any]]:
    """The rows of EVALUATION_SET for `evaluated_questions`, in its order.

    `retrieved` maps question ids to chunk ids, best first: `DEPTH_PER_DOCUMENT` x k of them, since distractors are
    taken from there.
    """
    corpus = {row["chunk_id"]: row for row in corpus_rows}
    source = _Source(corpus, sorted(corpus), retrieved, DistractorFilter(corpus_rows), k, seed)
    items = [_item(question, condition, source) for question in questions for condition in _conditions(question)]
    items.sort(key=lambda item: (item["split"], item["question_id"], item["condition"]))
    snapshot = content_hash(items)[:16]
    return [{**item, "snapshot": snapshot} for item in items]


def _usable(question: Row, corpus: AbstractSet[str]) -> bool:
    if question["status"] != "kept" or question["split"] not in HELD_OUT:
        return False
    if not question["answerable"]:
        return True
    known = question["chunk_id"] is None or question["chunk_id"] in corpus
    return known and bool(question["final_answer"].strip())


def _limited(questions: Sequence[Row], limit: int | None, seed: int) -> list[Row]:
    kept = [row for row in questions if row["origin"] != GENERATED]
    for split in HELD_OUT:
        generated = [row for row in questions if row["origin"] == GENERATED and row["split"] == split]
        generated.sort(key=lambda row: (seeded_unit("evaluated", seed, row["question_id"]), row["question_id"]))
        kept.extend(generated[:limit])
    return kept


def _conditions(question: Row) -> tuple[str, ...]:
    # Without an answer or a known oracle there is nothing to show or to withhold.
    if not question["answerable"] or question["chunk_id"] is None:
        return (RETRIEVED,)
    return (ORACLE_PRESENT, ORACLE_ABSENT, RETRIEVED)


def _item(question: Row, condition: str, source: _Source) -> dict[str, Any]:
    documents = _documents(question, condition, source)
    shown = [chunk["chunk_id"] for chunk in documents]
    oracle = question["chunk_id"]
    item = {
        "question_id": question["question_id"],
        "condition": condition,
        "question": question["question"],
        "documents": [
            {"chunk_id": chunk["chunk_id"], "title": chunk["title"], "text": chunk["contextual_text"]}
            for chunk in documents
        ],
        "oracle_index": shown.index(oracle) if question["answerable"] and oracle in shown else -1,
        "answerable": question["answerable"],
        **{name: question[name] for name in ("split", "origin", "kind", "language", "group")},
        **{name: question[name] for name in ("document_id", "page", "chunk_id")},
    }
    item["expected_answer"] = (
        REFUSAL.get(question["language"], REFUSAL["en"]) if must_abstain(item) else question["final_answer"]
    )
    return {"item_id": short_id("item", item), **item}


def _documents(question: Row, condition: str, source: _Source) -> list[Row]:
    if condition == RETRIEVED:
        return _found(question, source)[: source.k]
    judge, oracle = source.filter, source.corpus[question["chunk_id"]]

    def gives_it_away(chunk: Row) -> bool:
        return judge.overlaps(oracle, chunk) or judge.answers(question, chunk)

    harmless = (chunk for chunk in _candidates(question, source) if not gives_it_away(chunk))
    if condition == ORACLE_ABSENT:
        return _take((chunk for chunk in harmless if not judge.repeats(oracle, chunk)), source.k)
    documents = _take(harmless, source.k - 1)
    position = int(seeded_unit("oracle position", source.seed, question["question_id"]) * (len(documents) + 1))
    return [*documents[:position], oracle, *documents[position:]]


def _take(chunks: Iterable[Row], count: int) -> list[Row]:
    """The first `count` chunks that differ in content."""
    chosen: list[Row] = []
    for chunk in chunks:
        if len(chosen) == count:
            break
        if len(distinct([*chosen, chunk])) > len(chosen):
            chosen.append(chunk)
    return chosen


def _candidates(question: Row, source: _Source) -> Iterable[Row]:
    """What retrieval found, best first, then the rest of the corpus from a seeded start."""
    found = _found(question, source)
    yield from found
    seen = {chunk["chunk_id"] for chunk in found}
    start = int(seeded_unit("filler", source.seed, question["question_id"]) * max(len(source.order), 1))
    for offset in range(len(source.order)):
        chunk_id = source.order[(start + offset) % len(source.order)]
        if chunk_id not in seen:
            yield source.corpus[chunk_id]


def _found(question: Row, source: _Source) -> list[Row]:
    chunk_ids = dict.fromkeys(source.retrieved.get(question["question_id"], ()))
    return [source.corpus[chunk_id] for chunk_id in chunk_ids if chunk_id in source.corpus]

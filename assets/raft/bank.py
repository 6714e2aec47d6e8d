"""The question bank: every usable question of every origin, once, with its group and split, never contaminated.

The rule: what a validation or test question is about, no training row may answer; and no two splits ask the same.
Groups make this true for whole sections. Where a group cannot (people ask in the test about a section that already
trains, a passage appears twice), the later split's question stays and the other is withheld with the reason.
"""

from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from assets.corpus import section_group
from assets.raft.brought import as_bank_row
from assets.raft.repeats import Related
from assets.raft.similarity import NEAR_DUPLICATE, normalised, overlapping, question_key
from assets.raft.splits import (
    SHARES,
    TEST,
    TRAIN,
    VALIDATION,
    Section,
    Shares,
    assign,
    lone_group,
    lone_split,
)
from resources.llm.raft_text import is_refusal

Row = dict[str, Any]

KEPT, WITHHELD = "kept", "withheld"
SECTION_HELD_OUT = "its section is held out for the test"
ORACLE_HELD_OUT = "its oracle chunk is the answer of a held-out question"
TEXT_HELD_OUT = "its oracle chunk nearly repeats the answer of a held-out question"
QUESTION_HELD_OUT = "a held-out question asks the same"
OTHER_ANSWER = "the same question has another answer"
_REASONS = {"oracle": ORACLE_HELD_OUT, "text": TEXT_HELD_OUT, "question": QUESTION_HELD_OUT}
_ORDER = (TRAIN, VALIDATION, TEST)


@dataclass(frozen=True)
class Bank:
    """Rows of `question_bank` and `question_groups`, and how many questions were dropped or withheld, by reason."""

    rows: list[Row]
    groups: list[Row]
    counts: dict[str, int] = field(default_factory=dict)


@dataclass(frozen=True)
class Violation:
    """A question that gives away one of a later split. `kind` is oracle, text or question."""

    kind: str
    question_id: str
    split: str
    held_out_id: str
    held_out_split: str


def build_bank(
    generated: Iterable[Mapping[str, Any]],
    external: Iterable[Mapping[str, Any]],
    chunks: Sequence[Mapping[str, Any]],
    stored_groups: Mapping[str, str],
    seed: int = 0,
    shares: Shares = SHARES,
    related: Related | None = None,
) -> Bank:
    """The bank of today: `generated` are rows of `qa_pairs`, `external` of `external_questions`, `chunks` of `corpus`.

    `stored_groups` maps groups of earlier banks to their split; they come back unchanged among `groups`. `shares`
    decide about new groups only. `related` is what `near_duplicates` recorded of these chunks; None: it is found here.
    """
    counts = Counter[str]()
    by_id = {chunk["chunk_id"]: chunk for chunk in chunks}
    candidates = [(row, "both") for row in _generated_rows(generated, by_id, counts)]
    for question in external:
        outcome = as_bank_row(question, by_id)
        if isinstance(outcome, str):
            counts[outcome] += 1
        else:
            candidates.append((outcome, question["use"]))
    # Of two that ask the same, the first stays: people's before generated ones, those brought for the test first.
    candidates.sort(key=lambda entry: (entry[0]["origin"] == "generated", entry[1] != TEST, entry[0]["question_id"]))
    near = _near_duplicates([row for row, _ in candidates], by_id, related)
    candidates = _without_repeats(candidates, near, counts)
    splits = assign(_sections(candidates, near), stored_groups, seed, shares)
    for row, use in candidates:
        if _is_lone(row):
            splits[row["group"]] = stored_groups.get(row["group"]) or lone_split(use, row["question_id"], seed, shares)
    rows = [_placed(row, use, splits[row["group"]]) for row, use in candidates]
    rows = _withhold(rows, near)
    counts.update(row["reason"] for row in rows if row["status"] == WITHHELD)
    known = dict(stored_groups) | splits
    groups = [{"group": group, "split": known[group]} for group in sorted(known)]
    return Bank(sorted(rows, key=lambda row: row["question_id"]), groups, dict(sorted(counts.items())))


def contamination(
    rows: Iterable[Mapping[str, Any]], chunks: Iterable[Mapping[str, Any]], related: Related | None = None
) -> list[Violation]:
    """Every way in which a kept question gives away a kept one of a later split. Empty for a sound bank."""
    active = sorted((row for row in rows if row["status"] == KEPT), key=lambda row: row["question_id"])
    near = _near_duplicates(active, {chunk["chunk_id"]: chunk for chunk in chunks}, related)
    index = _Index(active)
    return [
        Violation(kind, row["question_id"], row["split"], held["question_id"], held["split"])
        for row in active
        for kind, held in index.clashes(row, near)
    ]


def _near_duplicates(
    rows: Iterable[Mapping[str, Any]], chunks: Mapping[str, Mapping[str, Any]], related: Related | None
) -> Related:
    """The chunks that answer these questions, each with those of them that nearly repeat it."""
    asked = {row["chunk_id"] for row in rows} & chunks.keys()
    if related is None:
        return overlapping({name: chunks[name]["text"] for name in sorted(asked)}, NEAR_DUPLICATE)
    return {
        name: {
            other: share for other, share in related.get(name, {}).items() if other in asked and share >= NEAR_DUPLICATE
        }
        for name in asked
    }


def _generated_rows(
    generated: Iterable[Mapping[str, Any]], chunks: Mapping[str, Mapping[str, Any]], counts: Counter[str]
) -> list[Row]:
    rows = []
    for pair in generated:
        chunk = chunks.get(pair["chunk_id"])
        if not pair["accepted"]:
            counts["rejected by a gate"] += 1
        elif chunk is None:
            counts["its chunk is no longer in the corpus"] += 1
        else:
            rows.append(
                {name: pair[name] for name in ("question_id", "question", "answer", "quotes", "final_answer")}
                | {name: pair[name] for name in ("kind", "origin", "language", "chunk_id", "document_id", "page")}
                | {
                    "answerable": not is_refusal(pair["final_answer"]),
                    "group": section_group(chunk),
                }
            )
    return rows


def _without_repeats(
    candidates: Sequence[tuple[Row, str]], near: Related, counts: Counter[str]
) -> list[tuple[Row, str]]:
    """The first of each set of questions that ask the same of the same passage and have the same answer."""
    kept: list[tuple[Row, str]] = []
    seen: dict[tuple[tuple[str, ...], str], list[str | None]] = defaultdict(list)
    for row, use in candidates:
        identity = question_key(row["question"]), normalised(row["final_answer"])
        oracle = row["chunk_id"]
        if any(oracle == other or other in near.get(oracle, ()) for other in seen[identity]):
            counts["asked twice"] += 1
            continue
        seen[identity].append(oracle)
        kept.append((row, use))
    return kept


def _sections(candidates: Sequence[tuple[Row, str]], near: Related) -> list[Section]:
    asked = {row["chunk_id"] for row, use in candidates if use == TEST and row["chunk_id"] is not None}
    lost = asked.union(*(near[chunk_id] for chunk_id in asked))
    members: dict[str, list[tuple[Row, str]]] = defaultdict(list)
    for row, use in candidates:
        if not _is_lone(row):
            members[row["group"]].append((row, use))
    return [
        Section(
            group,
            rows[0][0]["document_id"],
            len(rows),
            sum(row["chunk_id"] not in lost for row, _ in rows),
            sum(use == TEST for _, use in rows),
        )
        for group, rows in sorted(members.items())
    ]


def _placed(row: Row, use: str, split: str) -> Row:
    """The row in its split: the group's, unless the person who brought the question said where it belongs."""
    placed = row | {"split": split, "status": KEPT, "reason": None}
    if use == TEST:
        return placed | {"split": TEST}
    if use == TRAIN and split == TEST:
        withheld = {} if _is_lone(row) else {"status": WITHHELD, "reason": SECTION_HELD_OUT}
        return placed | {"split": TRAIN} | withheld
    return placed


def _is_lone(row: Mapping[str, Any]) -> bool:
    return row["group"] == lone_group(row["question_id"])


def _withhold(rows: Sequence[Row], near: Related) -> list[Row]:
    index = _Index(rows)
    answers: dict[tuple[str, str], str] = {}
    result = []
    for row in rows:
        reason = row["reason"] or next((_REASONS[kind] for kind, _ in index.clashes(row, near)), None)
        if reason is None:
            answer = normalised(row["final_answer"])
            if answers.setdefault((row["split"], normalised(row["question"])), answer) != answer:
                reason = OTHER_ANSWER
        result.append(row | {"status": WITHHELD if reason else KEPT, "reason": reason})
    return result


class _Index:
    """Questions by what they ask and by the passage that answers them."""

    def __init__(self, rows: Iterable[Mapping[str, Any]]):
        self._by_key: dict[tuple[str, ...], list[Mapping[str, Any]]] = defaultdict(list)
        self._by_chunk: dict[str, list[Mapping[str, Any]]] = defaultdict(list)
        for row in rows:
            self._by_key[question_key(row["question"])].append(row)
            if row["answerable"] and row["split"] != TRAIN:
                self._by_chunk[row["chunk_id"]].append(row)

    def clashes(self, row: Mapping[str, Any], near: Related) -> Iterator[tuple[str, Mapping[str, Any]]]:
        """The questions of later splits that a row gives away, and how."""
        if row["split"] == TRAIN:
            yield from (("oracle", held) for held in self._by_chunk.get(row["chunk_id"], ()))
            for other in sorted(near.get(row["chunk_id"], ())):
                yield from (("text", held) for held in self._by_chunk.get(other, ()))
        for held in self._by_key[question_key(row["question"])]:
            if _ORDER.index(held["split"]) > _ORDER.index(row["split"]):
                yield "question", held

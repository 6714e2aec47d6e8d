"""RAFT rows: questions of the bank composed with documents by a recipe, without a single model call.

Each step decides one thing for a whole split, exactly: which rows show their oracle, what a row without it
teaches, where the oracle stands. The same bank, corpus and recipe give the same rows, whatever their order.
"""

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

from assets.raft.bank import KEPT
from assets.raft.brought import refusal
from assets.raft.distractors import Distractors
from assets.raft.recipes import Recipe
from assets.raft.repeats import Related
from assets.raft.similarity import normalised
from assets.raft.splits import TRAIN, VALIDATION
from resources.errors import SettingsError
from resources.hashing import seeded_unit, short_id
from resources.llm.raft_text import ANSWER_TAG, INSTRUCTION, render_prompt
from resources.tokens import count_tokens

ORACLE, MEMORISE, REFUSE = "oracle", "memorise", "refuse"
TOO_FEW = "the corpus holds too few documents that do not answer it"
TOO_LONG = "it is longer than max_tokens"
GONE = "its oracle is not in the corpus"
NOT_RETRIEVED = "retrieval returned nothing for it"
CLOSED_BOOK = "an unanswerable question teaches nothing without documents"

Row = Mapping[str, Any]


@dataclass(frozen=True)
class Composition:
    """Rows of `raft_dataset`, and the questions left out, each with the reason."""

    rows: list[dict[str, Any]]
    left_out: list[tuple[str, str]]


@dataclass(frozen=True)
class _Draft:
    """A row in the making. `distractors` are ranked; the row takes as many as it needs. `position` -1: no oracle."""

    question: Row
    distractors: tuple[str, ...] = ()
    policy: str = ""
    position: int = -1


def teachable(bank: Iterable[Row]) -> list[Row]:
    """The questions of a bank that may enter a dataset: kept ones of train and validation, never of the test."""
    return [row for row in bank if row["status"] == KEPT and row["split"] in (TRAIN, VALIDATION)]


def compose(
    bank: Iterable[Row],
    corpus: Sequence[Row],
    recipe: Recipe,
    neighbours: Mapping[str, Sequence[str]],
    related: Related | None = None,
) -> Composition:
    """The train and validation rows of a recipe; test questions never enter a dataset.

    `neighbours` ranks, for a question id, the chunks that retrieval returns; it may be empty. `related` is what
    `near_duplicates` recorded of this corpus; None: it is found here. Raises `SettingsError` if the corpus cannot fill
    k documents.
    """
    composer = _Composer(corpus, recipe, neighbours, related)
    drafts: dict[str, list[_Draft]] = {TRAIN: [], VALIDATION: []}
    left_out: list[tuple[str, str]] = []
    for question in sorted(teachable(bank), key=lambda row: row["question_id"]):
        outcome = composer.draft(question)
        if isinstance(outcome, str):
            left_out.append((question["question_id"], outcome))
        else:
            drafts[question["split"]].append(outcome)
    rows = [composer.row(draft) for split in drafts.values() for draft in composer.decide(split)]
    if not rows and left_out:
        raise composer.nothing_left([reason for _, reason in left_out])
    return Composition(sorted(rows, key=lambda row: (row["split"], row["row_id"])), left_out)


class _Composer:
    def __init__(
        self,
        corpus: Sequence[Row],
        recipe: Recipe,
        neighbours: Mapping[str, Sequence[str]],
        related: Related | None,
    ):
        self._recipe = recipe
        self._settings = recipe.dataset
        self._neighbours = neighbours
        self._distinct = len({normalised(chunk["text"]) for chunk in corpus})
        if self._settings.strategy != "sft" and self._distinct < self._settings.k:
            raise self.too_small()
        self._distractors = Distractors(corpus, self._settings.seed, related)
        self._tokens = {
            chunk["chunk_id"]: count_tokens(render_prompt([chunk["contextual_text"]], "")) for chunk in corpus
        }

    def too_small(self) -> SettingsError:
        return SettingsError(
            f"recipe {self._recipe.name}: dataset.k is {self._settings.k}, but the corpus has {self._distinct} "
            "different chunks, too few to fill a row without the oracle; lower k or add documents"
        )

    def nothing_left(self, reasons: Sequence[str]) -> SettingsError:
        """What is said when every question was left out: the most frequent reason, the cause to look for."""
        reason, count = max(sorted(Counter(reasons).items()), key=lambda entry: entry[1])
        if reason == TOO_FEW:
            return self.too_small()
        hint = f"; lower dataset.k ({self._settings.k}) or raise dataset.max_tokens" if reason == TOO_LONG else ""
        return SettingsError(
            f"recipe {self._recipe.name}: no question is left to train on; {count} of {len(reasons)} were left out "
            f"because {reason}{hint}"
        )

    def draft(self, question: Row) -> _Draft | str:
        """The question with its distractors, or why it is left out."""
        k, answerable = self._settings.k, question["answerable"]
        if answerable and question["chunk_id"] not in self._distractors.chunks:
            return GONE
        if self._settings.strategy == "sft":
            return _Draft(question, policy=MEMORISE) if answerable else CLOSED_BOOK
        ranked = self._neighbours.get(question["question_id"], ())
        if self._settings.strategy == "ra_dit" and not ranked:
            return NOT_RETRIEVED
        kind = "hard" if self._settings.strategy == "ra_dit" or not answerable else self._settings.distractors
        found = self._distractors.draw(question, kind, ranked, k)
        always_shown = answerable and self._settings.strategy == "raft" and self._settings.p == 1
        if len(found) < (k - 1 if always_shown else k):
            return TOO_FEW
        draft = _Draft(question, tuple(found), "" if answerable else REFUSE)
        if self._longest_form(draft) > self._settings.max_tokens:
            return TOO_LONG
        return self._as_retrieved(draft, ranked) if self._settings.strategy == "ra_dit" else draft

    def decide(self, drafts: Sequence[_Draft]) -> list[_Draft]:
        """The drafts of one split with everything decided."""
        seed = self._settings.seed
        if self._settings.strategy == "raft":
            drafts = _show_oracles(drafts, self._settings.p, seed)
            drafts = _spread_positions(drafts, self._settings.k, seed)
        share = {"memorise": 0.0, "refuse": 1.0, "mix": self._settings.refuse_share}[self._settings.absent_policy]
        return _teach_absence(drafts, share, seed)

    def row(self, draft: _Draft) -> dict[str, Any]:
        """The row of `raft_dataset`."""
        question, chunks = draft.question, self._distractors.chunks
        names = list(draft.distractors[: self._settings.k])
        if draft.position >= 0:
            names = names[: self._settings.k - 1]
            names.insert(draft.position, question["chunk_id"])
        documents = [
            {
                "chunk_id": name,
                "title": chunks[name]["title"] or chunks[name]["uri"],
                "text": chunks[name]["contextual_text"],
            }
            for name in names
        ]
        target, final = self._target(draft)
        strategy = self._settings.strategy
        return {
            "row_id": short_id(
                question["split"], question["question_id"], question["question"], documents, draft.position,
                draft.policy, strategy, target,
            ),
            "split": question["split"],
            "question_id": question["question_id"],
            "question": question["question"],
            "documents": documents,
            "oracle_index": draft.position,
            "oracle_present": draft.position >= 0,
            "policy": draft.policy,
            "strategy": strategy,
            "oracle_text": chunks[question["chunk_id"]]["contextual_text"] if question["answerable"] else "",
            "target": target,
            "final_answer": final,
            "origin": question["origin"],
            "kind": question["kind"],
            "group": question["group"],
            "tokens": self._fixed_tokens(question) + sum(map(self._tokens.__getitem__, names)) + count_tokens(target),
        }  # fmt: skip

    def _target(self, draft: _Draft) -> tuple[str, str]:
        if draft.policy == REFUSE:
            return refusal(draft.question["language"])
        if self._settings.strategy == "sft":
            return f"{ANSWER_TAG} {draft.question['final_answer']}", draft.question["final_answer"]
        return draft.question["answer"], draft.question["final_answer"]

    def _longest_form(self, draft: _Draft) -> int:
        """Tokens of the longest row this question can become: who is left out must not depend on P or policy."""
        question, k = draft.question, self._settings.k
        sizes = [self._tokens[name] for name in draft.distractors]
        oracle = self._tokens[question["chunk_id"]] if question["answerable"] else 0
        documents = sum(sizes[: k - 1]) + max(oracle, *sizes[k - 1 :], 0)
        targets = question["answer"], refusal(question["language"])[0]
        return self._fixed_tokens(question) + documents + max(map(count_tokens, targets))

    @staticmethod
    def _fixed_tokens(question: Row) -> int:
        return count_tokens(INSTRUCTION) + count_tokens(question["question"])

    def _as_retrieved(self, draft: _Draft, ranked: Sequence[str]) -> _Draft:
        """The draft with its oracle at the rank where retrieval put it, if that is among the first k."""
        oracle = draft.question["chunk_id"]
        if not draft.question["answerable"] or oracle not in ranked:
            return draft
        better = set(ranked[: list(ranked).index(oracle)])
        position = sum(name in better for name in draft.distractors)
        return replace(draft, policy=ORACLE, position=position) if position < self._settings.k else draft


def _show_oracles(drafts: Sequence[_Draft], p: float, seed: int) -> list[_Draft]:
    """Marks exactly round(p x n) of the n answerable rows, evenly over kinds and documents."""
    answerable = [draft for draft in drafts if draft.question["answerable"]]
    answerable.sort(
        key=lambda draft: (draft.question["kind"], draft.question["document_id"], *_drawn(draft, seed, "p"))
    )
    shown = _evenly(len(answerable), round(p * len(answerable)))
    marked = [replace(draft, policy=ORACLE) if show else draft for draft, show in zip(answerable, shown, strict=True)]
    return marked + [draft for draft in drafts if not draft.question["answerable"]]


def _spread_positions(drafts: Sequence[_Draft], k: int, seed: int) -> list[_Draft]:
    """Gives each of the k positions to as many oracles as any other, or one more."""
    shown = sorted(
        (draft for draft in drafts if draft.policy == ORACLE), key=lambda draft: _drawn(draft, seed, "position")
    )
    start = int(seeded_unit(seed, "first position") * k)
    placed = [replace(draft, position=(start + index) % k) for index, draft in enumerate(shown)]
    return placed + [draft for draft in drafts if draft.policy != ORACLE]


def _teach_absence(drafts: Sequence[_Draft], refuse_share: float, seed: int) -> list[_Draft]:
    """Decides for rows without oracle whether they refuse or memorise, exactly by share and evenly over kinds."""
    open_ = sorted(
        (draft for draft in drafts if not draft.policy),
        key=lambda draft: (draft.question["kind"], *_drawn(draft, seed, "absent")),
    )
    refusing = _evenly(len(open_), round(refuse_share * len(open_)))
    decided = [
        replace(draft, policy=REFUSE if refuse else MEMORISE) for draft, refuse in zip(open_, refusing, strict=True)
    ]
    return decided + [draft for draft in drafts if draft.policy]


def _drawn(draft: _Draft, seed: int, purpose: str) -> tuple[float, str]:
    name = draft.question["question_id"]
    return seeded_unit(seed, purpose, name), name


def _evenly(total: int, chosen: int) -> list[bool]:
    """`chosen` of `total` places, as evenly spaced as whole numbers allow."""
    return [(place + 1) * chosen // total > place * chosen // total for place in range(total)]

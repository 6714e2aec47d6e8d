"""Third-party questions as lessons for an extractive student, which can only learn answers that a passage holds.

A published answer is free text, a reader's answer is a piece of the passage. A lesson replaces the first by the second:
the candidate of the oracle that matches the reference by the rule of the evaluation and lies in the quoted evidence.
Only training rows are changed; what is scored keeps its own reference.
"""

from collections.abc import Mapping
from typing import Any

from assets.evaluation.matching import matches, token_f1
from assets.raft.brought import reasoned_answer
from resources.llm.embedded.answers import final_answer
from resources.llm.embedded.candidates import Candidate, candidates
from resources.llm.embedded.facets import facets
from resources.search.tokenizer import tokens

EVIDENCE = 0.5
"""Share of a candidate's tokens, or of the quote's, that the other must hold to be about the same evidence."""

Row = dict[str, Any]


def lesson(row: Row, chunk: Mapping[str, Any], quote: str) -> Row | None:
    """The bank row with an answer that the passage holds; None if no candidate of its evidence matches."""
    asked = facets(row["question"])
    evidence = set(tokens(quote))
    best: tuple[tuple[float, float, int], Candidate, str] | None = None
    for position, candidate in enumerate(candidates(chunk["contextual_text"])):
        near = _nearness(set(tokens(candidate.quote)), evidence)
        if near < EVIDENCE or candidate.quote not in chunk["text"]:
            continue
        final = final_answer(candidate, asked, row["question"])
        if matches(row["final_answer"], final, row["question"]):
            rank = (round(token_f1(row["final_answer"], final), 6), round(near, 6), -position)
            if best is None or rank > best[0]:
                best = rank, candidate, final
    if best is None:
        return None
    _, candidate, final = best
    start = chunk["text"].index(candidate.quote)
    quotes = [{"text": candidate.quote, "start": start, "end": start + len(candidate.quote)}]
    answer = reasoned_answer(row["language"], candidate.quote, final)
    return row | {"answer": answer, "quotes": quotes, "final_answer": final}


def _nearness(one: set[str], other: set[str]) -> float:
    smaller = min(len(one), len(other))
    return len(one & other) / smaller if smaller else 0.0

"""Third-party questions as lessons for an extractive student, which can only learn answers that a passage holds.

A published answer is free text, a reader's answer is a piece of the passage. A lesson replaces the first by the second:
the shortest candidate in the quoted evidence that the evaluation would count as right. Only training and tuning rows
are changed; what is scored keeps its own reference.
"""

from collections.abc import Mapping
from typing import Any

from assets.evaluation.matching import matches, polarity, token_f1
from assets.evaluation.number_tokens import all_agree, number_tokens
from assets.raft.brought import reasoned_answer
from resources.llm.embedded.answers import final_answer
from resources.llm.embedded.candidates import Candidate, candidates
from resources.llm.embedded.facets import facets
from resources.search.tokenizer import STOP_WORDS, tokens

EVIDENCE = 0.5
"""Share of the smaller one's tokens that candidate and quote must share to be about the same evidence."""

NEWS = 0.5
"""Share of the words that the reference adds to the question that a candidate must say, unless it adds a number.

`2` is no answer to `Whom do I call after Step 2?`, though it is the reference's only number.
"""

Row = dict[str, Any]


def lesson(row: Row, chunk: Mapping[str, Any], quote: str) -> Row | None:
    """The bank row with an answer that the passage holds; None if no candidate of its evidence is right."""
    asked = facets(row["question"])
    evidence, question = _content(quote), _content(row["question"])
    news = _content(row["final_answer"]) - question
    states_number = not all_agree(number_tokens(row["final_answer"]), number_tokens(row["question"]))
    right: list[tuple[tuple[float, ...], Candidate, str]] = []
    for position, candidate in enumerate(candidates(chunk["contextual_text"])):
        near = _nearness(_content(candidate.quote), evidence)
        if near < EVIDENCE or candidate.quote not in chunk["text"]:
            continue
        final = final_answer(candidate, asked, row["question"])
        told = states_number or polarity(final) is not None or len(news & _content(final)) >= NEWS * len(news)
        if told and matches(row["final_answer"], final, row["question"]):
            fit = len(question & _content(candidate.text))
            closeness = round(token_f1(row["final_answer"], final), 6)
            right.append(((-len(tokens(final)), round(near, 6), fit, closeness, -position), candidate, final))
    if not right:
        return None
    _, candidate, final = max(right, key=lambda entry: entry[0])
    start = chunk["text"].index(candidate.quote)
    quotes = [{"text": candidate.quote, "start": start, "end": start + len(candidate.quote)}]
    answer = reasoned_answer(row["language"], candidate.quote, final)
    return row | {"answer": answer, "quotes": quotes, "final_answer": final}


def _nearness(one: set[str], other: set[str]) -> float:
    smaller = min(len(one), len(other))
    return len(one & other) / smaller if smaller else 0.0


def _content(text: str) -> set[str]:
    return set(tokens(text, STOP_WORDS))

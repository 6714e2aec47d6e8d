"""The audit of a RAFT dataset: what is wrong with anyone's files, as numbers with the lines to look at.

What a row says about its oracle is taken as a fact (`oracle_context`). Where it says nothing, the oracle is
recovered from the quotes of the answer, and what follows from that is reported as a proxy. A quote is found where
all its words stand in order; case, punctuation and markup do not matter, for published answers drop them freely.
"""

from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from assets.raft.dialects import AuditRow, UnreadableDatasetError, read_rows
from assets.raft.similarity import normalised, words
from resources.llm.raft_text import ParsedAnswer, is_refusal, parse_answer
from resources.text import collapsed
from resources.tokens import count_tokens

TOKEN_LIMIT = 1024
"""Where a popular service cuts a row without a word unless told otherwise; the answer comes last."""

NEAR_QUESTION = 0.8
"""Jaccard similarity of their words from which two questions are reported as near-duplicates."""

_EXAMPLES = 5
_QUOTATION_MARKS = " \"'“”‘’"


@dataclass(frozen=True)
class _Examined:
    """A row with what follows from it. `shown` and `oracles` are normalised documents; `stated`: the row says which.

    `invented` counts quotes that no document of any file holds.
    """

    row: AuditRow
    answer: ParsedAnswer
    shown: tuple[str, ...]
    oracles: frozenset[str]
    stated: bool
    tokens: int
    invented: int

    @property
    def where(self) -> str:
        return f"{self.row.file}:{self.row.line}"

    @property
    def refuses(self) -> bool:
        return self.answer.abstained if self.answer.tags else is_refusal(self.row.answer)

    @property
    def oracle_shown(self) -> bool:
        return any(oracle in self.shown for oracle in self.oracles)


def audit(files: Sequence[Path], token_limit: int = TOKEN_LIMIT) -> dict[str, Any]:
    """The findings for each file and across the splits that the files' names tell of, ready for JSON.

    Raises `UnreadableDatasetError` for the first file that cannot be read, naming file and line.
    """
    if not files:
        raise UnreadableDatasetError("audit", "no file was given")
    repeated = [name for name, times in Counter(path.resolve() for path in files).items() if times > 1]
    if repeated:
        raise UnreadableDatasetError(str(repeated[0]), "was given twice")
    by_file = {str(path): read_rows(path) for path in files}
    known = sorted({normalised(text) for rows in by_file.values() for row in rows for text in _texts(row)})
    examined = {name: [_examine(row, known) for row in rows] for name, rows in by_file.items()}
    splits: dict[str, list[_Examined]] = defaultdict(list)
    for rows in examined.values():
        splits[rows[0].row.split] += rows
    return {
        "files": [_file_findings(name, rows, token_limit) for name, rows in examined.items()],
        "across": _across(splits),
    }


def _texts(row: AuditRow) -> Iterable[str]:
    return (*row.documents, row.oracle) if row.oracle else row.documents


def _holds(document: str, quote: str) -> bool:
    """Whether a normalised document holds a normalised quote, from word to word."""
    return bool(quote) and f" {quote} " in f" {document} "


def _examine(row: AuditRow, known: Sequence[str]) -> _Examined:
    answer = parse_answer(row.answer)
    shown = tuple(map(normalised, row.documents))
    tokens = sum(map(count_tokens, row.texts))
    homes = [
        frozenset(document for document in shown if _holds(document, quote))
        or frozenset(document for document in known if _holds(document, quote))
        for quote in map(normalised, answer.quotes)
    ]
    stated = row.oracle is not None
    oracles = frozenset({normalised(row.oracle)} - {""}) if row.oracle is not None else frozenset[str]().union(*homes)
    return _Examined(row, answer, shown, oracles, stated, tokens, sum(not home for home in homes))


def _file_findings(name: str, rows: Sequence[_Examined], token_limit: int) -> dict[str, Any]:
    documents = [len(entry.shown) for entry in rows]
    return {
        "file": name,
        "split": rows[0].row.split,
        "dialects": dict(Counter(entry.row.dialect for entry in rows)),
        "rows": len(rows),
        "documents_per_row": {
            "min": min(documents), "mean": round(sum(documents) / len(rows), 2), "max": max(documents),
        },
        "rows_with_repeated_documents": _found(entry for entry in rows if len(set(entry.shown)) < len(entry.shown)),
        "rows_without_oracle": _without_oracle(rows),
        "oracle_position": _positions(rows),
        "quotes": _quotes(rows),
        "duplicate_questions": _duplicates(rows),
        "refusals": _found(entry for entry in rows if entry.refuses),
        "answers_without_tag": _found(entry for entry in rows if not entry.answer.tags),
        "tokens": _token_lengths(rows, token_limit),
    }  # fmt: skip


def _found(entries: Iterable[_Examined]) -> dict[str, Any]:
    places = [entry.where for entry in entries]
    return {"rows": len(places), "examples": places[:_EXAMPLES]}


def _without_oracle(rows: Sequence[_Examined]) -> dict[str, Any]:
    """Rows that do not show their oracle: as a fact where the rows state it, else by their quotes, as a proxy.

    `graded_on_the_fact` counts those whose answer asserts it all the same; the others decline.
    """
    stated = [entry for entry in rows if entry.stated and entry.oracles]
    silent = [entry for entry in rows if entry.shown and not entry.stated]
    return {
        name: {"of": len(known)}
        | _found(absent := [entry for entry in known if not entry.oracle_shown])
        | {"graded_on_the_fact": sum(not entry.refuses for entry in absent)}
        for name, known in (("by_oracle", stated), ("by_quotes_proxy", silent))
    }


def _positions(rows: Sequence[_Examined]) -> dict[str, Any]:
    """How often the oracle stands at each place, counted from 0; rows with several candidates are left out."""
    known = [entry for entry in rows if entry.oracle_shown and len(entry.oracles) == 1]
    counts = Counter(entry.shown.index(next(iter(entry.oracles))) for entry in known)
    width = max((len(entry.shown) for entry in rows), default=0)
    return {
        "basis": "oracle" if all(entry.stated for entry in rows) else "quotes",
        "rows": len(known),
        "counts": [counts[place] for place in range(width)],
    }


def _quotes(rows: Sequence[_Examined]) -> dict[str, Any]:
    """`unverified` quotes are in no document shown, `invented` in none of any file; `altered` differ in form alone."""
    unverified: list[_Examined] = []
    altered = 0
    for entry in rows:
        texts = [collapsed(document) for document in entry.row.documents]
        for quote in entry.answer.quotes:
            if not any(_holds(document, normalised(quote)) for document in entry.shown):
                unverified.append(entry)
            elif not any(collapsed(quote).strip(_QUOTATION_MARKS) in text for text in texts):
                altered += 1
    return {
        "quotes": sum(len(entry.answer.quotes) for entry in rows),
        "unverified": len(unverified),
        "invented": sum(entry.invented for entry in rows),
        "altered": altered,
        "with_unverified": _found({entry.where: entry for entry in unverified}.values()),
        "rows_without_quotes": sum(not entry.answer.quotes for entry in rows),
    }


def _duplicates(rows: Sequence[_Examined]) -> dict[str, Any]:
    seen: set[str] = set()
    repeats = []
    for entry in rows:
        key = normalised(entry.row.question)
        if key in seen:
            repeats.append(entry)
        seen.add(key)
    return _found(repeats)


def _token_lengths(rows: Sequence[_Examined], limit: int) -> dict[str, Any]:
    counts = sorted(entry.tokens for entry in rows)
    return {
        "encoding": "cl100k",
        "mean": round(sum(counts) / len(counts), 1),
        "p95": counts[max(0, -(-len(counts) * 95 // 100) - 1)],
        "max": counts[-1],
        "limit": limit,
        "over_limit": _found(entry for entry in rows if entry.tokens > limit),
    }


def _across(splits: Mapping[str, Sequence[_Examined]]) -> list[dict[str, Any]]:
    train = splits.get("train")
    if not train:
        return []
    return [
        {"split": split, "against": "train"} | _leaks(rows, train) for split, rows in splits.items() if split != "train"
    ]


def _leaks(rows: Sequence[_Examined], train: Sequence[_Examined]) -> dict[str, Any]:
    answered = {oracle for entry in train for oracle in entry.oracles}
    presented = {document for entry in train for document in entry.shown}
    asked = {normalised(entry.row.question) for entry in train}
    known = [entry for entry in rows if entry.oracles]
    return {
        "oracle_basis": "oracle" if all(entry.stated for entry in rows) else "quotes",
        "rows_with_known_oracle": len(known),
        "oracle_also_answers_training_rows": _found(entry for entry in known if entry.oracles & answered),
        "oracle_also_in_training_prompts": _found(entry for entry in known if entry.oracles & presented),
        "shared_questions": _found(entry for entry in rows if normalised(entry.row.question) in asked),
        "near_duplicate_questions": _near_questions(rows, train),
    }


def _near_questions(rows: Sequence[_Examined], train: Sequence[_Examined]) -> dict[str, Any]:
    trained = [(entry, frozenset(words(entry.row.question))) for entry in train]
    holding: dict[str, list[int]] = defaultdict(list)
    for index, (_, held) in enumerate(trained):
        for word in held:
            holding[word].append(index)
    pairs = []
    for entry in rows:
        wanted = frozenset(words(entry.row.question))
        shared = Counter(index for word in wanted for index in holding.get(word, ()))
        scored = [(count / (len(wanted) + len(trained[index][1]) - count), -index) for index, count in shared.items()]
        best, index = max(scored, default=(0.0, 0))
        if best >= NEAR_QUESTION:
            pairs.append((entry, trained[-index][0]))
    examples = [
        {
            "row": entry.where,
            "question": entry.row.question,
            "train_row": other.where,
            "train_question": other.row.question,
        }
        for entry, other in pairs[:_EXAMPLES]
    ]
    return {"threshold": NEAR_QUESTION, "rows": len(pairs), "examples": examples}

"""The datasheet of a RAFT dataset: what is in it, how it was made, what to know before training on it."""

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from assets.raft.composition import MEMORISE, ORACLE, REFUSE
from assets.raft.recipes import Recipe

Row = Mapping[str, Any]

_POLICIES = {
    ORACLE: "shows its oracle",
    MEMORISE: "hides its oracle and answers all the same",
    REFUSE: "has no oracle and declines",
}


def datasheet(rows: Sequence[Row], recipe: Recipe, bank: Iterable[Row], teachers: Sequence[str] = ()) -> str:
    """Markdown. Names from recipes and documents appear as inert text. `teachers` wrote the generated questions."""
    questions = {row["question_id"]: row for row in bank}
    splits = sorted({row["split"] for row in rows})
    sections = [
        f"# Dataset {_inert(recipe.name)}",
        _table("Recipe", ("setting", "value"), sorted(recipe.dataset.model_dump().items())),
        _counts("Rows by origin", rows, "origin", splits),
        _counts("Rows by kind", rows, "kind", splits),
        _counts("Rows by what they teach", rows, "policy", splits, _POLICIES),
        _table("Exactness", ("split", "rows", "answerable", "oracle shown", "share"), _shares(rows, questions, splits)),
        _table("Oracle position", ("split", "rows at each position"), _positions(rows, recipe.dataset.k, splits)),
        _table("Tokens with instruction and answer", ("split", "sum", "mean", "largest"), _tokens(rows, splits)),
        _table("Source documents", ("document", "rows whose answer it holds"), _sources(rows)),
        _TERMS,
        _table("Acknowledged by the recipe", ("what", "who, or which terms"), _acknowledged(recipe, teachers)),
    ]
    return "\n\n".join(sections) + "\n"


_TERMS = """## Terms

- Text of the documents: their owners' terms apply; raftline adds none.
- Generated questions and answers: the terms of the model in the role `teacher` apply; `embedded` adds none.
- Questions that people brought: the terms under which they were given.
- Validation rows choose the model; test questions are never in a dataset."""


def _acknowledged(recipe: Recipe, teachers: Sequence[str]) -> list[tuple[str, str]]:
    terms = recipe.training.terms
    return [
        ("written by", ", ".join(teachers) or "people"),
        ("terms of the teacher's output", terms.teacher_terms or "not stated"),
        (f"licence of {recipe.training.base_model}", terms.student_licence or "not stated"),
        ("end-user licence accepted by", terms.eula_accepted_by or "nobody"),
    ]


def _counts(
    title: str, rows: Sequence[Row], column: str, splits: Sequence[str], labels: Mapping[str, str] | None = None
) -> str:
    counted = Counter((row[column], row["split"]) for row in rows)
    names = sorted({row[column] for row in rows})
    body = [((labels or {}).get(name, name), *(counted[name, split] for split in splits)) for name in names]
    return _table(title, (column, *splits), body)


def _shares(rows: Sequence[Row], questions: Mapping[str, Row], splits: Sequence[str]) -> list[tuple[Any, ...]]:
    found = []
    for split in splits:
        members = [row for row in rows if row["split"] == split]
        answerable = [
            row for row in members if row["question_id"] not in questions or questions[row["question_id"]]["answerable"]
        ]
        shown = sum(row["oracle_present"] for row in members)
        share = f"{shown / len(answerable):.3f}" if answerable else "none"
        found.append((split, len(members), len(answerable), shown, share))
    return found


def _positions(rows: Sequence[Row], k: int, splits: Sequence[str]) -> list[tuple[str, str]]:
    counted = Counter((row["split"], row["oracle_index"]) for row in rows)
    return [(split, " / ".join(str(counted[split, place]) for place in range(k))) for split in splits]


def _tokens(rows: Sequence[Row], splits: Sequence[str]) -> list[tuple[Any, ...]]:
    found = []
    for split in splits:
        sizes = [row["tokens"] for row in rows if row["split"] == split]
        found.append((split, sum(sizes), round(sum(sizes) / len(sizes)), max(sizes)))
    return found


def _sources(rows: Sequence[Row]) -> list[tuple[str, int]]:
    titles = Counter(row["documents"][row["oracle_index"]]["title"] for row in rows if row["oracle_present"])
    return sorted(titles.items(), key=lambda entry: (-entry[1], entry[0]))


def _table(title: str, header: Sequence[str], body: Iterable[Sequence[Any]]) -> str:
    lines = [header, ["---"] * len(header), *body]
    return f"## {title}\n\n" + "\n".join("| " + " | ".join(map(_inert, line)) + " |" for line in lines)


def _inert(value: Any) -> str:
    """A value as one line of markdown text that no renderer takes for markup."""
    text = " ".join("".join(character if character.isprintable() else " " for character in str(value)).split())
    return text if set(text) <= {"-"} else "".join(f"\\{mark}" if mark in "\\`*[]<>|#!&" else mark for mark in text)

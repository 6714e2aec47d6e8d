"""The gates measured on real model output: the published workshop rows replayed against labels.

    python -m benchmarks.gates [--data FOLDER] [--half development|reported|both] [--show GATE]

Each row is a recorded completion: its question and its worked answer go through the same code as a teacher's, with the
passage it was written from. The labels (`tests/resources/llm/gate_labels.json`) hold nothing but hashes of rows and
names; docs/gates.md tells how they were set. Passages fall into two halves by hash: gates were improved on
`development`, and what is told of them is `reported`. The last line of the output is one JSON object.
"""

import argparse
import json
import sys
from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from assets.raft.dialects import AuditRow, read_rows
from assets.raft.drafts import read_answer
from assets.raft.similarity import normalised, words
from benchmarks.third_party import DATA
from benchmarks.workshop import FILES, without_tone
from resources.hashing import seeded_unit, short_id
from resources.llm.gates import GATE_NAMES, answer_defects, question_defects
from resources.llm.raft_text import parse_answer, render_answer
from resources.llm.request import Completion

LABELS = Path(__file__).parents[1] / "tests" / "resources" / "llm" / "gate_labels.json"
DEVELOPMENT, REPORTED = "development", "reported"

ANSWERS_TO = {
    "not_self_contained": ("context_dependent", "cut_question"),
    "duplicate": ("duplicate",),
    "refusal": ("refusal",),
    "quotes_missing": ("quote_missing",),
    "quote_not_verbatim": ("quote_altered",),
    "answer_leaked": ("leaked",),
    "answer_not_supported": ("unsupported",),
}
"""Which labels each gate should find."""


@dataclass(frozen=True)
class Replayed:
    """A published row with its passage, its labels, and every gate that refuses it."""

    row: AuditRow
    half: str
    labels: frozenset[str]
    gates: tuple[str, ...]


def replay(folder: Path) -> list[Replayed]:
    """Every published row through the gates."""
    rows = [row for name in FILES for row in read_rows(folder / name)]
    labels: Mapping[str, Sequence[str]] = json.loads(LABELS.read_text(encoding="utf-8"))
    passages = _passages(rows)
    earlier: dict[str, list[str]] = defaultdict(list)
    replayed = []
    for row in sorted(rows, key=lambda row: row.question):
        passage = passages[_source(row, passages)]
        half = DEVELOPMENT if seeded_unit("gates", normalised(passage)) < 0.5 else REPORTED
        gates = tuple(_gates(row, passage, earlier[passage]))
        earlier[passage].append(row.question)
        replayed.append(Replayed(row, half, frozenset(labels[row_id(row)]), gates))
    return replayed


def row_id(row: AuditRow) -> str:
    """The hash by which the labels know a row."""
    return short_id(row.question, row.answer)


def figures(replayed: Sequence[Replayed]) -> list[dict[str, Any]]:
    """Per gate: how many rows it refuses, how many of them rightly, and how many it should have refused."""
    lines = []
    for gate in GATE_NAMES:
        wanted = set(ANSWERS_TO.get(gate, ()))
        refused = [one for one in replayed if gate in one.gates]
        labelled = [one for one in replayed if one.labels & wanted]
        right = [one for one in refused if one.labels & wanted]
        lines.append(
            {
                "gate": gate, "refused": len(refused), "right": len(right), "labelled": len(labelled),
                "precision": _share(len(right), len(refused)) if wanted else None,
                "recall": _share(len(right), len(labelled)) if wanted else None,
            }
        )  # fmt: skip
    return lines


def yields(replayed: Sequence[Replayed]) -> dict[str, int]:
    """How many rows were asked, pass every gate, and how many of those have a label that a gate should have found."""
    accepted = [one for one in replayed if not one.gates]
    return {
        "asked": len(replayed),
        "accepted": len(accepted),
        "sound": sum(not one.labels for one in replayed),
        "accepted and sound": sum(not one.labels for one in accepted),
    }


def main(arguments: list[str] | None = None) -> int:
    """The exit status: 0, or 2 for arguments that cannot be used."""
    given = _parser().parse_args(arguments)
    missing = [name for name in FILES if not (given.data / name).is_file()]
    if missing:
        print(f"gates: {given.data} lacks {', '.join(missing)}; name their folder with --data", file=sys.stderr)
        return 2
    replayed = [one for one in replay(given.data) if given.half in (one.half, "both")]
    if given.show:
        for line in _mistakes(replayed, given.show):
            print(line)
    lines, shares = figures(replayed), yields(replayed)
    print(f"{given.half}: {shares}")
    print(f"{'gate':<24}{'refused':>9}{'right':>7}{'labelled':>10}{'precision':>11}{'recall':>8}")
    for line in lines:
        shown = ["-" if line[name] is None else f"{line[name]:.2f}" for name in ("precision", "recall")]
        print(
            f"{line['gate']:<24}{line['refused']:>9}{line['right']:>7}{line['labelled']:>10}{shown[0]:>11}{shown[1]:>8}"
        )
    print(json.dumps({"half": given.half, **shares, "gates": lines}, sort_keys=True))
    return 0


def _gates(row: AuditRow, passage: str, earlier: Sequence[str]) -> Iterator[str]:
    """Every gate that refuses a row, not only the first."""
    answer = read_answer(Completion(_without_tone(row), "stop"), row.question, passage)
    yield from (defect.gate for defect in question_defects(row.question, earlier=earlier))
    yield from (defect.gate for defect in answer_defects(row.question, answer.text, passage))


def _without_tone(row: AuditRow) -> str:
    """The published answer with its final answer freed of the cheerful tone that the workshop's prompt asked for."""
    answer = parse_answer(row.answer)
    if answer.tags != 1:
        return row.answer
    return render_answer(answer.reasoning, without_tone(answer.final, row.question, answer.quotes))


def _passages(rows: Sequence[AuditRow]) -> dict[str, str]:
    """Every passage of the files by its normal form."""
    texts = (text for row in rows for text in (*row.documents, row.oracle or ""))
    return {normalised(text): text for text in texts if text}


def _source(row: AuditRow, passages: Mapping[str, str]) -> str:
    """The passage a row was written from: the stated one, else the one that its quotes, then its words, point at."""
    if row.oracle:
        return normalised(row.oracle)
    answer = parse_answer(row.answer)
    bare = [quote.strip('"“” ') for quote in answer.quotes]
    quotes = [f" {normalised(quote)} " for quote in bare if normalised(quote)]
    said = set(words(" ".join((row.question, row.answer))))
    return max(
        sorted(passages),
        key=lambda name: (
            sum(quote in f" {name} " for quote in quotes),
            sum(quote in passages[name] for quote in bare),
            len(said & set(name.split())),
        ),
    )


def _mistakes(replayed: Sequence[Replayed], gate: str) -> Iterator[str]:
    """The development rows that a gate got wrong, to read; never the reported ones."""
    wanted = set(ANSWERS_TO.get(gate, ()))
    for one in replayed:
        if one.half == DEVELOPMENT and (gate in one.gates) != bool(one.labels & wanted):
            kind = "wrongly refused" if gate in one.gates else "missed"
            yield f"{kind}: {one.row.question} | {parse_answer(one.row.answer).final}"


def _share(part: int, whole: int) -> float | None:
    return round(part / whole, 4) if whole else None


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m benchmarks.gates", description=(__doc__ or "").split("\n")[0])
    parser.add_argument("--data", type=Path, default=DATA, help="folder of the published rows")
    parser.add_argument("--half", choices=(DEVELOPMENT, REPORTED, "both"), default=REPORTED, help="which passages")
    parser.add_argument("--show", choices=GATE_NAMES, help="print the development rows that this gate got wrong")
    return parser


if __name__ == "__main__":
    raise SystemExit(main())

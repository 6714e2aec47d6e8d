"""The third-party test: do readers trained on our questions answer questions that others wrote, and the other way?

    python -m benchmarks.third_party [--data FOLDER] [--split validation|test] [--cache FOLDER] [--answers FILE]

The folder holds the published workshop rows and the bank guide they are about. Both sets of questions are split by the
guide's pages; the readers answer about the pages of one split. Develop on `validation`. Count every run on `test` and
tell the number: a test that is looked at twice is a validation set.

The last line of the output is one JSON object with every figure.
"""

import argparse
import json
import sys
import tempfile
from pathlib import Path

from benchmarks.figures import answer_lines, figures, table
from benchmarks.guide import read_guide
from benchmarks.page_split import TEST, VALIDATION
from benchmarks.questions import gather
from benchmarks.two_by_two import ORIGINS, Contest, folds, hold_contest
from benchmarks.workshop import FILES
from resources.llm.gateway import Gateway
from resources.llm.ledger import Ledger
from resources.llm.models import Models

DATA = Path(__file__).parents[2] / "shared" / "data" / "banking"
CACHE = Path(tempfile.gettempdir()) / "raftline-benchmarks"
GUIDE = "better_banking_guide_en.pdf"


def main(arguments: list[str] | None = None) -> int:
    """The exit status: 0, or 2 for arguments that cannot be used."""
    given = _parser().parse_args(arguments)
    missing = [name for name in (*FILES, GUIDE) if not (given.data / name).is_file()]
    if missing:
        print(f"third_party: {given.data} lacks {', '.join(missing)}; name their folder with --data", file=sys.stderr)
        return 2
    if given.answers and given.split == TEST:
        print("third_party: --answers is for validation alone; test answers are not read", file=sys.stderr)
        return 2
    with tempfile.TemporaryDirectory() as folder:
        ledger = Ledger(f"sqlite:///{folder}/ledger.db")
        try:
            told, contest = run(given.data, given.split, given.cache, Models(Gateway(ledger), {}))
        finally:
            ledger.close()
    if given.answers:
        given.answers.write_text(answer_lines(contest), encoding="utf-8")
    rows = figures(contest)
    training = {ORIGINS[origin]: measured for origin, measured in contest.training.items()}
    for name, value in {**told, "training": training}.items():
        print(f"{name.replace('_', ' ')}: {json.dumps(value)}")
    print(table(rows) + "\n")
    print(json.dumps({**told, "training": training, "figures": rows}, sort_keys=True))
    return 0


def run(data: Path, split: str, cache: Path, models: Models) -> tuple[dict, Contest]:
    """What was counted on the way, and the contest."""
    guide = read_guide(data / GUIDE, models, cache)
    questions = gather(data, guide, models)
    plan = folds(questions.parts, split)
    contest = hold_contest(guide, questions.bank, questions.lessons, models, split, plan)
    return {"split": split, **questions.told}, contest


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="benchmarks.third_party", description="The third-party test of the reader.")
    parser.add_argument("--data", type=Path, default=DATA, help="folder of the published rows and the guide")
    parser.add_argument("--split", choices=(VALIDATION, TEST), default=VALIDATION, help="the pages that are scored")
    parser.add_argument("--cache", type=Path, default=CACHE, help="folder for parsed pages")
    parser.add_argument("--answers", type=Path, help="file for every answer, to read errors by eye; validation only")
    return parser


if __name__ == "__main__":
    sys.exit(main())

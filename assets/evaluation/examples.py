"""Example answers for the report: what was asked, what both contenders said, and where the quotes stand."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from assets.evaluation.comparison import Board, Contender
from assets.evaluation.conditions import CONDITION_LABELS, CONDITIONS, ORIGIN_LABELS, ORIGINS, RETRIEVED, must_abstain
from assets.evaluation.metrics import ABSTAINED, RIGHT, WRONG, outcome
from assets.evaluation.page_images import HighlightedPage
from resources.hashing import seeded_unit

PER_KIND = 2
ELLIPSIS = "\u2026"
_SURROUNDINGS = 130
"""Characters of the document shown on each side of a quote."""

Row = Mapping[str, Any]
PageImage = Callable[[str, str], HighlightedPage | None]


@dataclass(frozen=True)
class Passage:
    """A quote in its document: the text before it, the quote, the text after it; `page` is for people (from 1)."""

    title: str
    page: int | None
    before: str
    quote: str
    after: str
    verbatim: bool


@dataclass(frozen=True)
class Said:
    """What one contender answered."""

    label: str
    outcome: str
    final: str
    passages: tuple[Passage, ...]


@dataclass(frozen=True)
class Example:
    """One item with the answers of the champion and the candidate, and the page of the first quote found."""

    heading: str
    item_id: str
    question: str
    origin: str
    condition: str
    expected: str
    said: tuple[Said, ...]
    picture: HighlightedPage | None
    picture_of: str


_KINDS: tuple[tuple[str, str, str | None], ...] = (
    ("The candidate is right where the champion is not", RIGHT, ABSTAINED),
    ("The candidate is right where the champion is wrong", RIGHT, WRONG),
    ("Both are right", RIGHT, RIGHT),
    ("The candidate abstains", ABSTAINED, None),
    ("The candidate is wrong", WRONG, None),
)


def choose_examples(
    board: Board,
    answers: Sequence[Row],
    candidate: Contender | None,
    champion: Contender,
    pages: Mapping[str, tuple[str, int]],
    page_image: PageImage | None,
    per_kind: int = PER_KIND,
) -> list[Example]:
    """At most `per_kind` examples of each kind: human questions first, as retrieved before composed contexts."""
    shown = candidate or champion
    mine, theirs = (_by_item(answers, side, board) for side in (shown, champion))
    ranked = sorted((board.items[item_id] for item_id in mine if item_id in theirs), key=_rank)
    used: set[str] = set()
    examples = []
    for heading, wanted, other in _KINDS:
        fitting = (
            item
            for item in ranked
            if outcome(item, mine[item["item_id"]]) == wanted
            and (other is None or outcome(item, theirs[item["item_id"]]) == other)
        )
        found = 0
        for item in fitting:
            if found == per_kind:
                break
            if item["question_id"] in used:
                continue
            found += 1
            used.add(item["question_id"])
            pairs = [(shown, mine[item["item_id"]])]
            if shown.key != champion.key:
                pairs.append((champion, theirs[item["item_id"]]))
            examples.append(_example(heading, item, pairs, pages, page_image))
    return examples


def _by_item(answers: Sequence[Row], side: Contender, board: Board) -> dict[str, Row]:
    scored = board.values(side.key, "utility")
    return {
        answer["item_id"]: answer
        for answer in answers
        if answer["model_id"] == side.model_id and answer["arm"] == side.arm and answer["item_id"] in scored
    }


def _rank(item: Row) -> tuple[int, int, int, float, str]:
    condition = (RETRIEVED, *(name for name in CONDITIONS if name != RETRIEVED)).index(item["condition"])
    origin = ORIGINS.index(item["origin"]) if item["origin"] in ORIGINS else len(ORIGINS)
    return (origin, int(must_abstain(item)), condition, seeded_unit("example", item["item_id"]), item["item_id"])


def _example(
    heading: str,
    item: Row,
    pairs: Sequence[tuple[Contender, Row]],
    pages: Mapping[str, tuple[str, int]],
    page_image: PageImage | None,
) -> Example:
    said = tuple(
        Said(side.label, outcome(item, answer), answer["final_answer"], _passages(item, answer["quotes"], pages))
        for side, answer in pairs
    )
    picture, picture_of = _picture(item, pairs, page_image)
    return Example(
        heading=heading,
        item_id=item["item_id"],
        question=item["question"],
        origin=ORIGIN_LABELS.get(item["origin"], item["origin"]),
        condition=CONDITION_LABELS[item["condition"]],
        expected="to decline" if must_abstain(item) else item["expected_answer"],
        said=said,
        picture=picture,
        picture_of=picture_of,
    )


def _passages(item: Row, quotes: Sequence[str], pages: Mapping[str, tuple[str, int]]) -> tuple[Passage, ...]:
    return tuple(_passage(item, quote, pages) for quote in quotes if quote.strip())


def _passage(item: Row, quote: str, pages: Mapping[str, tuple[str, int]]) -> Passage:
    for document in item["documents"]:
        start = document["text"].find(quote)
        if start >= 0:
            end = start + len(quote)
            before = document["text"][max(0, start - _SURROUNDINGS) : start]
            after = document["text"][end : end + _SURROUNDINGS]
            before = ELLIPSIS + before.lstrip() if start > _SURROUNDINGS else before.lstrip()
            after = after.rstrip() + ELLIPSIS if end + _SURROUNDINGS < len(document["text"]) else after.rstrip()
            page = pages.get(document["chunk_id"])
            return Passage(document["title"], page[1] + 1 if page else None, before, quote, after, True)
    return Passage("", None, "", quote, "", False)


def _picture(
    item: Row, pairs: Sequence[tuple[Contender, Row]], page_image: PageImage | None
) -> tuple[HighlightedPage | None, str]:
    """The first page with a mark on it among the candidate's quotes, then the champion's."""
    if page_image is None:
        return None, ""
    for side, answer in pairs:
        for quote in answer["quotes"]:
            for document in item["documents"]:
                if quote.strip() and quote in document["text"]:
                    picture = page_image(document["chunk_id"], quote)
                    if picture and picture.marked:
                        return picture, side.label
    return None, ""

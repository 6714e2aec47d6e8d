"""Which split a group of questions belongs to: train, validation or test, decided once and kept.

A group is a section of a document. What is stored stays; new groups are spread so that every split fills up
evenly over all questions and within each document.
"""

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from resources.hashing import seeded_unit, short_id

TRAIN, VALIDATION, TEST = "train", "validation", "test"
SHARES = {TRAIN: 0.7, VALIDATION: 0.15, TEST: 0.15}


@dataclass(frozen=True)
class Section:
    """A group of a document. `learnable` questions are those whose passage no test question of a person is about."""

    group: str
    document_id: str
    learnable: int
    asked_in_test: int


def section_group(document_id: str, heading_path: Sequence[str]) -> str:
    """The group of a chunk: its document and top-level section."""
    return short_id("group", document_id, heading_path[0] if heading_path else "")


def lone_group(question_id: str) -> str:
    """The group of a question that belongs to no chunk."""
    return short_id("group", "unmapped", question_id)


def lone_split(use: str, question_id: str, seed: int) -> str:
    """The split of a question that belongs to no chunk: what its bringer said, else drawn by the shares."""
    if use in (TRAIN, TEST):
        return use
    drawn = seeded_unit(seed, "lone", question_id)
    return TRAIN if drawn < SHARES[TRAIN] else VALIDATION if drawn < 1 - SHARES[TEST] else TEST


def assign(sections: Sequence[Section], stored: Mapping[str, str], seed: int = 0) -> dict[str, str]:
    """The split of every section. Stored splits are returned as they are; the rest depends on the values alone."""
    splits = {section.group: stored[section.group] for section in sections if section.group in stored}
    splits |= dict.fromkeys(_held_out(sections, splits, seed), TEST)
    waiting = sorted(
        (section for section in sections if section.group not in splits),
        key=lambda section: (-section.learnable, seeded_unit(seed, section.group), section.group),
    )
    everything = max(1, sum(section.learnable for section in sections))
    size = Counter[str]()
    filled, within = Counter[str](), Counter[tuple[str, str]]()
    for section in sections:
        size[section.document_id] += section.learnable
        if section.group in splits:
            filled[splits[section.group]] += section.learnable
            within[section.document_id, splits[section.group]] += section.learnable
    shares = _shares(filled[TEST] / everything)
    for position, section in enumerate(waiting):
        empty = [split for split in (TRAIN, TEST, VALIDATION) if split not in splits.values()]
        if empty and len(waiting) - position <= len(empty):
            chosen = empty[0]
        else:
            document = section.document_id
            missing = {
                split: share
                - filled[split] / everything
                + (share - within[document, split] / max(1, size[document])) / 4
                for split, share in shares.items()
            }
            chosen = max(missing, key=lambda split: missing[split])
        splits[section.group] = chosen
        filled[chosen] += section.learnable
        within[section.document_id, chosen] += section.learnable
    return splits


def _shares(test: float) -> dict[str, float]:
    """The shares to aim at: if the test already holds more than its own, the others divide what is left."""
    test = max(test, SHARES[TEST])
    return {
        split: test if split == TEST else share * (1 - test) / (1 - SHARES[TEST]) for split, share in SHARES.items()
    }


def _held_out(sections: Sequence[Section], splits: Mapping[str, str], seed: int) -> list[str]:
    """New sections that go to the test because people's test questions are about them, cheapest first.

    Whole sections are held out while that costs training no more than the test's own share of what can be learnt.
    In the others only the passages asked about are lost to training.
    """
    room = SHARES[TEST] * sum(section.learnable for section in sections)
    room -= sum(section.learnable for section in sections if splits.get(section.group) == TEST)
    wanted = sorted(
        (section for section in sections if section.asked_in_test and section.group not in splits),
        key=lambda section: (
            section.learnable / section.asked_in_test,
            seeded_unit(seed, section.group),
            section.group,
        ),
    )
    held = []
    for section in wanted:
        if section.learnable <= room:
            held.append(section.group)
            room -= section.learnable
    return held

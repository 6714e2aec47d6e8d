"""Which split a group of questions belongs to: train, validation or test, decided once and kept.

A group is a section of a document. What is stored stays; new groups are spread so that every split fills up
evenly over all questions and within each document. Passages that people's test questions are about cannot train.
Sections of nothing else fill the test up to its share of the questions, then validation up to its own; the rest
counts as training, where those questions are withheld, and trains should people stop asking about it.
"""

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from resources.hashing import seeded_unit, short_id

TRAIN, VALIDATION, TEST = "train", "validation", "test"


@dataclass(frozen=True)
class Shares:
    """How much of the questions validation and the test should get; training gets the rest."""

    validation: float = 0.15
    test: float = 0.15

    @property
    def train(self) -> float:
        return 1 - self.validation - self.test


SHARES = Shares()


@dataclass(frozen=True)
class Section:
    """A group of a document. `learnable` questions are those whose passage no test question of a person is about."""

    group: str
    document_id: str
    questions: int
    learnable: int
    asked_in_test: int

    @property
    def free(self) -> int:
        """The questions whose split is the section's: a person's test questions are in the test in any case."""
        return self.questions - self.asked_in_test


def lone_group(question_id: str) -> str:
    """The group of a question that belongs to no chunk."""
    return short_id("group", "unmapped", question_id)


def lone_split(use: str, question_id: str, seed: int, shares: Shares = SHARES) -> str:
    """The split of a question that belongs to no chunk: what its bringer said, else drawn by the shares."""
    if use in (TRAIN, TEST):
        return use
    drawn = seeded_unit(seed, "lone", question_id)
    return TRAIN if drawn < shares.train else VALIDATION if drawn < 1 - shares.test else TEST


def assign(
    sections: Sequence[Section], stored: Mapping[str, str], seed: int = 0, shares: Shares = SHARES
) -> dict[str, str]:
    """The split of every section. Stored splits are returned as they are; the rest depends on the values alone."""
    splits = {section.group: stored[section.group] for section in sections if section.group in stored}
    held, room = _held_out(sections, splits, seed, shares)
    splits |= dict.fromkeys(held, TEST)
    lost = [section for section in sections if section.group not in splits and not section.learnable]
    _spread([section for section in sections if section not in lost], splits, room, seed, shares)
    _place_lost(lost, sections, splits, seed, shares)
    return splits


def _spread(sections: Sequence[Section], splits: dict[str, str], room: float, seed: int, shares: Shares) -> None:
    """Gives the sections that have none a split, the largest first, each where most is missing."""
    aims = _aims(sum(section.learnable for section in sections if splits.get(section.group) != TEST), room, shares)
    total = max(1.0, sum(aims.values()))
    filled, within, size = Counter[str](), Counter[tuple[str, str]](), Counter[str]()
    for section in sections:
        size[section.document_id] += section.learnable
        if splits.get(section.group, TEST) != TEST:
            filled[splits[section.group]] += section.learnable
            within[section.document_id, splits[section.group]] += section.learnable
    waiting = [section for section in sections if section.group not in splits]
    waiting.sort(key=lambda section: (-section.learnable, *_drawn(section, seed)))
    for position, section in enumerate(waiting):
        document = section.document_id
        empty = [split for split in (TRAIN, TEST, VALIDATION) if split not in splits.values()]
        if empty and len(waiting) - position <= len(empty):
            chosen = empty[0]
        else:
            missing = {
                split: (aim - filled[split]) / total
                + (aim / total - within[document, split] / max(1, size[document])) / 4
                for split, aim in aims.items()
            }
            chosen = max(missing, key=lambda split: missing[split])
        splits[section.group] = chosen
        filled[chosen] += section.learnable
        within[document, chosen] += section.learnable


def _place_lost(
    lost: Sequence[Section], sections: Sequence[Section], splits: dict[str, str], seed: int, shares: Shares
) -> None:
    """Sections that cannot train and for which the test has no room: validation takes what it lacks."""
    lacking = shares.validation * sum(section.questions for section in sections)
    lacking -= sum(section.free for section in sections if splits.get(section.group) == VALIDATION)
    for section in sorted(lost, key=lambda section: _drawn(section, seed)):
        splits[section.group] = VALIDATION if lacking > 0 else TRAIN
        lacking -= section.free


def _aims(learnable: int, room: float, shares: Shares) -> dict[str, float]:
    """How many of the learnable questions each split should get, if the test still has `room` for some."""
    rest = max(0.0, learnable - room) / (shares.train + shares.validation)
    return {TRAIN: shares.train * rest, VALIDATION: shares.validation * rest, TEST: min(room, float(learnable))}


def _held_out(
    sections: Sequence[Section], splits: Mapping[str, str], seed: int, shares: Shares
) -> tuple[list[str], float]:
    """New sections that go to the test whole because people's test questions are about them, and the room left.

    They go cheapest for training first, until the test has its share of all questions; from then on only the
    passages asked about are lost to training, not their sections. Train and validation are left a section each.
    """
    new = [section for section in sections if section.group not in splits]
    spare = len(new) - sum(split not in splits.values() for split in (TRAIN, VALIDATION))
    room = shares.test * sum(section.questions for section in sections)
    room -= sum(section.questions for section in sections if splits.get(section.group) == TEST)
    wanted = sorted(
        (section for section in new if section.asked_in_test),
        key=lambda section: (section.learnable / section.asked_in_test, *_drawn(section, seed)),
    )
    held = []
    for section in wanted:
        nothing_yet = not held and TEST not in splits.values()
        if len(held) < spare and (section.questions <= room or (nothing_yet and not section.learnable)):
            held.append(section.group)
            room -= section.questions
    return held, max(0.0, room)


def _drawn(section: Section, seed: int) -> tuple[float, str]:
    return seeded_unit(seed, section.group), section.group

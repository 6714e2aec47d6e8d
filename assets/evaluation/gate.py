"""The gate: whether a trained candidate may replace the champion, and what is recommended instead if not.

The decision rests on human and third-party questions alone, all conditions together, each item weighing the same:
a generated question shares the teacher's view of text and proves plumbing. Utility is 1 for right, 0 for
abstained, -1 for wrong. Every criterion names its measurement; one that could not be measured is not met.
"""

from dataclasses import dataclass

from assets.evaluation.arms import TUNED_RAG
from assets.evaluation.comparison import (
    ALL_CONDITIONS,
    INDEPENDENT,
    Board,
    Contender,
    Difference,
    both,
    in_condition,
    in_origin,
)
from assets.evaluation.conditions import CONDITIONS, ORACLE_ABSENT, ORACLE_PRESENT, RETRIEVED
from assets.evaluation.wording import gap, number

LEARNED_TO_READ = "learned to read"
LEARNED_TO_ABSTAIN = "learned to abstain"
NO_GAIN = "no gain shown"
NOT_MEASURED = "not measured"

RAG, FINE_TUNE, RAFT, REFUSED = "RAG", "fine-tune", "RAFT", "refused"


@dataclass(frozen=True)
class GateRules:
    """What a promotion needs. Margins are in the unit of the metric: 0.05 is five points of the wrong rate."""

    min_questions: int = 20
    min_groups: int = 8
    wrong_margin: float = 0.05
    present_margin: float = 0.05


@dataclass(frozen=True)
class Criterion:
    """One condition of promotion: what was required, what was measured, and whether it is met."""

    name: str
    required: str
    measured: str
    met: bool


@dataclass(frozen=True)
class Decision:
    """The outcome of the gate. Differences are candidate minus champion on human and third-party questions."""

    promote: bool
    recommended: str
    reasons: tuple[str, ...]
    criteria: tuple[Criterion, ...]
    gain: str
    questions: int
    groups: int
    utility: Difference | None
    wrong: Difference | None
    by_condition: tuple[Difference, ...]

    @property
    def detectable(self) -> float | None:
        """The smallest true difference in utility that this test would have found four times in five."""
        return self.utility.detectable if self.utility else None


def decide(
    board: Board,
    candidate: Contender | None,
    champion: Contender,
    closed_book: Contender | None = None,
    rules: GateRules | None = None,
) -> Decision:
    """Measures the candidate against the champion and decides. `closed_book` is the tuned model without documents."""
    rules = rules or GateRules()
    people = in_origin(INDEPENDENT)
    if candidate is None:
        return _refusal("There is no trained candidate to compare.")
    utility = board.difference(candidate.key, champion.key, "utility", people, "condition", ALL_CONDITIONS)
    if not utility.items:
        return _refusal(_nothing_to_rest_on(board))
    wrong = board.difference(candidate.key, champion.key, "wrong", people, "condition", ALL_CONDITIONS)
    by_condition = tuple(
        board.difference(
            candidate.key, champion.key, "utility", both(people, in_condition(condition)), "condition", condition
        )
        for condition in CONDITIONS
    )
    criteria = _criteria(candidate, utility, wrong, by_condition, rules)
    promote = all(criterion.met for criterion in criteria)
    judged = criteria[0].met and criteria[1].met
    closed = _closed_book_wins(board, closed_book, candidate, champion) if judged else None
    kept = RAFT if champion.arm == TUNED_RAG.name else RAG
    recommended = RAFT if promote else FINE_TUNE if closed else kept if judged else REFUSED
    reasons = [f"{criterion.name}: {criterion.measured}." for criterion in criteria if not criterion.met or promote]
    if closed:
        reasons.append(f"Without documents the tuned model leads the champion by {gap(closed.interval)} in utility.")
    return Decision(
        promote=promote,
        recommended=recommended,
        reasons=tuple(reasons),
        criteria=criteria,
        gain=_gain(by_condition),
        questions=utility.questions,
        groups=utility.interval.groups,
        utility=utility,
        wrong=wrong,
        by_condition=by_condition,
    )


def _criteria(
    candidate: Contender,
    utility: Difference,
    wrong: Difference,
    by_condition: tuple[Difference, ...],
    rules: GateRules,
) -> tuple[Criterion, ...]:
    present = next(difference for difference in by_condition if difference.value == ORACLE_PRESENT)
    groups, low, high = utility.interval.groups, utility.interval.low, wrong.interval.high
    detectable = "unknown" if utility.detectable is None else number(utility.detectable)
    return (
        Criterion(
            "A real model",
            "no emulator and no random weights",
            f"not a real model ({candidate.stamp})" if candidate.stamp else "trained weights",
            not candidate.stamp,
        ),
        Criterion(
            "Enough questions",
            f"{rules.min_questions} human or third-party questions in {rules.min_groups} groups",
            f"{utility.questions} questions in {groups} groups; smallest detectable difference in utility {detectable}",
            utility.questions >= rules.min_questions and groups >= rules.min_groups,
        ),
        Criterion(
            "More useful than the champion",
            "lower bound of the paired difference in utility above 0",
            gap(utility.interval),
            low is not None and low > 0,
        ),
        Criterion(
            "Not wrong more often",
            f"upper bound of the paired difference in wrong answers at most {number(rules.wrong_margin)}",
            gap(wrong.interval),
            high is not None and high <= rules.wrong_margin,
        ),
        Criterion(
            "No loss where the answer is shown",
            f"paired difference in utility at least {number(-rules.present_margin)}",
            gap(present.interval),
            present.interval.mean is not None and present.interval.mean >= -rules.present_margin,
        ),
    )


def _gain(by_condition: tuple[Difference, ...]) -> str:
    gained = {d.value for d in by_condition if d.interval.low is not None and d.interval.low > 0}
    if ORACLE_PRESENT in gained:
        return LEARNED_TO_READ
    if ORACLE_ABSENT in gained:
        return LEARNED_TO_ABSTAIN
    return NO_GAIN


def _closed_book_wins(
    board: Board, closed_book: Contender | None, candidate: Contender, champion: Contender
) -> Difference | None:
    """The closed book's lead over the champion, where it has one and documents add nothing to the tuned model."""
    if closed_book is None or closed_book.stamp:
        return None
    keep = both(in_origin(INDEPENDENT), in_condition(RETRIEVED))
    lead = board.difference(closed_book.key, champion.key, "utility", keep, "condition", RETRIEVED)
    documents = board.difference(candidate.key, closed_book.key, "utility", keep, "condition", RETRIEVED)
    ahead = lead.interval.low is not None and lead.interval.low > 0
    return lead if ahead and (documents.interval.mean or 0.0) <= 0 else None


def _nothing_to_rest_on(board: Board) -> str:
    if any(map(in_origin(INDEPENDENT), board.items.values())):
        return "The candidate and the champion share no scored human or third-party question."
    return (
        "There are no human or third-party questions, and generated ones share the teacher's view of text: "
        "they prove plumbing, not quality."
    )


def _refusal(reason: str) -> Decision:
    return Decision(False, REFUSED, (reason,), (), NOT_MEASURED, 0, 0, None, None, ())

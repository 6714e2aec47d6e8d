"""The verdict: two to five plain sentences that say what was found, with its uncertainty, win or not."""

from assets.evaluation.comparison import INDEPENDENT, Board, Contender, both, in_condition, in_origin
from assets.evaluation.conditions import ORACLE_ABSENT, ORACLE_PRESENT, RETRIEVED
from assets.evaluation.gate import LEARNED_TO_ABSTAIN, RAFT, REFUSED, Decision
from assets.evaluation.wording import counted, gap, number, rate

_WHERE = {
    ORACLE_PRESENT: "where the answer is shown",
    ORACLE_ABSENT: "where the answer is withheld",
    RETRIEVED: "with what is retrieved",
}


def write_verdict(board: Board, candidate: Contender | None, champion: Contender, decision: Decision) -> str:
    """The verdict as one paragraph."""
    if candidate is None or decision.utility is None:
        return f"No verdict, and nothing is promoted. {' '.join(decision.reasons)}"
    sentences = [
        _headline(candidate, champion, decision),
        _basis(decision),
        _answer_shown(board, candidate, champion),
        _worse_somewhere(board, candidate, champion),
        _caveat(board, candidate, champion, decision),
    ]
    return " ".join(sentence for sentence in sentences if sentence)


def _headline(candidate: Contender, champion: Contender, decision: Decision) -> str:
    if candidate.stamp:
        return f"{candidate.label} is not a real model ({candidate.stamp}): it is neither ranked nor promoted."
    if decision.promote:
        return f"{candidate.label} beats {champion.label} and may be promoted."
    if decision.recommended == REFUSED:
        return f"There are too few questions to choose between {candidate.label} and {champion.label}."
    interval = decision.utility.interval if decision.utility else None
    if interval and interval.high is not None and interval.high < 0:
        return f"{candidate.label} is worse than {champion.label} and is not promoted."
    if interval and interval.low is not None and interval.low > 0:
        missed = next(criterion for criterion in decision.criteria if not criterion.met)
        return f"{candidate.label} is more useful than {champion.label}, yet not promoted ({missed.name.lower()})."
    return f"{candidate.label} is not shown to beat {champion.label} and is not promoted."


def _basis(decision: Decision) -> str:
    if decision.utility is None or decision.wrong is None:
        return ""
    return (
        f"On {counted(decision.questions, 'human or third-party question')} "
        f"({counted(decision.utility.items, 'item')} in {counted(decision.groups, 'group')}) the difference in utility "
        f"is {gap(decision.utility.interval)} and in wrong answers {gap(decision.wrong.interval)}."
    )


def _answer_shown(board: Board, candidate: Contender, champion: Contender) -> str:
    parts = []
    for condition, words in ((ORACLE_PRESENT, "With the answer shown"), (ORACLE_ABSENT, "with it withheld")):
        keep = both(in_origin(INDEPENDENT), in_condition(condition))
        ours, theirs = (board.interval(side.key, "correct", keep) for side in (candidate, champion))
        if ours.n and theirs.n:
            verb = "it is right on" if condition == ORACLE_PRESENT else "it rightly declines on"
            parts.append(f"{words} {verb} {rate(ours)}, the champion on {rate(theirs)}")
    text = "; ".join(parts)
    return f"{text[:1].upper()}{text[1:]}." if text else ""


def _worse_somewhere(board: Board, candidate: Contender, champion: Contender) -> str:
    """The conditions in which the candidate is shown to lose, which a gain elsewhere would hide."""
    losses = []
    for condition, words in _WHERE.items():
        keep = both(in_origin(INDEPENDENT), in_condition(condition))
        interval = board.difference(candidate.key, champion.key, "utility", keep, "condition", condition).interval
        if interval.high is not None and interval.high < 0:
            losses.append(f"{words}: {gap(interval)}")
    return f"It is worse {'; '.join(losses)}." if losses else ""


def _caveat(board: Board, candidate: Contender, champion: Contender, decision: Decision) -> str:
    if decision.gain == LEARNED_TO_ABSTAIN:
        return "Its gain is on items without the answer only: it learned to abstain, not to read better."
    if decision.detectable is not None and decision.recommended != RAFT:
        return (
            f"A true difference in utility below {number(decision.detectable)} would probably have gone unnoticed "
            "with this many questions."
        )
    return ""

"""When a final answer says what the reference says: the rule behind `correct`.

In this order: a yes or no must agree; numbers must be exactly those of the reference (a number that the question
itself holds may be repeated or left out; any other extra number is a wrong number); anything else, and a reference
whose numbers all stand in the question, needs a token F1 of 0.6, or
the whole reference inside an answer not much longer than it.
"""

import re
from collections import Counter

from assets.evaluation.number_tokens import all_agree, number_tokens
from resources.search.tokenizer import STOP_WORDS, tokens

ENOUGH_F1 = 0.6
SHORT_ANSWER = 12
"""Tokens an answer may have beyond the reference it contains; more, and it may say anything else besides."""

_NEGATIONS = frozenset({"not", "no", "never", "neither", "nor", "without", "except"})
_YES = re.compile(r"\s*(?:yes|true|correct|✓|✔|是的?|可以|有|能|对|会)(?=\W|$)", re.IGNORECASE)
_NO = re.compile(r"\s*(?:no|false|✗|✘|不是|不可以|不能|不会|不|没有|否)(?=\W|$)", re.IGNORECASE)
_NO_PHRASE = re.compile(r"\s*no\s+\w", re.IGNORECASE)


def polarity(text: str) -> str | None:
    """`yes`, `no`, or None if the text is neither (`No charge` states an amount)."""
    if _YES.match(text):
        return "yes"
    if _NO.match(text) and not _NO_PHRASE.match(text):
        return "no"
    return None


def token_f1(reference: str, answer: str) -> float:
    """The harmonic mean of token precision and recall, repeats counted; CJK text is compared by bigrams."""
    wanted, given = Counter(tokens(reference)), Counter(tokens(answer))
    shared = sum((wanted & given).values())
    return 2 * shared / (wanted.total() + given.total()) if shared else 0.0


def has_numbers(reference: str) -> bool:
    return bool(number_tokens(reference))


def numbers_match(reference: str, answer: str, question: str = "") -> bool:
    """Whether the answer holds every number that the reference adds to the question, and no other."""
    wanted, given, asked = number_tokens(reference), number_tokens(answer), number_tokens(question)
    added = [number for number in wanted if not any(number.agrees(other) for other in asked)]
    return all_agree(added or wanted, given) and all_agree(given, (*wanted, *asked))


def matches(reference: str, answer: str, question: str = "") -> bool:
    """Whether a final answer is right. Refusals are not judged here."""
    wanted = polarity(reference)
    if wanted is not None:
        extra_numbers = number_tokens(answer)
        allowed = (*number_tokens(reference), *number_tokens(question))
        return polarity(answer) == wanted and all_agree(extra_numbers, allowed)
    if has_numbers(reference):
        exact = numbers_match(reference, answer, question)
        if not exact or not all_agree(number_tokens(reference), number_tokens(question)):
            return exact
    if _negated(reference) != _negated(answer):
        return False
    return token_f1(reference, answer) >= ENOUGH_F1 or _contained(reference, answer)


def _negated(text: str) -> bool:
    return not _NEGATIONS.isdisjoint(re.findall(r"[a-z]+", text.lower().replace("n't", " not")))


def _contained(reference: str, answer: str) -> bool:
    wanted, given = tokens(reference, STOP_WORDS), tokens(answer, STOP_WORDS)
    if not wanted or len(given) > len(wanted) + SHORT_ANSWER:
        return False
    return any(given[start : start + len(wanted)] == wanted for start in range(len(given) - len(wanted) + 1))

"""Whether quotes carry an answer, and whether a question gives it away: comparisons of words and numbers."""

import re

_YES_NO = re.compile(r"(?:yes|no|是|否|是的|不是|可以|不可以|不能|能|有|没有|不)[.。!！]?", re.IGNORECASE)
_UNAVAILABLE = re.compile(r"not available|not offered|unavailable|不提供|不适用", re.IGNORECASE)
_SAYS_YES_NO = re.compile(r"^(?:yes|no|是的?|否|不是)(?=\W|$)\W*", re.IGNORECASE)
_CJK = re.compile(r"[\u3400-\u9fff]")
_ROOT = 5
_NORMALISE = re.compile(r"[\W_]+")
_NUMBER = re.compile(r"\d[\d,]*(?:\.\d+)?")
WORD = re.compile(r"[a-z]+|[\u3400-\u9fff]", re.IGNORECASE)
STOP = frozenset(
    """
    a am an and are as at be been being by can could did do does for from get had has have how i if in is it its many
    may me might much must my not of on or our per should the their there they this to us was we were what when which
    who will with would you your able
    """.split()
)


def is_supported(final: str, quotes: str, question: str = "") -> bool:
    """Whether the quotes hold the answer: each of its numbers, else half of the words that are not the question's own.

    Yes and no are exempt, and so is what only restates the question. Without a question both numbers and words count.
    """
    if _YES_NO.fullmatch(final) or _UNAVAILABLE.fullmatch(final):
        return True
    numbers = set(_numbers(final))
    if not numbers <= set(_numbers(quotes)):
        return False
    if question:
        new = _roots(_SAYS_YES_NO.sub("", final)) - _roots(question)
        return bool(numbers) or 2 * len(new & _roots(quotes)) >= len(new)
    words = _content_words(final)
    return 2 * len(words & _content_words(quotes)) >= len(words)


def gives_away(question: str, final: str) -> bool:
    """Whether the question holds its answer, in one piece or word by word; a yes or no before it tells something."""
    if is_leaked(question, final):
        return True
    if _SAYS_YES_NO.match(final) or _CJK.search(final):
        return False
    said = _roots(final) | set(_numbers(final))
    return bool(said) and said <= _roots(question) | set(_numbers(question))


def is_leaked(question: str, final: str) -> bool:
    """Whether the question gives its answer away. Yes and no cannot be given away."""
    if _YES_NO.fullmatch(final):
        return False
    numbers = _numbers(final)
    if numbers and not _content_words(final):
        return set(numbers) <= set(_numbers(question))
    inside, whole = normalised(final), normalised(question)
    return len(inside) >= 2 and f" {inside} " in f" {whole} "


def normalised(text: str) -> str:
    """Lower-case words with single spaces: what two equal questions have in common."""
    return _NORMALISE.sub(" ", text.casefold()).strip()


def _numbers(text: str) -> list[str]:
    return [_canonical(number) for number in _NUMBER.findall(text)]


def _canonical(number: str) -> str:
    digits = number.replace(",", "")
    return digits.rstrip("0").rstrip(".") if "." in digits else digits


def _content_words(text: str) -> set[str]:
    return {word for word in map(str.casefold, WORD.findall(text)) if word not in STOP}


def _roots(text: str) -> set[str]:
    """Content words without their endings: their first letters."""
    return {word[:_ROOT] for word in _content_words(text)}

"""A second reader: how much of what pdfium reads on a page is in its markdown."""

import re
from collections import Counter

_WORD = re.compile(r"[^\W\d_]+")
_LATIN = re.compile(r"[A-Za-z\u00c0-\u024f]+")
_SHORTEST_GLUED = 4
_IDEOGRAPH = re.compile(r"[\u3040-\u30ff\u3400-\u9fff\uf900-\ufaff]")
_NUMBER = re.compile(r"\d+(?:[.,]\d+)*")
_SUPERSCRIPT = re.compile(r"<sup>(.*?)</sup>")


def recalls(markdown: str, expected: str) -> tuple[float, float]:
    """Word and number recall of a page's markdown against pdfium's text of the same page.

    Numbers are compared as multisets of exact tokens. pdfium glues a footnote mark to its amount (`$5.00` and note
    5 read `$5.005`): such a token is found when the markdown has the amount followed by that mark.
    """
    apart, glued = _readings(markdown)
    words = _recall(_words(expected), _words(apart) | _words(glued))
    numbers = _recall(_numbers(expected), _numbers(apart) | _numbers(glued))
    return round(words, 4), round(numbers, 4)


def additions(markdown: str, expected: str) -> tuple[float, list[str]]:
    """What a page's markdown holds beyond pdfium's text of it: the share of its words, and its numbers."""
    apart, glued = _readings(markdown)
    share = 1 - _recall(_words(apart), _words(expected))
    numbers = (_numbers(apart) - _numbers(expected)) & (_numbers(glued) - _numbers(expected))
    return round(share, 4), sorted(numbers.elements())


def divided_words(expected: str) -> dict[str, str]:
    """Words that pdfium reads apart and the converter may have glued: `billpayment` to `bill payment`."""
    whole = set(_LATIN.findall(expected))
    divided = {}
    for run in re.findall(r"[A-Za-z\u00c0-\u024f]+(?: [A-Za-z\u00c0-\u024f]+)+", expected):
        words = run.split(" ")
        for count in (4, 3, 2):
            for start in range(len(words) - count + 1):
                part = words[start : start + count]
                divided["".join(part)] = " ".join(part)
    return {word: apart for word, apart in divided.items() if word not in whole and len(word) >= _SHORTEST_GLUED}


def broken_addresses(raw: str) -> dict[str, str]:
    """Web and mail addresses divided at a hyphen, which converters take for a word division and drop."""
    broken = re.findall(r"((?:www\.|https?://|[\w.+-]+@)[\w./@-]*-)\n([\w./@-]+)", raw)
    return {first[:-1] + second: first + second for first, second in broken}


def respaced(markdown: str, glued: dict[str, str]) -> str:
    """The markdown with the spaces and hyphens that the converter lost."""
    for address in (key for key in glued if not key.isalpha()):
        markdown = markdown.replace(address, glued[address])
    return _LATIN.sub(lambda match: glued.get(match[0], match[0]), markdown)


def _readings(markdown: str) -> tuple[str, str]:
    """The markdown with its footnote marks apart from the words before them, and glued to them."""
    apart = _SUPERSCRIPT.sub(lambda mark: f" {mark[1].replace(',', ' ')} ", markdown)
    return apart, _SUPERSCRIPT.sub(r"\1", markdown)


def _recall(expected: Counter[str], found: Counter[str]) -> float:
    return (expected & found).total() / expected.total() if expected else 1.0


def _words(text: str) -> Counter[str]:
    text = re.sub(r"[-\u00ad\ufffe\u0002]\s*\n\s*", "", text)  # a word divided at a line end
    spaced = _IDEOGRAPH.sub(lambda match: f" {match[0]} ", text)
    return Counter(_WORD.findall(spaced.casefold()))


def _numbers(text: str) -> Counter[str]:
    return Counter(_NUMBER.findall(text))

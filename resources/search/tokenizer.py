"""The one tokenizer: text to search tokens, in front of every index, overlap count and hashed feature.

Engines' own analyzers lose up to 27 points of recall on identifiers and find nothing at all in Chinese, so no
engine tokenises here. `TOKENIZER` names the rules: change it whenever `tokens` may return something else.

Rules: compatibility-normalised, accents folded, lower case; English stems; an identifier gives its parts and
itself as one piece (`getUserName`, `get_user_name` -> get user name getusernam); a number stays whole without
its thousands separators (`$1,250.00` -> 1250.00); CJK runs give bigrams, or the character if it stands alone.
Footnote marks, HTML tags, comments and link targets are no text.
"""

import html
import re
import threading
import unicodedata
from collections.abc import Iterator
from collections.abc import Set as AbstractSet
from functools import lru_cache

import Stemmer

TOKENIZER = "words-stems-identifiers-bigrams-v1"

_STOP_WORDS = """
a an and any are as at be been being but by can could did do does don for from had has have how i if in into is it
its me my of on or our out should so such than that the their them then there these they this those to was we were
what when where which while who whom whose why with would you your
"""
STOP_WORDS = frozenset(_STOP_WORDS.split())
"""Words that carry the grammar of an English question and not its subject."""

_CJK = "\u3005\u3007\u3040-\u30ff\u3400-\u4dbf\u4e00-\u9fff\uac00-\ud7af\uf900-\ufaff\U00020000-\U0003ffff"
_CJK_RUN = re.compile(f"[{_CJK}]+")
# Bounded, so that a page of unclosed marks costs no more than one of text.
_FOOTNOTE = re.compile(r"<sup>[^<]{0,80}</sup>|[⁰¹²³⁴⁵⁶⁷⁸⁹]+")
_COMMENT = re.compile(r"<!--.{0,2000}?-->", re.DOTALL)
_TAG = re.compile(
    r"</?(?:a|b|i|u|em|strong|su[bp]|br|hr|p|div|span|ul|ol|li|table|thead|tbody|tr|td|th|h[1-6]|img|code|pre)"
    r"(?:\s[^<>]*)?/?>"
)
_LINK_TARGET = re.compile(r"\]\((?:https?:|mailto:|tel:|#)[^()\s]*\)")
_ENTITY = re.compile(r"&(?:#\d{1,7}|#x[0-9a-fA-F]{1,6}|[a-zA-Z]{2,12});")
_FRACTION_SLASH = "\u2044"
_MIXED_FRACTION = re.compile(r"(?<=\d)(?=[¼-¾⅐-⅞])")
_ACCENT = re.compile("[\u0300-\u036f]")
_LEXEME = re.compile(
    rf"(?P<cjk>[{_CJK}]+)"
    rf"|(?P<number>\d{{1,3}}(?:,\d{{3}})+(?:\.\d+)?(?!\d)|\d+(?:\.\d+)+|\d+{_FRACTION_SLASH}\d+|\d+(?!\w))"
    r"|(?P<word>[^\W\d_]+(?=\d[\d,]*\.\d)|\w+)(?:['\u2019](?:s|t|re|ve|ll|d|m)\b)?"
)
_PLURAL_ACRONYM = re.compile(r"[A-Z]{2,}s")
_SEAM = re.compile(r"_+|(?<=[a-z\d])(?=[A-Z])|(?<=[A-Z])(?=[A-Z][a-z])")


class _Stemmers(threading.local):
    """One snowball stemmer per thread: they are not safe to share."""

    def __init__(self) -> None:
        self.english = Stemmer.Stemmer("english")


_STEMMERS = _Stemmers()


@lru_cache(maxsize=1 << 16)
def stem(word: str) -> str:
    """The English stem of one lower-case word."""
    return _STEMMERS.english.stemWord(word)


def tokens(text: str, stop_words: AbstractSet[str] = frozenset()) -> list[str]:
    """The search tokens of `text`, in reading order, repeats kept. `stop_words` are compared before stemming."""
    found: list[str] = []
    for kind, lexeme in _lexemes(text):
        if kind == "cjk":
            found.extend(_bigrams(lexeme))
        elif kind == "number":
            found.append(lexeme)
        else:
            found.extend(_word_tokens(lexeme, stop_words))
    return found


def words(text: str) -> list[str]:
    """The surface words of `text`: lower case, accents folded, unstemmed, unsplit; numbers whole; CJK characters."""
    found: list[str] = []
    for kind, lexeme in _lexemes(text):
        if kind == "cjk":
            found.extend(lexeme)
        else:
            found.append(lexeme.strip("_").lower())
    return [word for word in found if word]


def plain(text: str) -> str:
    """`text` as it is compared: no footnote marks, tags or link targets; compatibility forms and accents folded."""
    text = _FOOTNOTE.sub(" ", text)
    if "<" in text:
        text = _TAG.sub(" ", _COMMENT.sub(" ", text))
    if "](" in text:
        text = _LINK_TARGET.sub("] ", text)
    if "&" in text:
        text = _ENTITY.sub(lambda entity: html.unescape(entity[0]), text)
    if text.isascii():
        return text
    # Without the space, normalisation would make eleven halves of "1½".
    text = unicodedata.normalize("NFKD", _MIXED_FRACTION.sub(" ", text))
    return unicodedata.normalize("NFKC", _ACCENT.sub("", text))


def _lexemes(text: str) -> Iterator[tuple[str, str]]:
    # Spaces around CJK runs keep `\w+` and the end of a number from reaching into them.
    for match in _LEXEME.finditer(_CJK_RUN.sub(r" \g<0> ", plain(text))):
        kind = match.lastgroup or "word"
        lexeme = match[kind]
        yield kind, lexeme.replace(",", "").replace(_FRACTION_SLASH, "/") if kind == "number" else lexeme


def _bigrams(run: str) -> list[str]:
    return [run[start : start + 2] for start in range(len(run) - 1)] or [run]


def _word_tokens(word: str, stop_words: AbstractSet[str]) -> Iterator[str]:
    if _PLURAL_ACRONYM.fullmatch(word):
        word = word[:-1]
    lower = word.lower()
    if word.isalpha() and word[1:] in (lower[1:], word[1:].upper()):
        if lower not in stop_words:
            yield stem(lower)
        return
    parts = [part.lower() for part in _SEAM.split(word) if part]
    yield from (stem(part) for part in parts if part not in stop_words)
    if len(parts) > 1:
        yield stem("".join(parts))

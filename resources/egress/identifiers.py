"""Detectors of structured identifiers: patterns that only count where a checksum or an unmistakable format agrees.

Amounts, dates, account fees and tables of numbers must stay as they are: a detector that is not sure says nothing.
Names and addresses are not detected.
"""

import re
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import Literal

IdentifierKind = Literal["api_key", "email", "iban", "national_id", "card", "phone"]
KINDS: tuple[IdentifierKind, ...] = ("api_key", "email", "iban", "national_id", "card", "phone")
"""In the order in which they claim text."""

# Full-width digits and letters, odd spaces and dashes, one character for one, so that offsets stay.
_FOLD = str.maketrans(
    {
        **{0xFF10 + i: str(i) for i in range(10)},
        **{0xFF21 + i: chr(ord("A") + i) for i in range(26)},
        **{0xFF41 + i: chr(ord("a") + i) for i in range(26)},
        **dict.fromkeys([0x00A0, 0x2002, 0x2003, 0x2007, 0x2009, 0x202F, 0x3000], " "),
        **dict.fromkeys([0x00AD, 0x2010, 0x2011, 0x2012, 0x2013, 0x2014, 0x2212, 0xFF0D], "-"),
        0xFF0B: "+",
        0xFF20: "@",
        0xFF08: "(",
        0xFF09: ")",
    }
)
# What may not stand before an identifier is looked at after its first character: a pattern that begins with a set of
# characters is searched for four times as fast as one that begins with an assertion.
_ALONE = r"(?<![A-Za-z0-9_][0-9])(?<![0-9][.,-][0-9])"
_END = r"(?![A-Za-z0-9_])(?![.,-][0-9])"
_NO_SIGN = r"(?<![+-][0-9])"
_NO_AMOUNT = r"(?<![$€£¥][0-9])(?<![$€£¥] [0-9])"


@dataclass(frozen=True)
class Found:
    """An identifier in a text: what kind, and where (`text[start:end]`)."""

    kind: IdentifierKind
    start: int
    end: int


def find_identifiers(text: str, kinds: Sequence[IdentifierKind] = KINDS) -> list[Found]:
    """The identifiers of a text by position; they do not overlap."""
    folded = text.translate(_FOLD) if not text.isascii() else text
    taken: list[Found] = []
    for kind in KINDS:
        if kind in kinds:
            for start, end in _DETECTORS[kind](folded):
                if all(end <= other.start or other.end <= start for other in taken):
                    taken.append(Found(kind, start, end))
    return sorted(taken, key=lambda found: found.start)


_CARD = re.compile(
    rf"[2-6]{_ALONE}(?:[0-9]{{12,18}}|[0-9]{{3}}([ .\n-])[0-9]{{4}}\1[0-9]{{4}}(?:\1[0-9]{{1,4}}){{1,2}}"
    rf"|(?<=3)[47][0-9]{{2}}([ .\n-])[0-9]{{6}}\2[0-9]{{5}}|(?<=3)[068][0-9]{{2}}([ .\n-])[0-9]{{6}}\3[0-9]{{4}}){_END}"
)
_ROUND = re.compile(r"[0-9]{2,4}(?:00)(?:[ .\n-][0-9]{2}00)*")


def _cards(text: str) -> Iterator[tuple[int, int]]:
    for match in _CARD.finditer(text):
        digits = re.sub(r"[^0-9]", "", match[0])
        if 13 <= len(digits) <= 19 and luhn(digits) and not _ROUND.fullmatch(match[0]):
            yield match.span()


def luhn(digits: str) -> bool:
    """Whether the last digit is the Luhn check digit of the others."""
    total = 0
    for place, character in enumerate(reversed(digits)):
        digit = int(character) * (1 + place % 2)
        total += digit - 9 if digit > 9 else digit
    return total % 10 == 0 and len(set(digits)) > 1


_IBAN_LENGTHS = {
    length: frozenset(countries.split())
    for length, countries in {
        15: "NO", 16: "BE", 18: "DK FI FK FO GL NL SD", 19: "MK SI", 20: "AT BA EE KZ LT LU MN XK",
        21: "CH HR LI LV", 22: "BG BH CR DE GB GE IE ME RS VA", 23: "AE GI IL IQ OM SO TL",
        24: "AD CZ DZ ES MD PK RO SA SE SK TN VG", 25: "LY PT ST", 26: "IS TR", 27: "BF CM DJ FR GR IT MC MG MR SM SN",
        28: "AL AZ BJ BY CI CY DO GT HN HU LB ML NE NI PL SV TG", 29: "BR EG PS QA UA", 30: "JO KW MU", 31: "MT SC",
        32: "LC", 33: "RU",
    }.items()
}  # fmt: skip
_LENGTH_OF = {country: length for length, countries in _IBAN_LENGTHS.items() for country in countries}
_IBAN = re.compile(r"[0-9]{2}(?<=[A-Za-z]{2}[0-9]{2})(?<![A-Za-z0-9][A-Za-z]{2}[0-9]{2})(?=[ -]?[A-Za-z0-9])")


def _ibans(text: str) -> Iterator[tuple[int, int]]:
    for match in _IBAN.finditer(text):
        start = match.start() - 2
        length = _LENGTH_OF.get(text[start : start + 2].upper(), 0)
        end = _after(text, start, length)
        if not length or not end or (text[end : end + 1].isascii() and text[end : end + 1].isalnum()):
            continue
        plain = re.sub(r"[ -]", "", text[start:end]).upper()
        turned = plain[4:] + plain[:4]
        if int("".join(str(int(character, 36)) for character in turned)) % 97 == 1:
            yield start, end


def _after(text: str, start: int, count: int) -> int:
    """Where `count` letters or digits end, single spaces or hyphens between them aside; 0 if there are not so many."""
    position = start
    for number in range(count):
        if number and text[position : position + 1] in {" ", "-"}:
            position += 1
        character = text[position : position + 1]
        if not (character.isascii() and character.isalnum()):
            return 0
        position += 1
    return position


_EMAIL = re.compile(
    r"(?<![A-Za-z0-9._%+-])[A-Za-z0-9_][A-Za-z0-9._%+-]{0,63}@(?:[A-Za-z0-9](?:[A-Za-z0-9-]{0,62})\.){1,8}[A-Za-z]{2,24}"
    r"(?![A-Za-z0-9])"
)

_INTERNATIONAL = re.compile(  # +44 20 7946 0958, +1 (800) 432-1000, +86-10-8888-6666, +498912345678
    r"\+(?<![A-Za-z0-9_+]\+)[1-9][0-9]{0,2}[ .-]?(?:\(0?[0-9]{1,4}\)[ .-]?)?[0-9]{1,12}(?:[ .-][0-9]{2,8}){0,5}"
)
_BRACKETED = re.compile(  # (800) 432-1000, 1 (800) 432-1000
    r"\((?:(?<=1 \()|(?<=1[.-]\()|(?<![A-Za-z0-9_.,$€£¥+-]\())[2-9][0-9]{2}\) ?[0-9]{3}[ .-][0-9]{4}"
)
_NATIONAL = re.compile(
    rf"[0-9]{_ALONE}{_NO_SIGN}{_NO_AMOUNT}(?:"
    # 800-432-1000, 1-800-432-1000, 1.800.432.1000
    r"(?:(?<=1)-[2-9]|(?<=[2-9]))[0-9]{2}-[0-9]{3}-[0-9]{4}|(?:(?<=1)\.[2-9]|(?<=[2-9]))[0-9]{2}\.[2-9][0-9]{2}\.[0-9]{4}"
    # Chinese mobile and land line
    r"|(?<=1)[3-9][0-9](?:[0-9]{8}|([ -])[0-9]{4}\1[0-9]{4})|(?<=0)[1-9][0-9]{1,2}-[0-9]{7,8}"
    # British: 020 7946 0958, 0800 555 0177, 07700 900123
    r"|(?<=0)(?:[1-9][0-9] [0-9]{4} [0-9]{4}|[1-9][0-9]{2} [0-9]{3} [0-9]{4}|[1-9][0-9]{3} [0-9]{6})"
    r")"
)
_AFTER_PHONE = re.compile(r"[A-Za-z0-9_%]|[.,-][0-9]|[.,/-]?[0-9]")


def _phones(text: str) -> Iterator[tuple[int, int]]:
    for match in _INTERNATIONAL.finditer(text):
        # Amounts such as +12.50 13.40 mix dots with spaces.
        mixed = "." in match[0] and (" " in match[0] or "-" in match[0])
        if 9 <= len(re.sub(r"[^0-9]", "", match[0])) <= 15 and not mixed and not _AFTER_PHONE.match(text, match.end()):
            yield match.span()
    for match in _BRACKETED.finditer(text):
        if not _AFTER_PHONE.match(text, match.end()):
            yield match.start() - 2 * (text[match.start() - 2 : match.start()] in ("1 ", "1-", "1.")), match.end()
    yield from (m.span() for m in _NATIONAL.finditer(text) if not _AFTER_PHONE.match(text, m.end()))


_SSN = re.compile(rf"[0-8]{_ALONE}(?<![.,-].)(?!(?<=0)00|(?<=6)66)[0-9]{{2}}-(?!00)[0-9]{{2}}-(?!0000)[0-9]{{4}}{_END}")
_SIN = re.compile(
    rf"[1-79]{_ALONE}{_NO_AMOUNT}(?<![.,-].)(?<![0-9] .)[0-9]{{2}}([ -])[0-9]{{3}}\1[0-9]{{3}}{_END}(?! [0-9])"
)
_NINO = re.compile(
    r"[A-CEGHJ-PR-TW-Z](?<![A-Za-z0-9].)[A-CEGHJ-NPR-TW-Z](?<!BG|GB|NK|KN|TN|NT|ZZ)( ?)[0-9]{2}\1[0-9]{2}\1[0-9]{2}\1[A-D]"
    r"(?![A-Za-z0-9])"
)
_RESIDENT = re.compile(
    rf"[1-9]{_ALONE}[0-9]{{5}}(?:18|19|20)[0-9]{{2}}(?:0[1-9]|1[0-2])(?:0[1-9]|[12][0-9]|3[01])[0-9]{{3}}[0-9Xx]{_END}"
)
_RESIDENT_WEIGHTS = (7, 9, 10, 5, 8, 4, 2, 1, 6, 3, 7, 9, 10, 5, 8, 4, 2)


def _national_ids(text: str) -> Iterator[tuple[int, int]]:
    yield from (match.span() for pattern in (_SSN, _NINO) for match in pattern.finditer(text))
    yield from (match.span() for match in _SIN.finditer(text) if luhn(re.sub(r"[^0-9]", "", match[0])))
    for match in _RESIDENT.finditer(text):
        total = sum(weight * int(digit) for weight, digit in zip(_RESIDENT_WEIGHTS, match[0], strict=False))
        if "10X98765432"[total % 11] == match[0][-1].upper():
            yield match.span()


_KEY = re.compile(
    "|".join(
        (
            r"-----BEGIN [A-Z ]{0,30}PRIVATE KEY-----[A-Za-z0-9+/=\s]*(?:-----END [A-Z ]{0,30}PRIVATE KEY-----)?",
            r"(?<![A-Za-z0-9_-])(?:sk|rk|pk)-[A-Za-z0-9_-]{20,200}",
            r"(?<![A-Za-z0-9])(?:AKIA|ASIA)[0-9A-Z]{16}(?![A-Za-z0-9])",
            r"(?<![A-Za-z0-9])gh[pousr]_[A-Za-z0-9]{30,255}",
            r"(?<![A-Za-z0-9])github_pat_[A-Za-z0-9_]{22,255}",
            r"(?<![A-Za-z0-9])xox[abprs]-[A-Za-z0-9-]{10,250}",
            r"(?<![A-Za-z0-9])AIza[0-9A-Za-z_-]{35}",
            r"(?<![A-Za-z0-9])eyJ[A-Za-z0-9_-]{10,4000}\.eyJ[A-Za-z0-9_-]{5,4000}\.[A-Za-z0-9_-]{10,4000}",
        )
    )
)
_KEY_SIGN = re.compile(r"-----BEGIN|[srp]k-|A[KS]IA|gh[pousr]_|github_pat_|xox[abprs]-|AIza|eyJ")
_LONG = re.compile(r"[A-Za-z0-9+/_-]{32}")
_NAMED_KEY = re.compile(
    r"(?:api|account|subscription|access|secret|private|shared)[ _-]?(?:access[ _-]?)?key|secret|token|password|密钥",
    re.IGNORECASE,
)
_KEY_VALUE = re.compile(r"[\"'`]{0,2}\s{0,3}(?:[:=：]|is)\s{0,3}[\"'`]?([A-Za-z0-9+/_-]{32,200}={0,2})")


def _api_keys(text: str) -> Iterator[tuple[int, int]]:
    if _KEY_SIGN.search(text):
        yield from (match.span() for match in _KEY.finditer(text))
    if _LONG.search(text):
        for name in _NAMED_KEY.finditer(text):
            value = _KEY_VALUE.match(text, name.end())
            if value and re.search(r"[0-9]", value[1]) and re.search(r"[A-Za-z]", value[1]):
                yield value.span(1)


def _emails(text: str) -> Iterator[tuple[int, int]]:
    if "@" in text:
        yield from (match.span() for match in _EMAIL.finditer(text))


_DETECTORS: dict[IdentifierKind, Callable[[str], Iterator[tuple[int, int]]]] = {
    "api_key": _api_keys,
    "email": _emails,
    "iban": _ibans,
    "national_id": _national_ids,
    "card": _cards,
    "phone": _phones,
}

"""English and Chinese words as the extractive teacher needs them: running case, articles, verb forms, perspective."""

import re

_PROPER = re.compile(r"[A-Z]\w*[A-Z0-9]|^[A-Z]\.|\w[A-Z]")
_PREPOSITION = re.compile(
    r"\s+(?:of|for|to|at|from|in|on|with|by|per|through|using|via|within|between|accepted|requested|drawn|held|returned"
    r"|sent|closed|than|up|over|under|when|as|into|including|excluding|made|not|without|outside|inside|we|you|that|which)\b|\s*[,(–—/]"
)
_COUNTABLE = re.compile(
    r"(?:withdrawal|transfer|payment|inquiry|enquiry|purchase|cheque|check|card|order|draft|request|copy|statement|fee"
    r"|charge|account|box|item|booking|ticket|visit|search|certificate|transaction|replacement|change|plan|limit|loan"
    r"|report|letter|envelope|claim|trip|licence|license|permit|notice|passbook|debit|refund|balance|reservation|day"
    r"|option|service|rate|discount|subscription|user|seat|room|bag|parcel|return|upgrade|"
    r"cancellation|renewal|application|session|call|message)",
    re.IGNORECASE,
)
_MEASURE = re.compile(
    r"\b(?:fees?|charges?|costs?|prices?|rates?|limits?|balance|amount|number|minimum|maximum|"
    r"discount|premium|deductible"
    r"|term|period|time|deadline|duration|interest|percentage|commission|deposit required|age|"
    r"hours|allowance|quota|penalty"
    r"|salary|size|weight|height|length|width|speed|capacity|threshold|surcharge|bonus|waiver)\s*(?:\(.*\))?$",
    re.IGNORECASE,
)
_MEASURE_ZH = re.compile(
    r"(?:费|费用|价格|利率|费率|汇率|限额|额度|余额|金额|次数|数量|期限|时间|时限|比例|折扣|上限|下限|最低.*|最高.*|年龄)(?:[（(].*[）)])?$"
)
_GENERIC = re.compile(
    r"(?:per (?:item|unit|person|month|year|day|use|transaction)|fees?|amounts?|costs?|prices?|"
    r"charges?|rates?|value|total"
    r"|you pay|what you pay|standard fee|our fee|费用|收费|收费标准|价格|金额|标准|资费|费率)(?: \(.*\))?",
    re.IGNORECASE,
)
_PLAN = re.compile(
    r"\b(?:plan|programme|program|package|bundle|tier|edition|version|scheme|rate|class|bank|policy)s?$", re.I
)
_SHORT_WORDS = frozenset(
    """
    A AN THE AND OR FOR OF TO IN ON AT BY FEE PER NO DAY ALL NEW YOU OUR WE IF IS ARE NOT
    """.split()
)
_MINE = {
    "you": "I", "your": "my", "yours": "mine", "yourself": "myself", "yourselves": "ourselves",
    "we": "you", "our": "your", "us": "you", "ours": "yours",
}  # fmt: skip
_SUBJECT_LEAD = re.compile(
    r"(?:^|\b(?:if|when|whenever|that|which|because|until|once|unless|where|what|while|whether|"
    r"provided|do|does|did|is|are|am"
    r"|can|could|will|would|may|might|must|should|shall)\s+)$",
    re.IGNORECASE,
)
_OBJECT_LEAD = re.compile(
    r"\b(?:let|lets|help|helps|make|makes|give|gives|allow|allows|enable|enables)\s+$", re.IGNORECASE
)
_VERBAL = re.compile(
    r"['’](?:re|ve|ll|d)\b|\s+(?:cannot|can't|don't|didn't|did|does|authori[sz]ed|wrote)\b|"
    r"\s+(?:\w+ly\s+)?(?:are|am|is|were|was|can|could|do|don|will|would|may|might|must|should|"
    r"shall|have|had|need|want|wish|use|pay"
    r"|make|bank|choose|select|open|close|provide|present|show|spend|receive|send|travel|already|"
    r"also|only|normally|still|no"
    r"|no longer|never|earn|keep|hold|lose|require|request|apply|register|sign|move|leave|become|turn|get|find|see|know"
    r"|save|order|ask|call|visit|give|tell|deposit|transfer|withdraw|redeem|cancel|qualify|"
    r"purchase|buy|maintain|refer|go"
    r"|authorize|agree|deal|work|start|stop|say|take|write|set|like|travel|change|join|link|reach|"
    r"return|fail|report|graduate|enrol|enroll|live|owe|own|miss|bring|drop|lose|switch|prefer)\b",
    re.I,
)


_VOWEL = re.compile(r"[aeio]|u(?!ni|s|k)|hour|honou?r|abm\b|atm\b|sms\b|x-ray|nsf\b|rrsp\b")


def running(label: str) -> str:
    """A label as it reads inside a sentence: `Cash withdrawal` -> `cash withdrawal`; names keep their capitals."""
    text = label.strip(" :：.;,-–•")
    words = text.split()
    if not words:
        return text
    letters = [word for word in words if any(c.isalpha() for c in word)]
    if len(letters) > 1 and text.isupper():
        return " ".join(word if len(word) <= 3 and word not in _SHORT_WORDS else word.lower() for word in words)
    rest_proper = len(words) > 1 and (words[1][:1].isupper() or (words[1].isdigit() and words[-1][:1].isupper()))
    if rest_proper or _PROPER.search(words[0]) or (words[0].isupper() and len(words[0]) > 1):
        return text
    return text[0].lower() + text[1:]


def head_noun(phrase: str) -> str:
    """The noun that a noun phrase turns on: `fee` of `fee for bounced cheques`."""
    head = _PREPOSITION.split(phrase, maxsplit=1)[0].split()
    return head[-1] if head else ""


def is_plural(phrase: str) -> bool:
    """Whether a noun phrase takes a plural verb, by its head noun."""
    head = head_noun(phrase)
    listed = re.match(r"[\w -]+ and [\w -]+", phrase) and not phrase.startswith(("a ", "an ", "the "))
    return bool(listed) or (head.endswith("s") and not head.endswith(("ss", "us", "is")))


def with_article(phrase: str) -> str:
    """`a cash withdrawal`, `an order`; plurals, mass nouns, names of things unknown and verbs go without."""
    first = phrase.split(" ", 1)[0].casefold()
    if (
        first in ("a", "an", "the", "any", "each", "every", "your", "my", "all", "no", "one", "some")
        or first[:1].isdigit()
    ):
        return phrase
    if first.endswith("ing") and first not in ("opening", "banking", "closing", "parking", "booking"):
        return phrase
    if not _COUNTABLE.fullmatch(head_noun(phrase)):
        return phrase
    return f"{'an' if _VOWEL.match(first) else 'a'} {phrase}"


def with_the(phrase: str) -> str:
    return phrase if re.match(r"(?:the|a|an|your|my|our)\b", phrase, re.I) else f"the {phrase}"


def product(name: str, noun: str) -> tuple[str, str]:
    """A product's name with its article, and bare: (`a Smart Saver account`, `Smart Saver account`)."""
    bare = name.strip(" :：>")
    if noun and not re.search(rf"\b{noun}s?\b", bare, re.I):
        bare = f"{bare} {noun}"
    if re.search(r"\b(?:account|card|loan|mortgage|licen[cs]e|ticket|room|subscription|membership)$", bare, re.I):
        return f"{'an' if bare[:1].casefold() in 'aeio' else 'a'} {bare}", bare
    return (f"the {bare}" if _PLAN.search(bare) else bare), bare


def is_measure(label: str, language: str) -> bool:
    """Whether a label names a quantity (`Monthly fee`, `Number of transfers`, `年费`)."""
    if language == "zh":
        return bool(_MEASURE_ZH.search(label))
    head = re.sub(r"\s*\(.*?\)", "", label).strip()
    if re.match(r"(?:monthly |annual |daily )?(?:minimum|maximum|number)\b", head, re.IGNORECASE):
        return True
    return bool(_MEASURE.search(_PREPOSITION.split(head, maxsplit=1)[0]))


def is_generic(label: str) -> bool:
    """Whether a column says only that it holds amounts."""
    return not label or bool(_GENERIC.fullmatch(label.strip()))


def base_form(verb: str) -> str:
    """The infinitive of a third-person verb: `applies` -> `apply`, `charges` -> `charge`."""
    irregular = {"has": "have", "is": "be", "does": "do", "goes": "go"}
    if verb in irregular:
        return irregular[verb]
    if verb.endswith("ies"):
        return verb[:-3] + "y"
    if verb.endswith(("sses", "shes", "ches", "xes", "zes")):
        return verb[:-2]
    return verb[:-1] if verb.endswith("s") and not verb.endswith("ss") else verb


def from_the_reader(text: str) -> str:
    """The text as its reader would say it: `you must bring your card to us` -> `I must bring my card to you`."""

    def swap(match: re.Match[str]) -> str:
        word = match.group(0)
        if word == "US":
            return word
        lower = word.casefold()
        mine = _MINE[lower]
        if lower == "you":
            mine = "I" if _is_subject(text[: match.start()], text[match.end() :]) else "me"
        return mine[0].upper() + mine[1:] if word[0].isupper() and match.start() == 0 else mine

    swapped = re.sub(
        r"\b(?:you|your|yours|yourself|yourselves|we|our|us|ours)\b(?!\.)", swap, text, flags=re.IGNORECASE
    )
    swapped = re.sub(r"\bI are\b", "I am", swapped)
    swapped = re.sub(r"\b[Aa]re I\b", lambda m: "Am I" if m.group(0)[0] == "A" else "am I", swapped)
    return re.sub(r"\b(I['’])(?:re)\b", r"\1m", re.sub(r"\bI were\b", "I was", swapped))


def _is_subject(before: str, after: str) -> bool:
    """Whether a `you` between two pieces of text is the subject of a verb."""
    if _SUBJECT_LEAD.search(before):
        return True
    return bool(_VERBAL.match(after)) and not _OBJECT_LEAD.search(before)


def titled(title: str) -> str:
    """A document's title with its article where it is a kind of document: `the Fee Guide`, but `Cooking for Two`."""
    kind = re.search(
        r"\b(?:guide|handbook|manual|policy|agreement|terms|report|schedule|brochure|rules|regulations|plan|act)$",
        title,
        re.I,
    )
    return f"the {title}" if kind and not re.match(r"(?:the|a|an|your|our)\b", title, re.I) else title


def sentence_case(text: str) -> str:
    return text[:1].upper() + text[1:]

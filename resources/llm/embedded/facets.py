"""What a question asks for: its language, the kind of answer it expects, its terms, names and numbers."""

import re
from dataclasses import dataclass
from functools import lru_cache
from itertools import pairwise

from resources.llm.embedded.limits import limit_asked, spans
from resources.llm.embedded.values import AMOUNT, COUNT, DATE, DURATION, PERCENTAGE, TEXT, TICK, number_of, values
from resources.llm.embedded.vocabulary import canonical, terms, unified
from resources.llm.raft_text import language_of
from resources.search.tokenizer import STOP_WORDS, tokens

YES_NO, LIST, DEFINITION, AGE = "yes_no", "list", "definition", "age"
PHONE, EMAIL, WEB = "phone", "email", "web"

_ASKING = STOP_WORDS | frozenset(
    """
    much many long often soon far please tell me know does did get got give there want like would shall may might must
    happen happens say says said will just also one someone anyone anything something mean means called exactly am
    """.split()
)
_ASKING_ZH = re.compile(
    "请问|多少|什么|哪些|哪个|哪种|哪里|如何|怎么|怎样|是否|能否|可否|可以|多久|多长|时候|时间|需要|你们|应该|为什么|由谁"
    "|[的了吗呢吧我您你是几能会在时要有和与及或为对从到把被这那请么个]"
)
_AUXILIARY = (
    r"(?:is|are|was|were|do|does|did|can|could|will|would|may|must|should|has|have|am|isn't|aren't|don't|doesn't|can't)\b"
    r"(?! you (?:please )?(?:explain|tell|describe|say|give|show|list)\b)(?! the following)"
)
_YES_NO = re.compile(
    rf"^(?:(?:and|but|so)\s+)?{_AUXILIARY}|[.:]\s+{_AUXILIARY}"
    rf"|^(?:in|on|for|with|about|regarding|concerning|according to|under|if|as|when|once|after) [^?]*?,\s*{_AUXILIARY}"
    r"|吗[？?]?$|是否|能否|可否|能不能|可不可以|是不是|有没有",
    re.I,
)
_WHICH = re.compile(r"\b(?:which|what) (?:of the )?[a-z-]+\b(?<!much)(?<!many)|哪个|哪种|哪些", re.I)
_ASKS = tuple(
    (kind, re.compile(pattern, re.I))
    for kind, pattern in (
        (AGE, r"\bhow (?:old|young)\b|\b(?:what|which|minimum|maximum) age\b|\bage limit\b|多大(?:年纪)?|几岁|年龄"),
        (
            DURATION,
            r"\bhow (?:long|soon|quickly|fast)\b|\b(?:how many|number of) (?:\w+ )?(?:seconds?|minutes?|hours?|days?|weeks?|months?|years?)\b"
            r"|\bperiod\b|\bterm length\b|\bnotice\b|多久|多长时间|几(?:个工作日|个月|天|年|小时)|多少(?:天|个月|年|小时|个工作日)|期限",
        ),
        (
            DATE,
            r"\bwhen\b|\b(?:what|which) (?:\w+ )?(?:date|day|time)\b|\bdeadline\b|\bwhich month\b|什么时候|何时|哪天|几点|日期|几号",
        ),
        (
            PERCENTAGE,
            r"\b(?:interest )?rates?\b|\bper ?cent(?:age)?\b|\bAPR\b|\bAPY\b|\bhow much interest\b|\bin interest\b|\bcommission\b|利率|百分|比例|年化",
        ),
        (
            AMOUNT,
            r"\bhow much\b|\b(?:fees?|charges?|charged|costs?|prices?|priced|amount|balance|discount|(?<!to )deposit|income"
            r"|limit|maximum|minimum|salary|premium|value|worth|sum|penalty)\b|\bthe (?:most|least)\b|\bpay\b"
            r"|\bwhat (?:do|will|would) (?:you|they) (?:ask|take|want|charge|deduct)\b"
            r"|\b(?:small|large|bigg?|high|low)est (?:purchase|payment|transfer|withdrawal|contribution|loan)\b"
            r"|多少钱|费用|收费|年费|月费|手续费|金额|多少元|余额|限额|额度",
        ),
        (
            COUNT,
            r"\bhow many\b|\bnumber of\b|\bhow often\b|\blimit\b|\bhow (?:old|young)\b|\bage\b|几(?:次|笔|张|份|个)|多少(?:次|笔|张|份|个)|次数|年龄",
        ),
        (EMAIL, r"\be-?mail\b|邮箱|电子邮件"),
        (WEB, r"\b(?:web ?site|web ?page|url)\b|网址|网站"),
        (
            PHONE,
            r"\b(?:phone number|telephone number|contact number|fax|hotline|by (?:tele)?phone)\b|\bwhat number\b"
            r"|\bnumber (?:do|should|can|to|for)\b|\b(?:can|do|should) I (?:call|dial|ring|phone)\b|电话|热线",
        ),
        (
            LIST,
            r"\b(?:which|what) (?:[\w-]+ ){0,2}?[\w-]+s\b(?= (?:are|do|can|must|have|may|will|should|would|I|you|apply|qualify|count|need)\b)|^how (?:do|can|should|may) (?:I|you|we|one)\b|\bwhat (?:do|does|must|should|will) (?:\w+ )+(?:need|bring|provide|include|require)\b|\blist\b"
            r"|\bwhat are\b|\bwhat (?:is|are) (?:needed|required|included)\b|哪些|需要(?:什么|提供|准备)|包括",
        ),
        (
            DEFINITION,
            r"\bexplain what .* (?:is|are|means?)\b|^how would you describe\b|^what (?:exactly )?(?:is|are|does) (?:an? |the |meant by )?[^?]{2,60}?(?: mean| stand for)?\s*\?*$|\bdefin(?:e|ition)\b|什么是|是什么意思|指的?是什么|什么叫",
        ),
    )
)
_VALUE_NOUN = (
    r"(?:fees?|charges?|costs?|prices?|rates?|amounts?|limits?|numbers?|dates?|days?|months?|years?|times?|age|balance"
    r"|sum|maximum|minimum|percentage|discount|deposit|income|premium|penalty)\b"
)
_NO_VALUE = re.compile(
    r"^(?:who|whom|whose|where|why|what (?:happens|determines|kinds?|types?)"
    r"|how (?:do|does|can|should|may|is|are|was|were|would)"
    r"|what (?:must|should|do|does|can|will|would) (?:I|you|we|they|one|(?:the|my|a) \w+) (?:(?:have|need) to )?do"
    rf"|(?:(?:with|for|in|on|under|at|to|from) )?(?:which|what) (?!(?:\w+ ){{0,2}}?{_VALUE_NOUN})(?:of )?(?:the )?\w+ (?:\w+ )?"
    r"(?:do|does|can|is|are|has|have|offers?|requires?|waives?|comes?|allows?|needs?|includes?|gives?|costs?|charges?)\b)",
    re.I,
)
"""Questions for a person, a place, a way or a thing, though they may mention a fee."""
_CAPITALISED = r"(?:[A-Z][\w’'-]*|[a-z]-[A-Z][\w-]*)"
_NAME = re.compile(
    rf"(?<!^)(?<![.!?]\s)\b{_CAPITALISED}(?:(?:\s(?:with|of|for|and)\s|\s){_CAPITALISED})*|^[A-Z]{{2,}}\w*"
    r"|(?:星期|周|礼拜)[一二三四五六日天]"
)
_STRICT = re.compile(
    r"^what (?:exactly )?(?:is|are) an? |\bexplain what .* (?:is|are)\b|^what (?:does|do) .* mean\b|\bdefinition of\b|什么是|是什么意思",
    re.I,
)
_COUNTED = re.compile(r"\bhow many ((?:[\w-]+ ){0,2}?[\w-]+s)\b|\bnumber of ([\w-]+)", re.I)


@dataclass(frozen=True)
class Facets:
    """A question taken apart. `asks` holds expected answer kinds, the likeliest first; empty means prose will do. `names` are
    the terms of each run of capitalised words, `counted` is what `how many` counts; `strict` questions
    want a definition and nothing else; `which` asks for one thing out of several; `limit` is the end of a range that is
    asked for, `spans` the spans of time an amount shall count for."""

    language: str
    asks: tuple[str, ...]
    terms: tuple[str, ...]
    pairs: frozenset[tuple[str, str]]
    names: tuple[tuple[str, ...], ...]
    numbers: frozenset[str]
    negated: bool
    counted: str
    strict: bool
    which: bool
    limit: str
    spans: frozenset[str]

    @property
    def yes_no(self) -> bool:
        return YES_NO in self.asks

    @property
    def asks_value(self) -> bool:
        """Whether only a value answers: an amount, a rate, a count, a length of time."""
        return not self.yes_no and any(ask in _VALUED and ask != DATE for ask in self.asks)

    def expects(self, kind: str) -> float:
        """How well an answer of this kind suits: 1 for what is asked, 0.85 for a second reading, -1 for a misfit."""
        asked = [ask for ask in self.asks if ask in _VALUED]
        if self.yes_no:
            return {TICK: 1.0, TEXT: 0.7}.get(kind, 0.3)
        if not asked:
            return {TEXT: 0.8, TICK: -2.0}.get(kind, -0.3)
        if kind == TICK:
            return -2.0
        if kind in asked:
            return 1.0 if kind == asked[0] else 0.85
        if kind == DURATION and DATE in asked:
            return 0.4
        return (-0.2 if asked == [DATE] else -0.6) if kind == TEXT else -1.0  # "when" may mean "in which case"


_TOLD_BY_WORDS = frozenset({AMOUNT, PERCENTAGE, COUNT, DURATION, AGE})
_VALUED = frozenset({AMOUNT, PERCENTAGE, DATE, DURATION, COUNT, AGE, PHONE, EMAIL, WEB})


@lru_cache(maxsize=4096)
def facets(question: str) -> Facets:
    """The facets of a question."""
    language = language_of(question)
    subject = _question_terms(question)
    asks = [YES_NO] if _YES_NO.search(question.strip()) else []
    asks += [kind for kind, pattern in _ASKS if pattern.search(question.strip())]
    if _NO_VALUE.search(question.strip()):
        asks = [ask for ask in asks if ask not in _TOLD_BY_WORDS]
    if any(ask in _VALUED for ask in asks):
        asks = [ask for ask in asks if ask not in (DEFINITION, LIST)]
    if LIST in asks and not re.search(r"^what (?:is|does)|什么是", question, re.I):
        asks = [ask for ask in asks if ask != DEFINITION]
    names = (
        tuple(t for t in dict.fromkeys(terms(match.group(0))) if t in subject) for match in _NAME.finditer(question)
    )
    counted = _COUNTED.search(question)
    numbers = {number_of(v.text) for v in values(question)} | set(
        re.findall(r"\d+(?:\.\d+)?", question.replace(",", ""))
    )
    return Facets(
        language,
        tuple(dict.fromkeys(asks)),
        tuple(dict.fromkeys(subject)),
        frozenset(pairwise(subject)),
        tuple(sorted({name for name in names if name})),
        frozenset(number for number in numbers if number),
        bool(re.search(r"\b(?:not|no longer|without|never|n't)\b|不", question, re.I)),
        next((t for t in reversed(terms(counted.group(1) or counted.group(2))) if t in subject), "") if counted else "",
        bool(_STRICT.search(question.strip())),
        bool(_WHICH.search(question)),
        limit_asked(question),
        spans(question),
    )


def _question_terms(question: str) -> list[str]:
    question = _ASKING_ZH.sub(" ", unified(question))
    found = [canonical(token) for token in tokens(question, _ASKING)]
    return [term for term in found if len(term) > 1 or term.isdigit() or not "\u3400" <= term <= "\u9fff"]

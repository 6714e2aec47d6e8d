"""The terms in which questions and documents are compared: stems of the one tokenizer, one word per everyday meaning.

A charge, a cost and a price are a fee; a cash machine is an ATM. General language only, no product of any document.
Both readers, untrained and trained, see text through it.
"""

import re
from functools import lru_cache

from resources.search.tokenizer import STOP_WORDS, stem, tokens

_SAME = """
fee charge cost price free waive
atm abm cashpoint
withdraw withdrawal
cheque check
chequing checking
telephone phone
month monthly
year yearly annual annually annum
day daily
week weekly
quarter quarterly
pay payment paid settle
minimum min least lowest smallest
maximum max most highest limit cap
foreign international abroad overseas
buy purchase
customer client
loan borrow
id identification identity
online internet web
close closing closure terminate
open opening
early earlier
senior seniors elderly
kid kids child children
qualify eligible eligibility
require required requirement need
statement statements
include included
percent percentage
standard ordinary normal regular usual
lose lost misplace misplaced
steal stole stolen theft
dispute contest challenge
gambling gamble betting bet
goods parcel package merchandise
arrive arrived deliver delivery
cancel revoke recall undo
refund reimburse reimbursement
change amend modify alter
replace replacement substitute
document paper papers paperwork
income salary wage wages earnings
home house property
car vehicle auto
start begin commence
expire expiry end
help assist assistance
wrong incorrect mistaken error
increase raise rise
reduce reduction lower decrease
instant immediate immediately instantly
mail post posted letter
branch counter teller
app mobile smartphone
complain complaint grievance
fraud scam defraud deceive deceived
joint shared
exchange convert conversion
penalty fine
travel trip journey holiday vacation
proof evidence prove
live reside residence resident
old age aged
photo picture photograph
grow grew growth
choose select choice pick
"""
_CANON = {stem(word): group.split()[0] for group in _SAME.strip().splitlines() for word in group.split()}

_PHRASES = tuple(
    (re.compile(pattern, re.I), word)
    for pattern, word in (
        (
            r"\b(?:cash|bank|teller) machines?\b|\bautomated (?:teller|banking) machines?\b|自动取款机|自动柜员机|取款机|ATM机",
            " atm ",
        ),
        (
            r"\b(?:tak(?:e|es|ing)|took|get|getting|pull)\b(?: out)? (?:\w+ )?(?:cash|money)(?: out)?\b",
            " withdraw cash ",
        ),
        (r"\b(?:per|each|every|a) month\b", " monthly "),
        (r"\b(?:per|each|every|a) (?:year|annum)\b", " annual "),
        (r"\bup to\b|\bno more than\b|\bat most\b", " maximum "),
        (r"\bat least\b|\bno less than\b", " minimum "),
        (r"\bno longer\b", " discontinued "),
        ("手续费|服务费|工本费|收费|多少钱|费率", "费用"),
        ("取现|提现|提款", "取款"),
        ("国外|海外", "境外"),
        ("至少|最少|起存", "最低"),
        ("至多|最多|上限", "最高"),
        ("每个月|月度", "每月"),
        ("注销|关闭", "销户"),
    )
)
GENERIC = frozenset({"account", "plan", "card", "bank", "servic", "program", "product", "fee", "custom", "loan"})
"""Words of a name that do not tell it from others."""


@lru_cache(maxsize=1 << 16)
def terms(text: str) -> tuple[str, ...]:
    """Content terms of a text, in order, repeats kept."""
    return tuple(canonical(token) for token in tokens(unified(text), STOP_WORDS))


def unified(text: str) -> str:
    """The text with every everyday phrase brought to one word: `cash machine` to `atm`, `per month` to `monthly`."""
    for pattern, word in _PHRASES:
        text = pattern.sub(word, text)
    return text


def canonical(token: str) -> str:
    """The token that stands for all of its meaning."""
    return _CANON.get(token, token)

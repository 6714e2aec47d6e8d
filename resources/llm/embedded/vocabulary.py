"""The terms in which questions and documents are compared: stems of the one tokenizer, one word per everyday meaning.

A charge, a cost and a price are a fee; a cash machine is an ATM. General language only, no product of any document.
Both readers, untrained and trained, see text through it.
"""

import re
from functools import lru_cache

from resources.search.tokenizer import STOP_WORDS, stem, tokens

COST = "fee"
LIMITS = ("maximum", "minimum", "最高", "最低")
_SAME = """
fee charge cost price pricing free waive
atm abm cashpoint
withdraw withdrawal
cheque check chequing checking
telephone phone ring dial
month monthly
year yearly annual annually annum
day daily
week weekly
quarter quarterly
pay payment paid settle
sell sold sale
spend spent
send sent
minimum min least lowest smallest
maximum max most highest limit cap
foreign international abroad overseas
buy purchase bought
customer client
loan borrow
id identification identity
online internet web
close closing closure terminate
open opening
early earlier
senior seniors elderly
kid kids child children
spouse husband wife
parent mother father mum mom dad
employee staff personnel
employer boss
job occupation
sick ill illness sickness
doctor physician
qualify eligible eligibility
require required requirement need
statement statements
include included
percent percentage
standard ordinary normal regular usual
lose lost misplace misplaced missing
loss losses
broken damage damaged defective faulty
freeze frozen block blocked lock locked
forget forgot forgotten
steal stole stolen theft
dispute contest challenge
gambling gamble betting bet
goods parcel package merchandise
valid validity
valuation appraisal survey surveyor
adviser advisor consultant
appointment meeting meet
builder contractor
instalment installment instalments
voucher coupon
bonus reward
discount rebate
deadline cutoff
overdue late
allow allowed permit permitted permission
forbid forbidden prohibit prohibited ban banned
answer reply respond response
inform notify notification
keep kept maintain maintained
receive received
claim collect
bear carry liable liability
owe owed debt
lend lent
renew renewal
prolong lengthen extend extension
register registration enrol enroll enrolment enrollment
device handset
internal inside within domestic
luggage baggage
plane flight airplane
private personal
small little
big large
quick fast rapid
grandparent grandmother grandfather
lawsuit court
arrive arrived come came deliver delivery
cancel revoke recall undo
refund reimburse reimbursement
change amend modify alter
replace replacement substitute
document paper papers paperwork
income salary wage wages earnings
home house property
car vehicle auto
flat apartment
start begin commence
expire expiry end lapse lapsed
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
exchange convert conversion swap
penalty fine
travel trip journey holiday vacation
proof evidence prove
live reside residence resident
old age aged young
photo picture photograph
grow grew growth
choose select choice pick
"""
_CANON = {stem(word): group.split()[0] for group in _SAME.strip().splitlines() for word in group.split()}

_RELATED = """
document payslip passport certificate receipt contract form licence photo
valid expire
lose loss damage steal
telephone hotline call
customer holder
young student minor
deposit pay
instalment split spread
restrict forbid
interest rate
voyage travel
"""
_PHRASES = tuple(
    (re.compile(pattern, re.I), word)
    for pattern, word in (
        (
            r"\b(?:cash|bank|teller) machines?\b|\bautomated (?:teller|banking) machines?\b|自动取款机|自动柜员机|取款机|ATM机",
            " atm ",
        ),
        (r"\b(?:get|gets|got|give|gives|gave|pay|paid) (?:\w+ ){0,3}?back\b", " refund "),
        (
            r"\b(?:tak(?:e|es|ing)|took|get|getting|pull)\b(?: out)? (?:\w+ )?(?:cash|money)(?: out)?\b",
            " withdraw cash ",
        ),
        (
            r"\b(?:take|taking|took|taken) out(?! (?:a |an )?(?:\w+ )?(?:loan|mortgage|insurance|policy|credit))\b",
            " withdraw ",
        ),
        (
            r"\b(?:put|putting|pay|paid|paying) (?:it |them |money |cash )?in(?:to\b|\b(?! (?:interest|cash|full|advance"
            r"|total|fees?|instal|person|a branch|the branch|branch)))",
            " deposit ",
        ),
        (r"\b(?:hand|hands|handed|handing|turn|send) (?:it |them )?in\b", " submit "),
        (r"\b(?:call|called|take|taken) (?:it |them )?back\b", " recall "),
        (r"\bpick(?:ed|ing)? (?:it |them )?up\b", " collect "),
        (r"\b(?:sign|signed|signing) up\b", " register "),
        (r"\b(?:run|runs|ran|running) out\b", " expire "),
        (r"\b(?:good|stays? good|hold good) for\b|\b(?:is|are|stay|stays|remain) (?:it )?good\b", " valid "),
        (r"\bstop(?:s|ped)? working\b", " blocked "),
        (r"\bahead(?: of time)?\b|\bin advance\b|\bbeforehand\b", " advance "),
        (r"\b(?:in|to|from) the States\b|\bU\.S\.(?:A\.)?|\bUSA\b|\bUnited States\b", " usa "),
        (r"\ba hundred\b", " 100 "),
        (r"\b(?:per|each|every|a) month\b", " monthly "),
        (r"(?<=%) (?:per|an?|each) (?:year|annum)\b|(?<=%) p\.?a\b", " annual interest "),
        (r"\b(?:per|each|every|a) (?:year|annum)\b", " annual "),
        (r"\bup to\b|\bno more than\b|\bat most\b", " maximum "),
        (r"\bat least\b|\bno less than\b", " minimum "),
        (r"\bno longer\b", " discontinued "),
        ("手续费|服务费|工本费|收费|多少钱|费率|费用", f" {COST} "),
        ("年满|周岁|多大年纪|多大|几岁|年纪", " 年龄 "),
        ("证件|文件|资料", "材料"),
        ("小孩|孩子|未成年人", "儿童"),
        ("长者|老人家?|老年人", "老年"),
        ("手机银行|手机应用|手机软件", "手机 应用"),
        ("网上银行|网银", "网上"),
        ("退钱|退回|退还|返还", "退款"),
        ("补上|补齐", "补交"),
        ("工资|薪水|薪资", "收入"),
        ("汇款|汇入|汇出|汇到|汇给", "转账"),
        ("丢失|丢了|遗失|弄丢|不见了", "挂失"),
        ("最晚|最迟", "不迟于"),
        ("取现|提现|提款", "取款"),
        ("国外|海外", "境外"),
        ("至少|最少|最小|起存", "最低"),
        ("至多|最多|最大|上限", "最高"),
        ("每个月|月度", "每月"),
        ("注销|关闭", "销户"),
    )
)
_KIN = [
    frozenset(_CANON.get(stem(word), stem(word)) for word in group.split()) for group in _RELATED.strip().splitlines()
]
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


@lru_cache(maxsize=1 << 14)
def related(term: str) -> tuple[str, ...]:
    """Terms that are often said in place of this one though they do not mean the same, such as `payslip` for `document`."""
    return tuple(sorted(set().union(*(kin for kin in _KIN if term in kin)) - {term}))

"""A chosen candidate as an answer: the short final answer and the chain of thought that quotes its evidence."""

import re

from resources.llm.embedded import candidates as view
from resources.llm.embedded.candidates import Candidate
from resources.llm.embedded.facets import Facets
from resources.llm.embedded.values import AMOUNT, FREE, TICK, UNAVAILABLE, number_of
from resources.llm.embedded.vocabulary import terms
from resources.llm.raft_text import REFUSAL, quoted, render_answer

_YES = {"en": "Yes", "zh": "是"}
_NO = {"en": "No", "zh": "否"}
_FREE_OF = r"\b(?:no|without(?: an?y?)?|free of) (?:\w+[ -]){0,2}?(?:fees?|charges?|costs?)\b|\bcosts? (?:you )?nothing\b|\bwaived?\b|(?<![\w-])(?<!feel )free\b(?!-)|免费|免收|不收(?:取)?(?:任何)?(?:费用|手续费)"
_COSTLESS = re.compile(_FREE_OF, re.I)
_ASIDE = re.compile(r"\([^()]*\)|（[^（）]*）")
_CLAUSE_END = re.compile(
    r";\s|,\s(?:but|while|so)\s|,\sand\s(?=(?:I|you|we|they|it|he|she|this|that|there)\b)|；|，(?=但|而)", re.I
)
_ABOUT_COST = re.compile(r"\b(?:fees?|charges?|charged|costs?|pay)\b|费用|收费|手续费", re.I)
_ABOUT_FREE = re.compile(r"\bfree\b|免费", re.I)
_NEGATIVE = re.compile(
    r"\b(?:not(?! only)|cannot|never|no|none|neither|nor|unavailable|excluded|excluding|prohibited|\w+n['’]t)\b"
    r"|不(?!限|超过|少于|低于|高于|同|仅|论|足|得不)|没有|无法|未(?!来)|除外|禁止|仅限",
    re.I,
)


def final_answer(candidate: Candidate, asked: Facets, question: str) -> str:
    """What the candidate answers to this question: yes or no where that is asked, else its own words or value."""
    if not asked.yes_no:
        return _holder(candidate, asked) or candidate.answer
    affirmed = _affirms(candidate, asked, question)
    word = (_YES if affirmed else _NO)[asked.language]
    tells = (
        affirmed and candidate.value_type == AMOUNT and _asks_cost(question) and not FREE.fullmatch(candidate.answer)
    )
    return word + ("，" if asked.language == "zh" else ", ") + candidate.answer if tells else word


def _holder(candidate: Candidate, asked: Facets) -> str:
    """Whose value a cell is, where the question tells the value and asks which plan or service has it."""
    if not asked.which or candidate.kind != view.CELL or number_of(candidate.answer) not in asked.numbers:
        return ""
    leaf = candidate.row.split(" > ")[-1]
    row, column = (_named(label, asked) for label in (leaf, candidate.column))
    return leaf if column > row or not candidate.column else candidate.column


def _named(label: str, asked: Facets) -> float:
    """The share of a label's terms that the question holds."""
    told = set(terms(label))
    return len(told & set(asked.terms)) / max(len(told), 1)


def _asks_cost(question: str) -> bool:
    """Whether a yes/no question is about being charged, so that the amount belongs to a yes."""
    return bool(_ABOUT_COST.search(question)) and not (_COSTLESS.search(question) or _ABOUT_FREE.search(question))


def _affirms(candidate: Candidate, asked: Facets, question: str) -> bool:
    costless_question = bool(_COSTLESS.search(question) or _ABOUT_FREE.search(question))
    about_cost = _asks_cost(question)
    if candidate.kind == view.CELL and not candidate.near:
        if candidate.value_type == TICK:
            ticked = candidate.answer in _YES.values()
            return ticked != (about_cost and bool(_COSTLESS.search(candidate.row)))
        if UNAVAILABLE.fullmatch(candidate.answer):
            return asked.negated
        if FREE.fullmatch(candidate.answer):
            return not about_cost
        if candidate.value_type == AMOUNT:
            return not costless_question
    statement = candidate.near or candidate.text.rsplit(" | ", 1)[-1].removeprefix(f"{candidate.column}: ")
    if candidate.kind == view.LIST:
        statement = candidate.row
    if candidate.kind == view.ITEM_KIND:
        statement = f"{candidate.row or candidate.heading.split(' > ')[-1]} {statement}"
    statement = _clause_asked(_ASIDE.sub(" ", statement), asked)
    rest = _COSTLESS.sub(" ", statement)
    if rest != statement and not _NEGATIVE.search(rest):
        return not about_cost
    return bool(_NEGATIVE.search(statement)) == asked.negated


def _clause_asked(statement: str, asked: Facets) -> str:
    """The clause of a statement that holds most of the question's terms; all of it where several hold as many."""
    clauses = _CLAUSE_END.split(statement)
    shared = [len(set(terms(clause)) & set(asked.terms)) for clause in clauses]
    return clauses[shared.index(max(shared))] if shared.count(max(shared)) == 1 else statement


def explain(candidate: Candidate, asked: Facets, final: str) -> str:
    """The full answer: where the evidence stands, the evidence word for word with its footnotes, the final answer."""
    if asked.language == "zh":
        steps = [f"问题的答案在{_place_zh(candidate)}。", f"文档写道：{quoted(candidate.quote)}"]
        steps += [f"注释补充：{quoted(note)}" for note in candidate.conditions]
        return render_answer("".join([*steps, f" 因此答案是：{final.rstrip('。')}。"]), final)
    steps = [f"The answer stands in {_place(candidate)}.", f"The document says: {quoted(candidate.quote)}"]
    steps += [f"A footnote adds: {quoted(note)}" for note in candidate.conditions]
    return render_answer(" ".join([*steps, f"So the answer is: {final.rstrip('.')}."]), final)


def refusal(language: str) -> str:
    """The full answer that declines."""
    reason = "各文档都没有给出所问的内容。" if language == "zh" else "None of the documents states what is asked."
    return render_answer(reason, REFUSAL[language])


def _place(candidate: Candidate) -> str:
    if candidate.kind == view.CELL:
        column = f", column '{candidate.column}'" if candidate.column else ""
        return f"the row '{candidate.row}'{column}"
    under = f" under '{candidate.heading.split(' > ')[-1]}'" if candidate.heading else ""
    names = {view.ITEM_KIND: "a list item", view.LIST: "a list", view.DEFINITION: "a definition"}
    return names.get(candidate.kind, "a sentence") + under


def _place_zh(candidate: Candidate) -> str:
    if candidate.kind == view.CELL:
        column = f"、“{candidate.column}”一列" if candidate.column else ""
        return f"“{candidate.row}”一行{column}"
    under = f"“{candidate.heading.split(' > ')[-1]}”下的" if candidate.heading else ""
    names = {view.ITEM_KIND: "列表项", view.LIST: "列表", view.DEFINITION: "定义"}
    return under + names.get(candidate.kind, "句子")

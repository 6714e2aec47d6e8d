"""A real guide, retrieved and read: questions written from its rendered pages. A wrong number is the worst outcome."""

import re
from collections import Counter
from pathlib import Path

import pytest

from assets.chunks.packing import chunk_document
from assets.documents.extraction import extract_pages
from resources.llm.embedded.contextualizer import write_context
from resources.llm.embedded.embedder import embed
from resources.llm.embedded.reader import Reader
from resources.llm.raft_text import parse_answer
from resources.search.index import SearchIndex

GUIDE = Path(__file__).parents[4] / "../shared/data/banking/better_banking_guide_en.pdf"
TITLE = "Better Banking Guide"
SHOWN = 8

pytestmark = [pytest.mark.slow, pytest.mark.skipif(not GUIDE.exists(), reason="needs ../shared/data/banking")]

# Page index and what the printed page says; None where the guide has no answer.
QUESTIONS = [
    ("What is the fee for a cash withdrawal at an ABM from a Premium Rate Savings account?", 17, r"^\$5\.00$"),
    ("How much does a funds transfer over the phone cost on Primary Chequing?", 17, r"^\$1\.00$"),
    ("What would I pay for an account history inquiry at an ABM with a Smart Saver account?", 17, r"^\$0\.85$"),
    ("Can I make debit card purchases with a Premium Rate Savings account?", 17, r"^No"),
    ("How much is a withdrawal in a branch from Primary Chequing?", 17, r"^\$1\.00$"),
    ("What does the Premium Plan cost per month?", 6, r"^\$25\.00$"),
    ("How many transactions a month are included in the Practical Plan?", 6, r"^10$"),
    ("What minimum balance do I have to keep to avoid the monthly fee on the Plus Plan?", 6, r"^\$2,000$"),
    ("Does the Practical Plan include cheque image return?", 6, r"^No$"),
    ("Is the Performance Plan free for seniors?", 5, r"^No$"),
    ("What is the annual rent for a medium safety deposit box?", 20, r"^\$60\.00$"),
    ("How much do I pay if I close my account within 90 days of opening it?", 18, r"^\$20\.00$"),
    ("What is the fee for a certified cheque requested by the issuer?", 18, r"^\$15\.00$"),
    ("What does it cost to send a transfer to a non-Millennium bank in Portugal with an Everyday Banking Plan?", 11,
     r"^\$25\.00$"),
    ("How much am I charged when a cheque is returned for non-sufficient funds?", 19, r"^\$42\.50$"),
    ("What is a lead account?", 22, r"personal account you have designated"),
    ("How soon must I report a lost or stolen debit card?", 25, r"24 hours"),
    ("Up to what amount will you cash a Government of Canada cheque for a non-customer?", 9, r"^\$1,500$"),
    ("What is the interest rate on the Smart Saver account?", None, None),
    ("How much does a wire transfer to Japan cost in yen?", None, None),
]  # fmt: skip


@pytest.fixture(scope="module")
def ask():
    """A question's parsed answer from the chunks that hybrid search returns."""
    data = GUIDE.read_bytes()
    pages = [{"page": page.index, "markdown": page.markdown} for page in extract_pages(data, GUIDE.name)]
    chunks = chunk_document("guide", "version", pages, title=TITLE)
    texts = {c["chunk_id"]: f"{write_context(TITLE, c['heading_path'])}\n\n{c['text']}" for c in chunks}
    index = SearchIndex.build(list(texts), list(texts.values()), [embed(text) for text in texts.values()])
    reader = Reader.base()

    def answer(question):
        hits = index.search(question, embed(question), SHOWN)
        return parse_answer(reader.answer([texts[hit.chunk_id] for hit in hits], question))

    return answer


def test_the_fee_that_the_guide_prints_is_answered_with_its_row(ask):
    answer = ask(QUESTIONS[0][0])
    assert answer.final == "$5.00"
    assert "|Cash withdrawal|$1.00|$1.00|$5.00|$5.00|" in answer.quotes[0]


def test_of_twenty_questions_none_is_answered_wrong_and_most_are_answered(ask):
    outcomes = Counter()
    for question, _, expected in QUESTIONS:
        answer = ask(question)
        right = answer.abstained if expected is None else bool(re.search(expected, answer.final))
        outcomes["right" if right else "abstained" if answer.abstained else f"wrong: {question} {answer.final}"] += 1
    assert set(outcomes) <= {"right", "abstained"}
    assert outcomes["right"] >= 17

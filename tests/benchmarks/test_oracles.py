"""Recovering which chunk a published row was written from."""

from benchmarks.oracles import AMBIGUOUS, DECLINED, NO_QUOTE, NOT_FOUND, Locator, Oracle
from benchmarks.workshop import WorkshopRow


def chunk(name, page, text):
    return {"chunk_id": name, "page_start": page, "text": text, "contextual_text": f"Guide\n\n{text}"}


CORPUS = [
    chunk("fees", 0, "|Wire transfer|$14.00|\n|Standing order|$4.50|\n\nFees are charged per item."),
    chunk("alerts", 1, "You will be told when the balance of your account drops below an amount that you set."),
    chunk("echo", 2, "You will be told when the balance of your account drops below an amount that you set. By text."),
]


def row(*quotes, question="What is it?", documents=(), declines=False):
    return WorkshopRow(question, "an answer", quotes, documents, "file:1", declines)


def test_a_quote_is_found_through_other_markup_and_spacing():
    found = Locator(CORPUS).locate(row("| **Standing   order** | $4.50 |"))
    assert isinstance(found, Oracle)
    assert (found.chunk["chunk_id"], found.verbatim) == ("fees", True)


def test_a_quote_with_another_word_is_found_by_its_tokens():
    found = Locator(CORPUS).locate(row("That fees are charged per item"))
    assert isinstance(found, Oracle)
    assert (found.chunk["chunk_id"], found.verbatim) == ("fees", False)


def test_the_document_that_was_shown_decides_between_chunks_that_both_hold_the_quote():
    quote = "the balance of your account drops below an amount"
    shown = "You will be told when the balance of your account drops below an amount that you set. By text."
    found = Locator(CORPUS).locate(row(quote, documents=("something else", shown)))
    assert isinstance(found, Oracle)
    assert found.chunk["chunk_id"] == "echo"


def test_what_cannot_be_recovered_says_why():
    locate = Locator(CORPUS).locate
    assert locate(row("$14.00")) == NO_QUOTE
    assert locate(row()) == NO_QUOTE
    assert locate(row("mortgages are renewed every five years")) == NOT_FOUND
    assert locate(row("balance of your account drops below an amount")) == AMBIGUOUS
    assert locate(row("Fees are charged per item", declines=True)) == DECLINED

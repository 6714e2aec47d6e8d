"""The reader: one document among many, one cell among many, or a refusal."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from resources.llm.embedded.reader import Reader
from resources.llm.raft_text import REFUSAL, parse_answer, render_prompt

FEES = """Northwind Guide > Account fees

|Services|Basic Chequing|Harbour Savings|
|---|---|---|
|ABM (per item)|||
|Cash withdrawal|$1.00|$5.00|
|Funds transfer|$1.00|$2.50<sup>1</sup>|
|Bill payment|$1.25|Not available|
|Telephone (per item)|||
|Funds transfer|$1.50|$3.50|

**1** One transfer a month is free.
"""
PLANS = """Northwind Guide > Plans

|Plan features|Sail Plan|Anchor Plan|
|---|---|---|
|Monthly transaction limit|30|Unlimited|
|Cheque image return|✓||
|Bill payment at no extra charge||✓|
|Monthly plan fee|$9.95|$25.00|
"""
PROSE = """Northwind Guide > Closing an account

You may close your account at any branch. Closing takes up to 10 banking days. Cards cannot be used afterwards.

Lead account: the account from which your fees are debited.
"""
PLAIN = """Northwind Guide > Everyday questions

## The Cottage Plan

You are between 21 and 45 years old when the plan begins. You can pay in up to $400 a month and $3,600 a year. The
plan runs for at most 9 years. Closing it early costs nothing, and you may not be asked for a reason.

## What is not covered

- Lost keys and stolen bicycles.

## Sending by text

With Skiff you can send $200 at a time, and $900 in a week, to any mobile number. The least you can owe on a Reed Card
is 2% or $12, whichever is more.
"""
ZH = """北风银行指南 > 费用

|服务|活期账户|定期账户|
|---|---|---|
|跨行取款|4元|不适用|
|年费|免费|10元|
"""
DOCUMENTS = (PROSE, PLANS, FEES, ZH)


@pytest.fixture
def reader():
    return Reader.base()


def final(reader, question, documents=DOCUMENTS):
    return parse_answer(reader.answer(documents, question)).final


@pytest.mark.parametrize(
    ("question", "answer"),
    [
        ("What is the fee for a cash withdrawal at an ABM from a Harbour Savings account?", "$5.00"),
        ("How much does a funds transfer by phone cost with Basic Chequing?", "$1.50"),
        ("How much is a funds transfer at an ATM from Harbour Savings?", "$2.50"),
        ("What does the Anchor Plan cost per month?", "$25.00"),
        ("How many transactions a month does the Sail Plan include?", "30"),
        ("Does the Sail Plan include cheque image return?", "Yes"),
        ("Does the Anchor Plan include cheque image return?", "No"),
        ("Is there a charge for a bill payment with the Anchor Plan?", "No"),
        ("Can I make a bill payment from Harbour Savings?", "No"),
        ("How long does closing an account take?", "10 banking days"),
        ("Can I close my account at a branch?", "Yes"),
        ("What is a lead account?", "the account from which your fees are debited."),
        ("活期账户跨行取款收费多少？", "4元"),
        ("定期账户的年费是多少？", "10元"),
    ],
)
def test_the_reader_answers_from_the_right_cell_or_sentence(reader, question, answer):
    assert final(reader, question) == answer


@pytest.mark.parametrize(
    ("question", "answer"),
    [
        ("Up to what age can I start a Cottage Plan?", "45 years"),
        ("How young may I be when I start a Cottage Plan?", "21"),
        ("How much can I put in the Cottage Plan each month?", "$400"),
        ("How much can I put in the Cottage Plan each year?", "$3,600"),
        ("How many years can the Cottage Plan run at the longest?", "9 years"),
        ("How much can I send with Skiff in a whole week?", "$900"),
        ("How much can I send with Skiff in one go?", "$200"),
        ("What's the least I can owe on a Reed Card?", "2% or $12"),
        ("Are stolen bicycles covered?", "No"),
        ("Does closing the Cottage Plan early cost anything?", "No"),
        ("Which plan costs $25.00 per month?", "Anchor Plan"),
    ],
)
def test_everyday_words_find_the_value_that_is_meant(question, answer):
    assert final(Reader.base(threshold=0.0), question, (PLAIN, *DOCUMENTS)) == answer


@pytest.mark.parametrize(
    "question",
    [
        "What is the weekly limit for a cash withdrawal with harbour savings?",
        "Is there a fee for a lost key on the sail plan?",
        "What is the fee for a cash withdrawal at an ABM from a Lighthouse Trading account?",
        "What is the overdraft interest rate of the Sail Plan?",
        "How much does a safety deposit box cost?",
        "How many branches are there in Japan?",
        "What is a pre-authorized debit?",
    ],
)
def test_a_near_miss_is_refused(reader, question):
    assert final(reader, question) == REFUSAL["en"]


def test_a_question_that_names_no_column_is_refused_where_columns_differ(reader):
    assert final(reader, "How much is a cash withdrawal at an ABM?") == REFUSAL["en"]


@pytest.mark.parametrize(
    "question",
    [
        "What is the fee?",
        "fee",
        "monthly fee",
        "What does it cost?",
        "What is the limit?",
        "What is the maximum amount?",
        "Is it free?",
        "费用是多少？",
    ],
)
def test_a_question_that_names_nothing_is_refused_where_many_values_would_answer_it(question):
    answer = parse_answer(Reader.base(threshold=0.0).answer((PLAIN, *DOCUMENTS), question))
    assert answer.abstained


def test_a_question_that_names_nothing_is_answered_where_one_value_answers_it():
    document = "Northwind Guide > Safe boxes\n\nThe fee is $40.00. Ask at any branch for the key."
    assert final(Reader.base(threshold=0.0), "What is the fee?", (document,)) == "$40.00"


def test_a_refusal_speaks_the_language_of_the_question(reader):
    assert final(reader, "信用卡的年利率是多少？") == REFUSAL["zh"]


def test_without_documents_the_reader_refuses(reader):
    assert parse_answer(reader.complete("What is the fee for a cash withdrawal?")).final == REFUSAL["en"]
    assert parse_answer(reader.answer([], "What is the fee?")).abstained


def test_the_row_and_its_footnote_are_quoted_and_the_answer_is_the_value_alone(reader):
    answer = parse_answer(
        reader.complete(render_prompt(DOCUMENTS, "How much is a funds transfer at an ABM from Harbour Savings?"))
    )
    assert answer.quotes == ("|Funds transfer|$1.00|$2.50<sup>1</sup>|", "One transfer a month is free.")
    assert answer.final == "$2.50"
    assert answer.tags == 1


def test_the_order_of_documents_does_not_matter(reader):
    question = "What is the fee for a cash withdrawal at an ABM from a Harbour Savings account?"
    assert {
        final(reader, question, order) for order in (DOCUMENTS, DOCUMENTS[::-1], DOCUMENTS[2:] + DOCUMENTS[:2])
    } == {"$5.00"}


def test_documents_without_context_line_are_read(reader):
    bare = [document.split("\n\n", 1)[1] for document in DOCUMENTS]
    assert final(reader, "What does the Anchor Plan cost per month?", bare) == "$25.00"


def test_weights_survive_their_json():
    reader = Reader.base(0.7)
    assert Reader.from_json(reader.to_json()).to_json() == reader.to_json()


def test_weights_of_another_version_or_incomplete_ones_are_refused():
    text = Reader.base().to_json()
    with pytest.raises(ValueError, match="version"):
        Reader.from_json(text.replace('"version": "', '"version": "0-'))
    with pytest.raises(ValueError, match="features"):
        Reader.from_json(text.replace('"covered_near"', '"uncovered"'))


@given(st.lists(st.one_of(st.sampled_from(DOCUMENTS), st.text()), max_size=4), st.text(min_size=1))
def test_whatever_is_asked_quotes_are_verbatim_and_answers_are_short(documents, question):
    text = Reader.base(threshold=0.0).answer(documents, question)
    answer = parse_answer(text)
    assert "<ANSWER>:" in text
    assert len(answer.final) <= 230
    assert all(any(quote in document for document in documents) for quote in answer.quotes if "##" not in quote)

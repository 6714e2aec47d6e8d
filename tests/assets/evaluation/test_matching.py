import pytest
from hypothesis import given
from hypothesis import strategies as st

from assets.evaluation.matching import matches, polarity, token_f1
from assets.evaluation.number_tokens import NumberToken, number_tokens


@pytest.mark.parametrize(
    ("text", "value", "unit"),
    [
        ("$1,250.00", "1250", "money"),
        ("1250 dollars", "1250", "money"),
        ("1,250元", "1250", "money"),
        ("5万元", "50000", "money"),
        ("50¢", "0.5", "money"),
        ("CAD5.00", "5", "money"),
        ("No charge.", "0", "money"),
        ("免费", "0", "money"),
        ("5 per cent", "5", "%"),
        ("0.05%", "0.05", "%"),
        ("March 1, 2026", "2026-03-01", "date"),
        ("1 March 2026", "2026-03-01", "date"),
        ("2026年3月1日", "2026-03-01", "date"),
        ("2026-03-01", "2026-03-01", "date"),
        ("at 5 p.m.", "17:00", "time"),
        ("30-day", "30", "day"),
        ("10 business days", "10", "business day"),
        ("3个月", "3", "month"),
        ("two", "2", ""),
        ("1-800-465-2422", "1-800-465-2422", "code"),
    ],
)
def test_a_number_has_one_normal_form(text: str, value: str, unit: str) -> None:
    assert number_tokens(text) == (NumberToken(value, unit),)


@pytest.mark.parametrize("text", ["$5.00<sup>5</sup>", "$5.00⁵", "$5.00 <sup>5, 6</sup>"])
def test_a_footnote_mark_is_no_part_of_a_price(text: str) -> None:
    assert number_tokens(text) == (NumberToken("5", "money"),)


@pytest.mark.parametrize(
    ("reference", "answer"),
    [
        ("$5.00", "The fee is 5 dollars."),
        ("$5.00", "$5"),
        ("$0.00", "No charge"),
        ("1 March 2026", "On March 1, 2026"),
        ("Yes", "Yes, it is included."),
        ("是", "是的。"),
        ("No", "No."),
        ("a notarised copy of the lease", "notarised copy of the lease"),
        ("存款保险", "存款保险"),
    ],
)
def test_equal_answers_match_however_they_are_written(reference: str, answer: str) -> None:
    assert matches(reference, answer)


@pytest.mark.parametrize(
    ("reference", "answer"),
    [
        ("$5.00", "$5.50"),
        ("$5.00", "$5.00 or $3.00"),
        ("$5.00", "5%"),
        ("$5", "5 days"),
        ("30 days", "30 months"),
        ("$5.00", "five of them"),
        ("Yes", "No"),
        ("Yes", "The account is a savings account."),
        ("Yes, $5.00", "Yes, $7.00"),
        ("available on weekdays", "not available on weekdays"),
        ("the branch manager", "the head office"),
        ("$5.00", ""),
    ],
)
def test_a_different_answer_does_not_match(reference: str, answer: str) -> None:
    assert not matches(reference, answer)


def test_a_number_of_the_question_may_be_repeated() -> None:
    assert matches("$5.00", "$5.00 after 12 withdrawals", "What does a withdrawal cost after 12 in a month?")
    assert not matches("$5.00", "$5.00 after 12 withdrawals", "What does a withdrawal cost?")


def test_no_charge_is_an_amount_and_not_a_no() -> None:
    assert polarity("No charge") is None
    assert polarity("No, it is not.") == "no"


@given(st.text(max_size=80), st.text(max_size=80))
def test_token_f1_is_symmetrical_and_between_zero_and_one(one: str, other: str) -> None:
    assert 0 <= token_f1(one, other) <= 1
    assert token_f1(one, other) == token_f1(other, one)


@given(st.decimals(min_value=0, max_value=10**6, places=2, allow_nan=False))
def test_an_amount_matches_itself_with_and_without_separators(amount) -> None:
    assert matches(f"${amount:,}", f"{amount} dollars")


@given(st.text(max_size=60))
def test_any_text_can_be_read_for_numbers(text: str) -> None:
    assert list(number_tokens(text)) == sorted(set(number_tokens(text)))


def test_a_number_of_the_question_does_not_make_an_answer_right():
    reference = "If it is unresolved in Step 2, contact the Privacy Officer"
    question = "Whom do I contact if my complaint is unresolved in Step 2?"
    assert not matches(reference, "Step 2", question)
    assert matches(reference, "contact the Privacy Officer if it is unresolved in Step 2", question)


def test_a_number_of_the_question_may_be_left_out_of_an_answer():
    assert matches("$3 for 2 drafts", "$3", "What do 2 drafts cost?")
    assert not matches("$3 for 2 drafts", "$4", "What do 2 drafts cost?")

"""Values in text: what counts as an amount, a date, a duration, a tick; text without its markup."""

import pytest

from resources.llm.embedded.values import clean, footnote_marks, number_of, value_type, values


@pytest.mark.parametrize(
    ("text", "kind", "value"),
    [
        ("A fee of $1,500.50 applies.", "amount", "$1,500.50"),
        ("每笔收取4元手续费。", "amount", "4元"),
        ("每日限额为5万元。", "amount", "5万元"),
        ("This service is free for customers.", "amount", "free"),
        ("The rate is 1.85% a year.", "percentage", "1.85%"),
        ("利率为百分之二点五。", "percentage", "百分之二点五"),
        ("Due by Nov. 1st of each year.", "date", "Nov. 1st"),
        ("自2026年3月1日起生效。", "date", "2026年3月1日"),
        ("It takes up to 10 banking days.", "duration", "10 banking days"),
        ("签约后15个自然日内可以解除。", "duration", "15个自然日"),
        ("We have 900 branches.", "count", "900"),
        ("Call 1-800-555-0142 today.", "contact", "1-800-555-0142"),
        ("Call 1-877-CALL-BMO (225-5266).", "contact", "1-877-CALL-BMO (225-5266)"),
        ("热线每天上午 8 点至晚上 8 点开放。", "date", "每天上午 8 点至晚上 8 点"),
    ],
)
def test_a_value_is_found_with_its_kind(text, kind, value):
    assert (kind, value) in [(found.kind, found.text) for found in values(text)]


def test_part_of_a_phone_number_is_no_count():
    assert [found.kind for found in values("Call 1-877-CALL-BMO (225-5266).")] == ["contact"]


def test_tax_free_is_no_price():
    assert values("a tax-free account; feel free to ask") == ()


def test_footnote_marks_leave_the_price_alone():
    assert clean("$5.00<sup>5</sup>") == "$5.00"
    assert clean("$5.00⁵") == "$5.00"
    assert footnote_marks("$5.00<sup>5</sup> and <sup>6, 7</sup>, ⁸") == ("5", "6", "7", "8")


def test_markup_goes_and_identifiers_stay():
    assert clean("number of_Interac_e-Transfers for **all** `user_name`<br>rows") == (
        "number of Interac e-Transfers for all user_name rows"
    )


def test_a_cell_is_typed_by_what_fills_it():
    assert [value_type(cell) for cell in ("✓", "$1.00", "Free", "10 days", "those who save")] == [
        "tick", "amount", "amount", "duration", "text",
    ]  # fmt: skip


def test_equal_amounts_have_equal_numbers():
    assert number_of("$1,500.00") == number_of("1500") == "1500"

"""Candidates: what a chunk can answer, spelled out, with verbatim quotes."""

from hypothesis import given
from hypothesis import strategies as st

from resources.llm.embedded.candidates import CELL, DEFINITION, ITEM_KIND, LIST, SENTENCE, candidates

CONTEXT = "Northwind Guide > Fees\n\n"


def cells(text):
    return {(c.row, c.column): c.answer for c in candidates(CONTEXT + text) if c.kind == CELL and not c.near}


def of_kind(text, kind):
    return [c for c in candidates(CONTEXT + text) if c.kind == kind]


def test_a_cell_is_spelled_out_as_heading_row_and_column():
    table = "### Cash\n\n|Service|Basic|Plus|\n|---|---|---|\n|Withdrawal|$5.00|Free|"
    [basic, _] = of_kind(table, CELL)
    assert basic.text == "Northwind Guide > Fees > Cash | Withdrawal | Basic: $5.00"
    assert basic.quote == "|Withdrawal|$5.00|Free|"
    assert basic.value_type == "amount"


def test_ticks_and_their_absence_are_yes_and_no():
    table = "|Feature|Basic|Plus|\n|---|---|---|\n|Cheque images|✓||\n|Limit|30|10|"
    assert cells(table) == {
        ("Cheque images", "Basic"): "Yes", ("Cheque images", "Plus"): "No", ("Limit", "Basic"): "30",
        ("Limit", "Plus"): "10",
    }  # fmt: skip


def test_an_empty_cell_among_numbers_says_nothing():
    assert cells("|Feature|Basic|Plus|\n|---|---|---|\n|Transfers|2||") == {("Transfers", "Basic"): "2"}


def test_section_rows_become_groups_of_the_rows_below():
    table = (
        "|Services|Basic|\n|---|---|\n|Self-serve||\n|ABM (per item)||\n|Withdrawal|$1.00|\n|Telephone (per item)||"
        "\n|Transfer|$2.00|\n|Other services||\n|Statement|$3.00|"
    )
    assert list(cells(table)) == [
        ("Self-serve > ABM (per item) > Withdrawal", "Basic"),
        ("Self-serve > Telephone (per item) > Transfer", "Basic"),
        ("Other services > Statement", "Basic"),
    ]


def test_footnotes_are_conditions_and_not_digits_of_the_price():
    table = (
        "|Service|Basic|\n|---|---|\n|Transfer<sup>1</sup>|$5.00<sup>5</sup>|\n\n"
        "**1** Within Canada only. **5** One transfer a month is free."
    )
    [cell] = of_kind(table, CELL)
    assert cell.answer == "$5.00"
    assert cell.conditions == ("Within Canada only.", "One transfer a month is free.")


def test_footnotes_on_their_own_lines_are_found():
    for line in ("<sup>5</sup> One is free.", "5 One is free.", "⁵ One is free."):
        [cell] = of_kind(f"|Service|Basic|\n|---|---|\n|Transfer|$5.00<sup>5</sup>|\n\n{line}", CELL)
        assert cell.conditions == ("One is free.",)


def test_a_label_broken_over_rows_is_joined():
    table = "|Feature|Basic|\n|---|---|\n|Preferred rate when buying cash||\n|(up to $5,000)|✓|"
    assert cells(table) == {("Preferred rate when buying cash (up to $5,000)", "Basic"): "Yes"}


def test_headers_over_two_rows_are_joined():
    table = "||Fees|Fees|\n|---|---|---|\n||Online|Branch|\n|Transfer|$1.00|$3.00|"
    assert cells(table) == {("Transfer", "Fees Online"): "$1.00", ("Transfer", "Fees Branch"): "$3.00"}


def test_tables_side_by_side_are_read_apart():
    table = (
        "||Per Item||Per Item|\n|---|---|---|---|\n|Certificate|$10.00|Money order|$7.50|\n|Search|$5.00|Draft|$8.00|"
    )
    assert cells(table)[("Money order", "Per Item")] == "$7.50"
    assert cells(table)[("Search", "Per Item")] == "$5.00"


def test_two_prices_in_one_cell_are_told_apart_by_line_or_left_out():
    aligned = "|Box|Rent|\n|---|---|\n|Large<br>Extra large|$125.00<br>$200.00|"
    assert cells(aligned) == {("Large", "Rent"): "$125.00", ("Extra large", "Rent"): "$200.00"}
    assert cells("|Box|Rent|\n|---|---|\n|Large Extra large|$125.00 $200.00|") == {}


def test_a_table_cut_from_a_larger_one_has_no_header():
    assert cells("|Money order|$7.50|\n|---|---|\n|Draft|$8.00|") == {
        ("Money order", ""): "$7.50",
        ("Draft", ""): "$8.00",
    }


def test_lists_inside_cells_are_items():
    table = "|Plan|How I qualify|\n|---|---|\n|Kids|• Bring proof of age.<br>• Renew it by Nov. 1st.|"
    answers = [c.answer for c in of_kind(table, CELL)]
    assert answers == ["Bring proof of age.", "Renew it by Nov. 1st.", "Nov. 1st"]


def test_a_list_carries_the_line_that_introduces_it():
    text = "To close an account you need:\n\n- a signed letter\n- your card\n"
    assert [c.answer for c in of_kind(text, LIST)] == ["a signed letter; your card"]
    assert {c.row for c in of_kind(text, ITEM_KIND)} == {"To close an account you need"}


def test_terms_are_defined_with_or_without_bold_type():
    for text in (
        "**Lead account:** the account that pays your fees.",
        "Lead account: the account that pays your fees.",
    ):
        [definition] = of_kind(text, DEFINITION)
        assert (definition.row, definition.answer) == ("Lead account", "the account that pays your fees.")


def test_sentences_end_at_full_stops_and_not_at_abbreviations_or_decimals():
    text = "Fees, e.g. for U.S. cash, are $1.50 per item. Interest is paid monthly. 利息按月支付；年费为10元。"
    found = [c.quote for c in of_kind(text, SENTENCE) if not c.near]
    assert found == [
        "Fees, e.g. for U.S. cash, are $1.50 per item.",
        "Interest is paid monthly.",
        "利息按月支付；",
        "年费为10元。",
    ]


def test_each_value_of_a_sentence_is_a_candidate_with_its_clause():
    [daily, weekly] = [c for c in of_kind("You can send $300 a day, and $1,000 a week.", SENTENCE) if c.near]
    assert (daily.answer, weekly.answer) == ("$300", "$1,000")
    assert "week" in weekly.near
    assert "week" not in daily.near


def test_what_follows_each_value_tells_them_apart_and_what_is_before_them_all_does_not():
    found = of_kind("You can send up to $300 at a time, and $1,000 in a week, to any number.", SENTENCE)
    near = {c.answer: c.near for c in found if c.near}
    assert near["$300"] == "$300 at a time"
    assert near["$1,000"] == "$1,000 in a week"


def test_labels_in_front_of_their_values_stay_with_them():
    near = {
        c.answer: c.near for c in of_kind("Adults pay $5 per trip and children pay $2 per trip.", SENTENCE) if c.near
    }
    assert "Adults" in near["$5"]
    assert "children" in near["$2"]


def test_an_alternative_is_one_answer():
    for text in ("The minimum is 3% of the balance or $15, whichever is more.", "The minimum is 2% or $10."):
        [whole] = [c.answer for c in of_kind(text, SENTENCE) if c.value_type == "amount"]
        assert " or $" in whole
        assert "%" in whole


def test_the_ends_of_a_range_are_marked():
    limits = {c.answer: c.limit for c in of_kind("You are between 18 and 40 years old.", SENTENCE) if c.near}
    assert limits == {"18": "lower", "40 years": "upper"}


def test_chinese_cells_answer_in_chinese():
    table = "|服务|活期账户|定期账户|\n|---|---|---|\n|短信提醒|✓||"
    assert cells(table) == {("短信提醒", "活期账户"): "是", ("短信提醒", "定期账户"): "否"}


def test_a_table_of_contents_answers_nothing():
    assert candidates(CONTEXT + "Accounts … 2\nPlans … 5\nFees … 18\n") == ()


pieces = st.sampled_from(
    ["|a|b|", "|---|---|", "|Fee<sup>1</sup>|$5.00|", "||", "- item:", "1. step", "# Head", "**Term:** it is so.", "<br>", "5 note",
     "¹ note", "Pay $5, or 3%.", "年费为10元。", "> quoted. **1** note", "| lone", "✓", "\\|", "", " ", "a > b", "。；", "If x is so, y holds."]
)  # fmt: skip


@given(st.one_of(st.text(), st.lists(pieces).map("\n".join), st.lists(pieces).map("".join)))
def test_every_quote_is_a_verbatim_piece_of_the_document(text):
    for candidate in candidates(text):
        assert candidate.quote
        assert text[candidate.start : candidate.end] == candidate.quote
        assert all(note in text for note in candidate.conditions)
        assert len(candidate.answer) <= 200


@given(st.lists(pieces).map("\n".join))
def test_the_same_text_gives_the_same_candidates(text):
    assert candidates(text) == candidates.__wrapped__(text)

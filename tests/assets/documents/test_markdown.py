"""What becomes of the converter's markup: styling goes, words and marks stay."""

import pytest

from assets.documents.markdown import box_markdown, heading_level, inline


def test_emphasis_is_dropped_and_lost_spaces_return():
    raw = "Monthly number of Interac e-Transfers\noffers free banking1 when I keep"
    assert inline("Monthly number of_Interac_e-Transfers", raw) == "Monthly number of Interac e-Transfers"
    assert (
        inline("offers**free banking**<sup>1 </sup>when I keep", raw) == "offers free banking<sup>1</sup> when I keep"
    )


def test_a_word_styled_in_part_stays_one_word():
    assert inline("**In**ternet", "Internet banking") == "Internet"


def test_printed_markers_are_not_styling():
    raw = "call my_var_name with 2**3**4 and bmo.com/account_tracker. See also"
    assert inline("call my_var_name with 2**3**4", raw) == "call my_var_name with 2**3**4"
    assert inline("bmo.com/account_tracker. _See also_", raw) == "bmo.com/account_tracker. See also"


def test_a_full_stop_follows_its_word():
    assert inline("that is the _grace period_ . If", "that is the grace period. If") == "that is the grace period. If"


@pytest.mark.parametrize(
    ("converted", "clean"),
    [
        ("Network<sup>®‡,11</sup>", "Network®‡<sup>11</sup>"),
        ("Premium<sup>®†</sup> Plan", "Premium®† Plan"),
        ("3<sup>rd </sup>party", "3rd party"),
        ("fee<sup>**12**</sup>", "fee<sup>12</sup>"),
        ("fee<sup>2</sup> <sup>3</sup> .", "fee<sup>2,3</sup>."),
    ],
)
def test_superscripts_are_marks_only_if_they_are_numbers(converted, clean):
    assert inline(converted, "") == clean


def test_chinese_lines_are_joined_without_spaces():
    text = "拉克米尔银行（ Larkmere Bank ）。 选择 “ 元 ” ，每月 12.50 元"
    assert inline(text, "") == "拉克米尔银行（Larkmere Bank）。选择“元”，每月 12.50 元"


def test_control_characters_and_direction_overrides_do_not_survive():
    assert inline("pay\x1b[31m \u202e5 dol\u00adlars ﬁve", "") == "pay[31m 5 dollars five"


def test_a_block_of_notes_has_one_note_a_line():
    text = "Charged in U.S. dollars. **1** A fee of $1.50 applies. **2** For existing customers. \n\n"
    assert box_markdown("text", text, "", 6) == (
        "Charged in U.S. dollars.\n<sup>1</sup> A fee of $1.50 applies.\n<sup>2</sup> For existing customers."
    )
    assert box_markdown("footnote", "> 1 Half price. \n\n", "", 6) == "<sup>1</sup> Half price."


def test_a_bold_number_in_a_sentence_is_no_note():
    assert box_markdown("text", "You need **2** cards and **2** codes.", "", 6) == "You need 2 cards and 2 codes."


def test_prose_cannot_pose_as_a_heading_or_a_table():
    assert box_markdown("text", "# 5 Harbour Street", "", 6) == "\\# 5 Harbour Street"
    assert box_markdown("text", "|a|b|", "", 6) == "\\|a|b|"


def test_text_in_a_figure_is_plain_lines():
    text = "<!-- Start of picture text -->\nStep 1<br>Step 2<br><!-- End of picture text -->\n\n"
    assert box_markdown("picture", text, "", 6) == "Step 1\nStep 2"


def test_a_heading_has_the_level_of_the_outline_or_else_of_its_size():
    assert heading_level(9, "### **Account Fees**", {"accountfees": 2}) == 2
    assert [heading_level(size, "x", {}) for size in (28, 18, 14, 12, 10.5, 9)] == [1, 2, 3, 4, 5, 6]

"""The second reader notices what is missing and is not fooled by footnote marks."""

from assets.documents.witness import additions, broken_addresses, divided_words, recalls, respaced


def test_a_mark_glued_to_an_amount_by_the_witness_is_found():
    assert recalls("|$5.00<sup>5</sup>|", "$5.005") == (1.0, 1.0)
    assert recalls("fee<sup>2,3</sup> of $7.50", "fee2,3 of $7.50") == (1.0, 1.0)


def test_a_wrong_or_missing_number_lowers_number_recall():
    assert recalls("costs $5.00 and $6.00", "costs $5.00 and $9.00")[1] == 0.5
    assert recalls("costs $5.00", "costs $5.00 or $5.00")[1] == 0.5


def test_words_divided_at_line_ends_and_chinese_are_compared_fairly():
    assert recalls("information 取款 收费", "informa-\ntion 取款收费") == (1.0, 1.0)
    assert recalls("取款", "取款收费")[0] == 0.5


def test_spaces_and_hyphens_lost_by_the_converter_are_restored():
    assert respaced("Fixed monthlyfee", divided_words("Fixed monthly fee")) == "Fixed monthly fee"
    assert respaced("online into", divided_words("on line in to, online into")) == "online into"
    lost = broken_addresses("see www.banking-\nombudsman.example now")
    assert respaced("see www.bankingombudsman.example now", lost) == "see www.banking-ombudsman.example now"


def test_what_the_page_does_not_have_is_told():
    assert additions("|$5.00<sup>5</sup>|", "$5.005") == (0.0, [])
    assert additions("costs $5.00 or $6.00, $6.00", "costs $5.00") == (0.5, ["6.00", "6.00"])
    assert additions("costs $5.00 or so", "costs $5.00 or $6.00 or so and more") == (0.0, [])

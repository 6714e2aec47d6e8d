"""Tables keep the facts of a row in one row."""

from assets.documents.tables import repair_table

HEADER = ["Plan features", "Plus", "Senior"]


def table(*rows: list[str]) -> list[str]:
    [text] = repair_table([HEADER, *rows])
    return text.split("\n")[2:]


def test_cells_are_padded_and_bars_escaped():
    assert repair_table([["a", "b"], ["x|y"], []]) == ["|a|b|\n|---|---|\n|x\\|y||"]


def test_a_label_over_two_lines_is_one_row():
    assert table(["• Safety deposit box (for members —", "", ""], ["one box per plan)", "✓", ""]) == [
        "|• Safety deposit box (for members — one box per plan)|✓||"
    ]
    assert table(["• Overdraft on an account in", "", ""], ["your Plan", "✓", "✓"]) == [
        "|• Overdraft on an account in your Plan|✓|✓|"
    ]


def test_values_over_two_lines_are_one_row():
    rows = ["• RRSP transfer fees", "", "Reimbursed up"], ["to Bank of Montreal", "", "to $25.00"]
    assert table(*rows) == ["|• RRSP transfer fees to Bank of Montreal||Reimbursed up to $25.00|"]


def test_rows_with_equal_words_in_lower_case_stay_apart():
    rows = ["Cheques", "free", "included"], ["Drafts", "not available", "included"]
    assert table(*rows) == ["|Cheques|free|included|", "|Drafts|not available|included|"]


def test_a_section_row_does_not_swallow_the_row_below():
    rows = ["ABM (per item)", "", ""], ["Cash withdrawal", "$1.00", "$5.00"]
    assert table(*rows) == ["|ABM (per item)|||", "|Cash withdrawal|$1.00|$5.00|"]


def test_marks_that_slipped_into_the_next_cell_return():
    assert table(["Drafts<sup>5</sup>", "<sup>6,7</sup> $7.50", ""]) == ["|Drafts<sup>5,6,7</sup>|$7.50||"]


def test_two_tables_side_by_side_become_two_tables():
    rows = [["", "Per item", "", "Per item"], ["Small", "$45.00", "Courier", "$8.50"], ["Large", "$60.00", "", ""]]
    assert repair_table(rows) == [
        "||Per item|\n|---|---|\n|Small|$45.00|\n|Large|$60.00|",
        "||Per item|\n|---|---|\n|Courier|$8.50|",
    ]


def test_a_single_column_is_no_table():
    assert repair_table([["STEP 1"], ["Select your account"]]) == ["STEP 1\nSelect your account"]

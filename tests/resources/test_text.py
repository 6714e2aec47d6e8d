"""Hostile text is shown as text: nothing in it hides, reorders or controls what follows."""

from resources.text import collapsed, one_line, visible


def test_a_cell_in_the_ui_is_one_short_line_without_control_characters() -> None:
    shown = one_line("<b>x</b> [/b]\x1b[31m\u202eabc\nnext" + "y" * 500)
    assert shown.startswith("<b>x</b> [/b][31mabc next")
    assert len(shown) == 200


def test_text_of_any_length_keeps_its_lines_its_chinese_and_its_signs() -> None:
    text = "第一行\u3000甲\n$5.00 ✓ 😀" * 100
    assert visible(text) == text


def test_odd_spaces_become_plain_ones_and_what_cannot_be_seen_is_gone() -> None:
    assert visible("a\tb\u00a0c\u2028d\ufeff\u200be\udc80\x7ff") == "a b c def"


def test_quotes_are_compared_without_their_line_ends() -> None:
    assert collapsed(" a\n  b\tc ") == "a b c"

"""What `count_tokens` promises: the encoding's own counts, in any script, in linear time."""

from hypothesis import given
from hypothesis import strategies as st

from resources.tokens import count_tokens


def test_counts_equal_those_of_the_published_encoding():
    assert count_tokens("") == 0
    assert count_tokens("hello world") == 2
    assert count_tokens("tiktoken is great!") == 6
    assert count_tokens("お誕生日おめでとう") == 9


def test_chinese_needs_about_a_token_per_character():
    text = "信用卡还款日为每月二十五日"
    assert len(text) * 0.7 <= count_tokens(text) <= len(text) * 1.6


def test_a_very_long_word_costs_linear_time():
    assert count_tokens("x" * 20_000) > 1_000
    assert count_tokens("中文字符" * 5_000) > 10_000


@given(st.text(max_size=40), st.text(max_size=40))
def test_text_joined_at_a_blank_line_counts_as_its_parts(left, right):
    together = count_tokens(f"{left}\n\n{right}")
    assert abs(together - count_tokens(left) - count_tokens(right)) <= 4 + left.count("\n") + right.count("\n")
    assert count_tokens(left) <= 4 * len(left.encode())

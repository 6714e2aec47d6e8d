"""Limits: the end of a range that a value is, the end that a question wants, the span that an amount counts for."""

import pytest

from resources.llm.embedded.limits import LOWER, UPPER, limit_asked, limit_of, spans


@pytest.mark.parametrize(
    ("text", "value", "limit"),
    [
        ("You are between 18 and 40 years old.", "18", LOWER),
        ("You are between 18 and 40 years old.", "40", UPPER),
        ("We add 8%, but no more than $560.", "$560", UPPER),
        ("Orders of more than $8,000 need a call.", "$8,000", LOWER),
        ("Purchases of $200 or more can be split.", "$200", LOWER),
        ("It runs for at most 12 years.", "12", UPPER),
        ("The box costs $60.", "$60", ""),
        ("最多可汇 25000 元。", "25000", ""),
        ("最多 90 天。", "90", UPPER),
        ("申请人须年满 17 岁。", "17", LOWER),
    ],
)
def test_the_words_around_a_value_tell_which_end_of_a_range_it_is(text, value, limit):
    start = text.index(value)
    assert limit_of(text, start, start + len(value)) == limit


@pytest.mark.parametrize(
    ("question", "limit"),
    [
        ("Up to what age can I join?", UPPER),
        ("What is the most I can send?", UPPER),
        ("What's the smallest sum I can pay in?", LOWER),
        ("How young may I be?", LOWER),
        ("最少要存多少钱？", LOWER),
        ("最晚多少天内补交？", UPPER),
        ("What does it cost?", ""),
        ("What are the minimum and the maximum?", ""),
    ],
)
def test_a_question_asks_for_one_end_of_a_range_or_for_none(question, limit):
    assert limit_asked(question) == limit


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("$300 a day", {"day"}),
        ("the limit for a whole week", {"week"}),
        ("a monthly fee of $5", {"month"}),
        ("$2 per calendar year", {"year"}),
        ("up to $300 at a time", {"time"}),
        ("每月10元", {"month"}),
        ("within 30 days", set()),
    ],
)
def test_the_span_of_time_of_an_amount_is_read(text, told):
    assert spans(text) == told

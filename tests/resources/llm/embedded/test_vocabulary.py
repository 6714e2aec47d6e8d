"""The vocabulary: everyday words meet the formal ones of documents, and no word means two things."""

import pytest

from resources.llm.embedded.vocabulary import _SAME, related, terms
from resources.search.tokenizer import stem


@pytest.mark.parametrize(
    ("everyday", "formal"),
    [
        ("how long is it good for", "it is valid"),
        ("hand it in", "submit"),
        ("get my money back", "refund"),
        ("over the phone", "by telephone"),
        ("swap", "exchange"),
        ("missing", "lost"),
        ("kids", "children"),
        ("pick it up", "collect"),
        ("小孩", "儿童"),
        ("最晚", "最迟"),
    ],
)
def test_everyday_words_meet_formal_ones(everyday, formal):
    assert set(terms(everyday)) & set(terms(formal))


def test_paying_in_cash_is_not_paying_in():
    assert terms("pay in") != terms("pay in cash")[:1]


def test_a_word_stands_in_one_group_only():
    groups = [{stem(word) for word in group.split()} for group in _SAME.strip().splitlines()]
    assert sum(map(len, groups)) == len(set().union(*groups))


def test_a_payslip_is_related_to_documents_without_being_one():
    assert "payslip" in related("document")
    assert terms("payslip") != terms("document")
    assert related("moon") == ()

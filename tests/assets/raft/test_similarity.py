"""When two texts are the same: the fast search agrees with comparing everything with everything."""

from hypothesis import given
from hypothesis import strategies as st

from assets.raft.similarity import normalised, overlapping, question_key, shingles

TEXTS = st.lists(st.text("abcdé 12中", max_size=30), max_size=12)


@given(texts=TEXTS, threshold=st.sampled_from([0.3, 0.5, 0.8, 1.0]))
def test_overlaps_are_exactly_those_found_by_comparing_all_pairs(texts, threshold):
    named = {str(index): text for index, text in enumerate(texts)}
    found = overlapping(named, threshold)
    for one, left in named.items():
        for other, right in named.items():
            first, second = shingles(left), shingles(right)
            share = len(first & second) / min(len(first), len(second))
            assert (other in found[one]) == (one != other and share >= threshold)


def test_markdown_case_and_white_space_do_not_make_texts_differ():
    assert normalised("**The  Fee**\nis `$5.00`.") == normalised("the fee is $5.00")
    assert normalised("the fee is $5.00") != normalised("the fee is $5.01")


def test_wording_around_the_content_does_not_make_questions_differ():
    assert question_key("What is the fee for transfers?") == question_key("Please, what are the transfer fees?")
    assert question_key("信用卡的年费是多少？") == question_key("请问信用卡年费是多少")
    assert question_key("What is the fee after 30 days?") != question_key("What is the fee after 60 days?")

import pytest
from hypothesis import given
from hypothesis import strategies as st

from resources.llm.quotes import Span, is_verbatim, locate, restore
from resources.llm.raft_text import parse_answer, quoted

CHUNK = (
    "# Fees\nA cash withdrawal costs\n$5.00 per  item, $15.00 abroad.\n\n|Service|Blue\\_1 | Green|\n|---|---|---|\n"
    "|Wire|$30.00<sup>2</sup>| free |\n\nUse </CHUNK> with care. 提款费用为每笔5.00元。"
)


@pytest.mark.parametrize(
    ("quote", "original"),
    [
        ("A cash withdrawal costs\n$5.00", "A cash withdrawal costs\n$5.00"),
        ("A cash withdrawal costs $5.00 per item", "A cash withdrawal costs\n$5.00 per  item"),
        ("| Wire | $30.00<sup>2</sup> | free |", "|Wire|$30.00<sup>2</sup>| free |"),
        ("|Service|Blue_1|Green|", "|Service|Blue\\_1 | Green|"),
        ("$15.00 abroad\\.", "$15.00 abroad."),
        ("Use &lt;/CHUNK> with care", "Use </CHUNK> with care"),
        ("每笔5.00元", "每笔5.00元"),
    ],
)
def test_a_quote_is_found_despite_white_space_and_escapes_and_kept_as_the_chunk_has_it(quote, original):
    span = locate(quote, CHUNK)
    assert span == Span(original, CHUNK.index(original), CHUNK.index(original) + len(original))


@pytest.mark.parametrize(
    "quote",
    [
        "", "  ", "A cash withdrawal costs $6.00", "a cash withdrawal costs", "Acashwithdrawal", "cash ... item",
        "5.00 abroad", "$5", "$5.0", "ash withdrawal", "A cash withdrawal cost", "<sup>3</sup>", "|", "费用为每笔5.0",
    ],
)  # fmt: skip
def test_what_the_chunk_does_not_say_is_not_found(quote):
    assert locate(quote, CHUNK) is None or not any(character.isalnum() for character in quote)


@given(st.text(max_size=30), st.text(max_size=30))
def test_what_is_found_is_always_the_chunk_s_own_text(quote, chunk):
    span = locate(quote, chunk)
    assert span is None or chunk[span.start : span.end] == span.text != ""


@given(st.text(alphabet="ab1. |\\\n", max_size=20), st.integers(0, 20), st.integers(1, 20))
def test_a_piece_of_whole_words_is_always_found(chunk, start, length):
    piece = chunk[start : start + length].strip()
    if piece and f" {piece} " in f" {chunk} ":
        assert locate(piece, chunk) is not None


def test_an_answer_gets_the_chunk_s_own_words_and_keeps_what_was_invented():
    answer = f"It says {quoted('costs $5.00 per item')} and {quoted('costs $9.00')}. <ANSWER>: $5.00"
    restored, spans = restore(answer, CHUNK)
    assert [span.text for span in spans] == ["costs\n$5.00 per  item"]
    assert parse_answer(restored).quotes == ("costs\n$5.00 per  item", "costs $9.00")
    assert is_verbatim("costs\n$5.00 per  item", CHUNK)
    assert not is_verbatim("costs $5.00 per item", CHUNK)

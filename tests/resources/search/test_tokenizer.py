import pytest
from hypothesis import given
from hypothesis import strategies as st

from resources.search.tokenizer import STOP_WORDS, plain, tokens, words


def test_an_amount_stays_whole_and_loses_only_its_thousands_separators():
    assert tokens("$5.00 or $1,250.00 or 12,345,678.9") == ["5.00", "or", "1250.00", "or", "12345678.9"]


def test_an_amount_glued_to_its_currency_is_still_an_amount():
    assert tokens("CAD5.00") == ["cad", "5.00"]


@pytest.mark.parametrize("priced", ["$5.00<sup>5</sup>", "$5.00⁵", "$5.00 <sup>5, 12</sup>"])
def test_a_footnote_mark_never_becomes_part_of_a_price(priced):
    assert tokens(priced) == ["5.00"]


def test_one_and_a_half_is_not_eleven_halves():
    assert tokens("1½ years") == ["1", "1/2", "year"]


def test_full_width_letters_and_digits_are_the_plain_ones():
    assert tokens("ＡＢＭ １００") == ["abm", "100"]


def test_camel_case_and_snake_case_name_the_same_thing():
    assert tokens("getUserName") == tokens("get_user_name")
    assert set(tokens("user name")) < set(tokens("getUserName"))


def test_an_acronym_keeps_its_letters_together_in_the_plural():
    assert tokens("ABMs PDFs HTTPServer") == ["abm", "pdf", "http", "server", "httpserver"]


def test_english_inflections_meet_at_their_stem():
    assert tokens("withdrawals") == tokens("withdrawal")
    assert tokens("charged charging") == ["charg", "charg"]


def test_accents_are_folded():
    assert tokens("Québec") == tokens("Quebec")


def test_chinese_runs_give_bigrams_and_a_lone_character_itself():
    assert tokens("储蓄账户") == ["储蓄", "蓄账", "账户"]
    assert tokens("月费为5元") == ["月费", "费为", "5", "元"]


def test_markup_is_not_text():
    marked = "|**Fee**|<br>`code`|\n|---|---|\n[link](https://example.com/path) &amp; <!-- note -->"
    assert tokens(marked) == ["fee", "code", "link"]


def test_a_type_parameter_is_no_html_tag():
    assert tokens("Vec<Token>") == ["vec", "token"]


def test_stop_words_are_dropped_only_on_request():
    assert tokens("What is the fee") == ["what", "is", "the", "fee"]
    assert tokens("What is the fee", STOP_WORDS) == ["fee"]


def test_words_are_unstemmed_and_split_chinese_by_character():
    assert words("Monthly fees of $1,000.00: 月费") == ["monthly", "fees", "of", "1000.00", "月", "费"]


@given(st.text())
def test_any_text_has_clean_tokens(text):
    found = tokens(text)
    assert found == tokens(text)
    assert all(token and not token.isspace() and "," not in token for token in found)


@given(st.text(alphabet=st.characters(codec="ascii")))
def test_plain_leaves_ascii_without_markup_alone(text):
    if not set(text) & set("<&]"):
        assert plain(text) == text

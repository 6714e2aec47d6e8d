"""A vision model's answer as Markdown: cleaned, refused, and put together from halves."""

import pytest

from assets.documents.transcripts import clean_transcript, end_of, joined_halves, plain_words, read_transcript
from resources.llm.request import Completion

TABLE = "|Service|Fee|\n|---|---|\n|Cash|$1.00|\n|Wire|$5.00<sup>5</sup>|"


@pytest.mark.parametrize(
    ("answer", "text"),
    [
        ("```markdown\n# Fees\n\n$5.00\n```", "# Fees\n\n$5.00"),
        ("# Fees\n```\n$5.00\n```\n", "# Fees\n$5.00"),
        ("|a|b|\r\n|-|-|\r\n|✔|☑<br>yes|", "|a|b|\n|-|-|\n|✓|✓ yes|"),
        ("$5.00⁵ and $6.00[^6]", "$5.00<sup>5</sup> and $6.00<sup>6</sup>"),
        ("**Fees** <b>of</b> [the bank](https://evil.example) <!-- page 3 -->", "Fees of the bank"),
        ("![a photo](x.png)\n\n\n\nFees\u202e\u200b", "a photo\n\nFees"),
        ("<!-- never closed", ""),
    ],
)
def test_an_answer_is_cleaned_to_the_conventions_of_the_layout_reader(answer, text):
    assert clean_transcript(answer) == text


@pytest.mark.parametrize(
    ("completion", "problem"),
    [
        (Completion("# Fees", "stop"), ""),
        (Completion("# Fees", "length"), "the transcription was cut off"),
        (Completion("", "content_filter"), "the answer ended early (content_filter)"),
        (Completion.failed("pictures may not leave"), "not answered: pictures may not leave"),
        (Completion("```\n```", "stop"), "no text was found in the picture"),
        (Completion("(no text)", "stop"), "no text was found in the picture"),
        (Completion("I’m sorry, but I can’t assist with that.", "stop"), "the model declined"),
        (Completion("抱歉，我无法处理这张图片。", "stop"), "the model declined"),
        (Completion("The image is too blurry to be read.", "stop"), "the model declined"),
        (Completion("<table><tr><td>$5</td></tr></table>", "stop"), "the transcription holds HTML"),
    ],
)
def test_an_answer_that_is_no_transcription_is_told_apart(completion, problem):
    assert read_transcript(completion)[1] == problem


def test_a_long_page_that_speaks_of_being_unable_is_no_refusal():
    page = "If I cannot pay, what then? " * 30
    assert read_transcript(Completion(page, "stop")) == (page.strip(), "")


def test_a_table_goes_on_in_the_lower_half():
    for lower in (
        "|Wire|$5.00<sup>5</sup>|\n|Draft|$7.00|",
        "|Service|Fee|\n|---|---|\n|Draft|$7.00|",
        "|Draft|$7.00|",
    ):
        assert joined_halves(TABLE, lower) == f"{TABLE}\n|Draft|$7.00|"


def test_halves_that_share_no_line_are_paragraphs_of_their_own():
    assert joined_halves("# Fees\n\nOne.", "Two.") == "# Fees\n\nOne.\n\nTwo."
    assert joined_halves("", "Two.") == "Two."
    assert joined_halves("One.\n", "") == "One."


def test_a_table_that_begins_in_the_lower_half_keeps_its_header():
    assert joined_halves("Fees below.", TABLE) == f"Fees below.\n\n{TABLE}"


def test_the_end_of_a_half_holds_the_header_of_the_table_that_it_ends_in():
    rows = "\n".join(f"|Service {number}|${number}.00|" for number in range(40))
    half = f"# Fees\n\nWords.\n\n|Service|Fee|\n|---|---|\n{rows}"
    assert end_of(half).startswith("|Service|Fee|\n|---|---|\n|Service 0|")
    assert end_of(f"{half}\n\nA last word.", 3).startswith("|Service 39|")


def test_footnote_marks_stand_apart_where_readings_are_compared():
    assert plain_words("$5.00<sup>5,6</sup> &amp; more").split() == ["$5.00", "5", "6", "&", "more"]

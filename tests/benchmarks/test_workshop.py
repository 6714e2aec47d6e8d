"""What of a published answer is scored: the answer, without the tone that was forced on it."""

import pytest

from benchmarks.workshop import without_tone


@pytest.mark.parametrize(
    ("published", "scored"),
    [
        ("$5.00, isn't that great to know? 😊", "$5.00"),
        ("40 reward miles, isn’t that great? 🎉", "40 reward miles"),
        ("No charge, and that's great news! 😊", "No charge"),
        ("TFSA, the answer should be given in a joyful and friendly tone.", "TFSA"),
        ("Yes, the Practical Plan offers basic banking! 🎉", "Yes, the Practical Plan offers basic banking"),
    ],
)
def test_tag_questions_emoji_and_echoes_of_the_prompt_are_dropped(published, scored):
    assert without_tone(published, "", []) == scored


@pytest.mark.parametrize(
    "wish", ["Happy saving!", "Enjoy your travels! 🌍", "Have a great day! 😊", "Isn't that neat?"]
)
def test_a_closing_wish_is_dropped(wish):
    assert without_tone(f"The fee is $1.00. {wish}", "What is the fee?", ["The fee is $1.00"]) == "The fee is $1.00"


def test_a_second_sentence_that_the_quote_supports_stays():
    answer = "Tell us within a day. Call the branch during business hours! 😊"
    quote = "during business hours, call your branch"
    assert without_tone(answer, "", [quote]) == "Tell us within a day. Call the branch during business hours"


def test_a_sentence_with_a_number_is_never_dropped():
    assert without_tone("Call us. Stay safe, dial 1-877!", "", []) == "Call us. Stay safe, dial 1-877"


def test_a_tick_is_no_emoji():
    assert "✓" in without_tone("✓ included 😊", "", [])

"""Turning free answers into ones that a reader can give."""

from benchmarks.extractive import lesson

TEXT = "## Transfers\n\nA wire transfer to another bank costs $14.00 per item. It arrives within two business days.\n"
CHUNK = {"text": TEXT, "contextual_text": f"Guide > Transfers\n\n{TEXT}"}


def row(question, answer):
    return {"question": question, "final_answer": answer, "language": "en"}


def test_a_lesson_gives_the_shortest_right_answer_with_a_verbatim_quote():
    taught = lesson(
        row("What does a wire transfer cost?", "A wire transfer costs $14.00 per item"),
        CHUNK,
        "A wire transfer to another bank costs $14.00 per item.",
    )
    assert taught is not None
    assert taught["final_answer"] == "$14.00"
    [quote] = taught["quotes"]
    assert TEXT[quote["start"] : quote["end"]] == quote["text"]
    assert "$14.00" in quote["text"]


def test_an_answer_that_the_evidence_does_not_hold_teaches_nothing():
    assert lesson(row("What does a wire transfer cost?", "$15.00"), CHUNK, "A wire transfer costs $15.00") is None


def test_a_number_that_only_repeats_the_question_is_no_answer():
    text = "After Step 2 you may write to the Privacy Officer of the bank.\n"
    chunk = {"text": text, "contextual_text": f"Guide\n\n{text}"}
    taught = lesson(
        row("Whom may I write to after Step 2?", "After Step 2, the Privacy Officer of the bank"), chunk, text
    )
    assert taught is None or "Privacy Officer" in taught["final_answer"]

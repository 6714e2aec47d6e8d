"""Placeholders: stable, distinct, restorable, and with nothing left to find."""

import json

from hypothesis import given
from hypothesis import strategies as st

from resources.egress.identifiers import find_identifiers
from resources.egress.redaction import PLACEHOLDER, Redactor, restore

CARD, IBAN = "4111 1111 1111 1111", "DE89370400440532013000"
REDACTOR = Redactor(b"key of this home")

_pieces = st.sampled_from(
    [CARD, IBAN, "me@example.org", "+44 20 7946 0958", "123-45-6789", "sk-abcdefghijklmnopqrstuvwx", "AB123456C", "[",
     "]", "[CARD_3f9a]", " ", "-", "4", "11", "@", ".", "x", "中", "+", "\n", "0800 555 0177", "1-"]
)  # fmt: skip


def test_identifiers_become_typed_placeholders() -> None:
    [text] = REDACTOR.redact([f"Pay {CARD} into {IBAN}."]).texts

    assert PLACEHOLDER.sub("#", text) == "Pay # into #."
    assert text.startswith("Pay [CARD_")
    assert "into [IBAN_" in text


def test_equal_identifiers_have_equal_placeholders_in_every_text_and_call() -> None:
    first = REDACTOR.redact([f"a {CARD}", f"b {CARD} {IBAN}"])
    [again] = REDACTOR.redact([f"c {CARD}"]).texts

    assert first.texts[0].split()[1] == first.texts[1].split()[1] == again.split()[1]
    assert len(first.restorations) == 2


def test_another_key_gives_other_placeholders() -> None:
    assert REDACTOR.redact_text(CARD) != Redactor(b"another home").redact_text(CARD)


def test_two_identifiers_whose_short_hashes_are_equal_get_longer_ones() -> None:
    addresses = [f"user{number}@example.org" for number in range(600)]
    redacted = REDACTOR.redact(addresses)

    assert len(set(redacted.texts)) == len(addresses)
    assert {len(text) for text in redacted.texts} > {len("[EMAIL_0000]")}
    assert [restore(text, redacted.restorations) for text in redacted.texts] == addresses


def test_a_placeholder_that_the_document_itself_writes_is_never_taken_for_ours() -> None:
    own = REDACTOR.redact_text(CARD)
    text = f"{own} is printed here, and so is {CARD}"
    redacted = REDACTOR.redact([text])

    assert restore(redacted.texts[0], redacted.restorations) == text


def test_an_answer_in_json_stays_json_when_originals_return() -> None:
    key = "-----BEGIN PRIVATE KEY-----\nMIIEvQ+/=\n-----END PRIVATE KEY-----"
    redacted = REDACTOR.redact([key])
    answer = json.dumps({"quote": f"key {redacted.texts[0]}"})

    assert json.loads(restore(answer, redacted.restorations, in_json=True)) == {"quote": f"key {key}"}


def test_rows_for_an_upload_keep_their_shape_and_lose_their_identifiers() -> None:
    rows = [{"messages": [{"role": "user", "content": f"Is {CARD} mine?"}], "n": 3, "none": None}]
    [row] = REDACTOR.redact_rows(rows)

    assert row["messages"][0]["content"] == f"Is {REDACTOR.redact_text(CARD)} mine?"
    assert (row["n"], row["none"]) == (3, None)
    assert CARD in rows[0]["messages"][0]["content"]


@given(st.lists(st.lists(_pieces, max_size=12).map("".join), max_size=4))
def test_nothing_is_left_to_find_and_nothing_is_lost(texts) -> None:
    redacted = REDACTOR.redact(texts)

    assert [find_identifiers(text) for text in redacted.texts] == [[]] * len(texts)
    assert [restore(text, redacted.restorations) for text in redacted.texts] == texts

"""Training of the reader: deterministic, near its base, and able to learn to abstain."""

from dataclasses import replace

import pytest

from resources.llm.embedded.reader import Reader
from resources.llm.embedded.reader_examples import same_answer
from resources.llm.embedded.reader_training import ReaderHyperparameters, train_reader
from resources.llm.raft_text import REFUSAL, parse_answer, quoted, render_answer

ACCOUNTS = ("Basic", "Harbour", "Summit", "Orchard")
SERVICES = ("Cash withdrawal", "Funds transfer", "Bill payment", "Stop payment", "Draft", "Statement")


def document(section: int) -> str:
    rows = [
        f"|{service}|" + "|".join(f"${section}.{10 * line + column}" for column in range(len(ACCOUNTS))) + "|"
        for line, service in enumerate(SERVICES, start=1)
    ]
    header = "|Service|" + "|".join(f"{name} {section}" for name in ACCOUNTS) + "|\n|---|" + "---|" * len(ACCOUNTS)
    return f"Guide > Fees {section}\n\n{header}\n" + "\n".join(rows)


def row(section: int, line: int, column: int, present: bool = True) -> dict:
    texts = [document(other) for other in range(section, section + 4)]
    oracle = texts[0]
    texts = texts[1:] if not present else [texts[1], oracle, *texts[2:]]
    quote = next(one for one in oracle.splitlines() if one.startswith(f"|{SERVICES[line]}|"))
    answer = f"${section}.{10 * (line + 1) + column}"
    return {
        "question": f"What is the fee for a {SERVICES[line].lower()} with the {ACCOUNTS[column]} {section} account?",
        "documents": [{"chunk_id": str(i), "title": "Guide", "text": text} for i, text in enumerate(texts)],
        "oracle_index": 1 if present else -1,
        "oracle_present": present,
        "target": render_answer(quoted(quote), answer) if present else render_answer("It is not there.", REFUSAL["en"]),
        "final_answer": answer if present else REFUSAL["en"],
        "policy": "oracle" if present else "refuse",
    }


ROWS = [row(section, section % 6, section % 4, present=section % 4 != 3) for section in range(1, 25)]
TRAIN, VALIDATION = ROWS[:16], ROWS[16:]


@pytest.fixture(scope="module")
def trained():
    return train_reader(TRAIN, VALIDATION, ReaderHyperparameters(), seed=3)


def test_training_twice_gives_equal_weights(trained):
    again = train_reader(TRAIN, VALIDATION, ReaderHyperparameters(), seed=3)
    assert Reader.from_weights(again.weights).to_json() == Reader.from_weights(trained.weights).to_json()
    assert again.curve == trained.curve
    assert again.metrics == trained.metrics


def test_the_loss_falls_and_is_told_for_both_splits(trained):
    first, last = trained.curve[0], trained.curve[-1]
    assert first[0] == 0
    assert last[1] < first[1]
    assert all(len(point) == 3 for point in trained.curve)


def test_a_trained_reader_answers_what_it_is_shown_and_refuses_what_is_withheld(trained):
    reader = Reader.from_weights(trained.weights)
    for one in VALIDATION:
        answer = parse_answer(reader.answer([document["text"] for document in one["documents"]], one["question"]))
        assert answer.final == one["final_answer"]


def test_weights_stay_at_the_base_when_the_pull_is_strong():
    held = train_reader(TRAIN, VALIDATION, replace(ReaderHyperparameters(), l2=1e6, confidence_l2=1e6), seed=3)
    base = Reader.base().weights
    assert held.weights.scoring == pytest.approx(dict(base.scoring), abs=1e-4)
    assert held.weights.confidence == pytest.approx(dict(base.confidence), abs=1e-4)


def test_a_threshold_is_chosen_on_rows():
    assert 0.0 < Reader.base().with_threshold(VALIDATION).weights.threshold < 1.0


def test_training_without_rows_leaves_the_base():
    empty = train_reader([], [], ReaderHyperparameters(), seed=0)
    assert empty.weights.scoring == dict(Reader.base().weights.scoring)
    assert empty.curve == []


@pytest.mark.parametrize("setting", [{"l2": -1.0}, {"word_dropout": 1.0}, {"epochs": 0}, {"augmentations": -1}])
def test_settings_out_of_range_are_refused(setting):
    with pytest.raises(ValueError, match="must be"):
        ReaderHyperparameters(**setting)


@pytest.mark.parametrize(
    ("answer", "reference", "same"),
    [
        ("$5.00", "$5.00.", True),
        ("$5", "$5.00, isn't that great?", True),
        ("$5.00", "$5.50", False),
        ("Yes, $5.00", "Yes", True),
        ("No", "Yes", False),
        ("a request for a list of transactions", "A request for a list of recent transactions.", True),
        ("a request for a statement", "the account that pays your fees", False),
    ],
)
def test_answers_that_say_the_same_are_recognised(answer, reference, same):
    assert same_answer(answer, reference) is same

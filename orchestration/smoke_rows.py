"""What a smoke test teaches and asks: a dozen rows about a harbour that does not exist, written for this."""

from typing import Any

from resources.hashing import content_hash
from resources.llm.raft_text import parse_answer, quoted, render_answer
from resources.llm.request import Completion
from resources.training.base import TrainingData

_FACTS = (
    ("When does the ferry to Grey Island leave?", "9:15", "The ferry to Grey Island leaves at 9:15 on weekdays."),
    ("What does a berth cost per night?", "$18.00", "A berth for one night costs $18.00, water included."),
    ("Who keeps the lighthouse?", "Ada Brook", "The lighthouse has been kept by Ada Brook since 2011."),
    ("How deep is the north basin?", "6 metres", "At low tide the north basin is 6 metres deep."),
    ("Where is fuel sold?", "at pier 3", "Fuel is sold at pier 3 from noon to six."),
    ("What is the speed limit in the channel?", "5 knots", "In the channel no vessel may go faster than 5 knots."),
    ("Which radio channel does the harbour use?", "channel 12", "The harbour office listens on radio channel 12."),
    ("What does a day pass cost?", "$7.50", "A day pass for the quay costs $7.50 for adults."),
    ("When is the fish market held?", "on Saturdays", "The fish market is held on Saturdays beside the old crane."),
    ("How long may a guest boat stay?", "14 days", "Guest boats may stay for 14 days in a row."),
    ("What colour are the mooring buoys?", "orange", "The mooring buoys of the harbour are orange with a number."),
    ("Who rents out kayaks?", "the boathouse", "Kayaks are rented out by the boathouse next to the slipway."),
)

QUESTION, EXPECTED = _FACTS[0][:2]
DOCUMENTS = (_FACTS[1][2], _FACTS[0][2])
"""What the student is asked at the end, and the documents it is shown with it."""


def smoke_rows() -> TrainingData:
    """Rows as `raft_dataset` holds them: two documents each, one of which answers."""
    return TrainingData(tuple(_row(number) for number in range(len(_FACTS))), ())


def data_version() -> str:
    """Stands for the data version of a dataset."""
    return f"smoke-{content_hash(_FACTS)[:16]}"


def answer_words(said: Completion) -> str:
    """What was answered, and whether it is what the documents say."""
    final = parse_answer(said.text).final or said.text.strip()
    right = (
        "as the documents say"
        if EXPECTED in final
        else f"the documents say {EXPECTED}; so little training proves nothing"
    )
    cut = " (cut off)" if said.finish_reason == "length" else ""
    return f"“{final[:200]}”{cut} to “{QUESTION}”; {right}"


def _row(number: int) -> dict[str, Any]:
    question, answer, text = _FACTS[number]
    other = _FACTS[(number + 5) % len(_FACTS)][2]
    place = number % 2
    shown = [other, other]
    shown[place] = text
    return {
        "row_id": f"smoke-{number}",
        "split": "train",
        "question_id": f"smoke-{number}",
        "question": question,
        "documents": [{"chunk_id": "", "title": "Harbour", "text": each} for each in shown],
        "oracle_index": place,
        "oracle_present": True,
        "policy": "oracle",
        "strategy": "raft",
        "oracle_text": text,
        "target": render_answer(f"The documents say: {quoted(text)}", answer),
        "final_answer": answer,
        "origin": "generated",
        "kind": "statement",
        "group": f"smoke-{number}",
        "tokens": 0,
    }

"""The marts say where every document, page, question and model stands."""

from collections.abc import Callable
from typing import Any

import pyarrow as pa

from resources.egress.log import Departure, EgressLog
from resources.lake.tables import ANSWER_SCORES, FINE_TUNED_MODEL, MODEL_REGISTRY, QA_PAIRS
from resources.llm.ledger import SPEND_SCHEMA


def test_the_inventory_tells_every_document_s_status_and_reason(house, document):
    house.add(1, *(document(f"{name}.pdf", "v1", f"text of {name}") for name in ("good", "gone", "kept", "empty")))
    house.add(
        2,
        document("gone.pdf", "v1", status="withdrawn", tombstone=True),
        document("kept.pdf", "v2", status="unreadable"),
        document("empty.pdf", "v2"),
        document("bad.pdf", "v1", status="unreadable"),
        document("copy.pdf", "v1", status="duplicate"),
    )
    house.build()
    rows = {row["uri"]: row for row in house.rows("document_inventory")}
    assert {uri: row["status"] for uri, row in rows.items()} == {
        "good.pdf": "current",
        "gone.pdf": "withdrawn",
        "kept.pdf": "kept_last_good",
        "empty.pdf": "kept_last_good",
        "bad.pdf": "unreadable",
        "copy.pdf": "duplicate",
    }
    assert rows["good.pdf"]["reason"] is None
    assert rows["kept.pdf"]["reason"] == "it is broken"
    assert rows["empty.pdf"]["reason"] == "no text was found in it"
    assert (rows["kept.pdf"]["current_version"], rows["kept.pdf"]["current_sequence"]) == ("v1", 1)
    assert [rows["good.pdf"][name] for name in ("pages", "chunks", "questions_accepted")] == [1, 1, 1]


def test_a_document_that_came_again_with_its_bytes_stands_where_it_stood(house, document):
    house.add(1, document("a.pdf", "v1", "one"), document("b.pdf", "w1", "two"))
    house.add(2, document("b.pdf", "w2", status="unreadable"))
    house.build("complete_batches", "corpus", "document_inventory")
    before = house.rows("document_inventory")
    house.add(3, document("a.pdf", "v1", status="unchanged"), document("b.pdf", "w2", status="unchanged"))
    house.build("complete_batches", "corpus", "document_inventory")
    assert house.rows("document_inventory") == before
    assert [row["status"] for row in sorted(before, key=lambda row: row["uri"])] == ["current", "kept_last_good"]


def test_coverage_has_every_page_of_the_current_version_even_without_chunks(house, document):
    item = document("a.pdf", "v2", "one", "two")
    item["chunks"] = item["chunks"][:1]
    item["questions"] = item["questions"][:1]
    house.add(1, document("a.pdf", "v1", "old", "old two", "old three"))
    house.add(2, item)
    house.build()
    found = [(row["page"], row["chunks"], row["questions_accepted"]) for row in house.rows("coverage")]
    assert found == [(0, 1, 1), (1, 0, 0)]


def test_quality_counts_questions_of_the_current_version_by_the_gate_that_ended_them(house, document):
    item = document("a.pdf", "v2", "same text", "other text")
    item["questions"][1] |= {"accepted": False, "gate": "quote_missing"}
    house.add(1, document("a.pdf", "v1", "same text"))
    house.add(2, item)
    house.build()
    rows = house.rows("dataset_quality")
    assert [(row["gate"], row["questions"], row["asked"], row["accepted"], row["yield"]) for row in rows] == [
        ("accepted", 1, 2, 1, 0.5),
        ("quote_missing", 1, 2, 1, 0.5),
    ]


def test_spend_is_what_the_ledger_recorded(house):
    counted = {"calls": 2, "prompt_tokens": 3, "cached_tokens": 1, "completion_tokens": 4, "cost": 0.5, "not_real": 1}
    days = ("2026-11-20", "2026-11-21")
    calls = pa.Table.from_pylist(
        [{"stage": "teacher", "model": "m", "day": day, **counted} for day in days], schema=SPEND_SCHEMA
    )
    house.build("spend_by_stage", providers={"ledger_calls": lambda: calls})
    assert house.rows("spend_by_stage") == [{"role": "teacher", "model": "m", "day": day, **counted} for day in days]


def test_what_left_is_counted_by_day_role_host_and_class(house, tmp_path):
    log = EgressLog(tmp_path / "egress")
    log.append(Departure("teacher", "models.example", 100, ("internal",), 2), "run")
    log.append(Departure("teacher", "models.example", 50, ("internal",)), "run")
    log.append(Departure("teacher", "models.example", 0, ("internal",), refused="class"), "run")
    log.append(Departure("judge", "models.example", 7), "run")
    house.build("egress", providers={"egress_log": log.read})
    judge, teacher = house.rows("egress")
    assert {key: value for key, value in teacher.items() if key != "day"} == {
        "role": "teacher", "host": "models.example", "classes": "internal",
        "requests": 2, "bytes": 150, "redactions": 2, "refused": 1,
    }  # fmt: skip
    assert (judge["role"], judge["classes"], judge["bytes"]) == ("judge", "", 7)


def score(answer: str, value: float | None) -> dict[str, Any]:
    return dict.fromkeys(ANSWER_SCORES.schema.names, "x") | {
        "answer_id": answer, "model_id": "base", "metric": "correct", "value": value,
    }  # fmt: skip


def student(recipe: str, backend: str) -> dict[str, Any]:
    lists = {"artifact_files": [], "artifact_hashes": [], "training_rows": [], "stamp": None}
    told = {"recipe": recipe, "model_id": f"of {recipe}", "backend": backend, "base_model": "a model"}
    return dict.fromkeys(FINE_TUNED_MODEL.schema.names, "x") | lists | told


def calls_of(**not_real: int) -> Callable[[], pa.Table]:
    """What the ledger tells of the students of backends, one call each."""
    counted = {"calls": 1, "prompt_tokens": 3, "cached_tokens": 1, "completion_tokens": 4, "cost": 0.5}
    told = [
        {"stage": "student", "model": f"{backend}/a model", "day": "2026-11-20", **counted, "not_real": calls}
        for backend, calls in not_real.items()
    ]
    return lambda: pa.Table.from_pylist(told, schema=SPEND_SCHEMA)


def test_the_leaderboard_counts_an_answer_once_although_several_recipes_scored_it(house):
    for recipe in ("raft", "ra_dit"):
        house.lake.write(FINE_TUNED_MODEL, [student(recipe, "embedded")], recipe)
    house.lake.write(ANSWER_SCORES, [score("1", 1.0), score("2", 0.0), score("3", None)], "raft")
    house.lake.write(ANSWER_SCORES, [score("1", 1.0), score("4", 0.5)], "ra_dit")
    house.lake.write(MODEL_REGISTRY, [])
    house.build("leaderboard", providers={"ledger_calls": calls_of()})
    (row,) = house.rows("leaderboard")
    assert (row["mean"], row["n"], row["recipe"], row["backend"]) == (0.5, 3, None, "embedded")


def test_the_bases_of_two_backends_are_two_models_and_an_emulators_stands_below_with_its_stamp(house):
    for recipe, backend, value in (("cloud", "azure_openai", 1.0), ("here", "embedded", 0.5)):
        house.lake.write(FINE_TUNED_MODEL, [student(recipe, backend)], recipe)
        house.lake.write(ANSWER_SCORES, [score("1", value)], recipe)
    house.lake.write(MODEL_REGISTRY, [])
    house.build("leaderboard", providers={"ledger_calls": calls_of(azure_openai=1, embedded=0)})
    found = [(row["backend"], row["mean"], row["stamp"]) for row in house.rows("leaderboard")]
    assert found == [("embedded", 0.5, None), ("azure_openai", 1.0, "an emulator answered for it")]


def test_models_build_on_an_empty_lake(house):
    house.build()
    assert house.rows("document_inventory") == []
    assert house.lake.partitions(QA_PAIRS) == []

"""What leaves for a training service: rows of documents that may not go stay here, identifiers become placeholders."""

import json
from collections.abc import Callable
from typing import Any

import pytest

from assets.training.uploads import class_of_rows, prepare, upload_rules
from resources.egress.classification import ClassificationOptions, DocumentClasses
from resources.egress.policy import EgressOptions
from resources.egress.redaction import PLACEHOLDER, Redactor
from resources.training.base import TrainingData
from resources.training.embedded import EmbeddedTrainer

CARD = "4111 1111 1111 1111"
RULES = {"rules": [{"documents": "hr/*", "class": "confidential"}]}


@pytest.fixture
def sent(row: Callable[..., Any], job_backend: Any) -> Callable[..., Any]:
    """Prepares rows for the service: `sent(rows, egress, class_of)`."""

    def run(rows: list[Any], egress: EgressOptions | None = None, class_of: Any = lambda row: "internal") -> Any:
        data = TrainingData(*(tuple(r for r in rows if r["split"] == split) for split in ("train", "validation")))
        return prepare(data, job_backend, "chat", egress or EgressOptions(), Redactor(b"key"), class_of)

    return run


def test_identifiers_become_placeholders_everywhere_in_a_row_and_in_the_files(sent, row) -> None:
    upload = sent([row(1, f"Card {CARD} costs $1.50."), row(4, f"Again {CARD} costs $4.50.")])
    [train], [validation] = upload.data.train, upload.data.validation
    texts = [train["documents"][0]["text"], train["oracle_text"], train["target"], validation["target"]]
    assert all(CARD not in text for text in texts)
    assert len({PLACEHOLDER.findall(text)[0] for text in texts}) == 1, "one text, one placeholder, in both splits"
    assert CARD not in b"".join(upload.data.files.values()).decode()


def test_a_quote_in_the_answer_still_is_what_its_document_says(sent, row) -> None:
    [redacted] = sent([row(1, f"Card {CARD} costs $1.50.")]).data.train
    assert redacted["documents"][0]["text"] in redacted["target"]


def test_ids_are_no_identifiers(sent, row) -> None:
    original = row(1, chunk="4111111111111111")
    [redacted] = sent([original]).data.train
    assert redacted["documents"][0]["chunk_id"] == "4111111111111111"
    assert redacted["row_id"] == original["row_id"]


@pytest.mark.parametrize(("redact", "kept"), [("hosted", False), ("always", False), ("never", True)])
def test_the_settings_decide_whether_rows_are_redacted(sent, row, redact, kept) -> None:
    upload = sent([row(1, f"Card {CARD}.")], EgressOptions(redact=redact))
    assert (CARD in upload.data.train[0]["oracle_text"]) is kept


def test_rows_of_documents_above_the_class_that_the_service_receives_are_withheld_and_counted(sent, row) -> None:
    classes = {"r001": "public", "r002": "confidential", "r003": "restricted", "r004": "confidential"}
    upload = sent([row(n) for n in range(1, 5)], class_of=lambda one: classes[one["row_id"]])
    assert [one["row_id"] for one in upload.data.train] == ["r001"]
    assert upload.data.validation == ()
    assert upload.withheld == {"confidential": 2, "restricted": 1}
    assert list(upload.data.files) == ["train.jsonl"]
    allowed = EgressOptions.model_validate({"destinations": {"training": {"receives": "restricted"}}})
    assert len(sent([row(n) for n in range(1, 5)], allowed, lambda one: classes[one["row_id"]]).data.train) == 3


def test_a_row_has_the_strictest_class_of_what_it_shows_and_of_what_it_was_asked_about(row) -> None:
    arrived = [
        {"uri": "hr/pay.pdf", "version": "v-hr", "tombstone": False},
        {"uri": "guide.pdf", "version": "v-guide", "tombstone": False},
    ]
    classes = DocumentClasses(ClassificationOptions.model_validate(RULES), lambda: arrived)
    class_of = class_of_rows(classes, {"c1": "v-guide", "c2": "v-hr"}, {"q1": "c1", "q2": "c2", "q3": None})
    assert class_of(row(1)) == "internal"
    assert class_of(row(1, chunk="c2")) == "confidential", "a distractor counts"
    assert class_of({**row(2), "documents": []}) == "confidential", "what a closed-book row was asked about counts"
    assert class_of({**row(3), "documents": []}) == "public", "nobody's document"
    assert class_of(row(1, chunk="gone")) == "confidential", "nobody knows what it was"


def test_where_training_runs_nothing_is_withheld_redacted_or_named(row, tmp_path) -> None:
    data = TrainingData((row(1, f"Card {CARD}."),), ())
    trainer = EmbeddedTrainer(folder=str(tmp_path))
    upload = prepare(data, trainer, "rows", EgressOptions(), Redactor(b"key"), lambda one: "restricted")
    assert (upload.data, upload.rules, upload.withheld) == (data, "", {})


def test_what_a_model_learns_from_is_told_down_to_the_bytes(sent, row) -> None:
    plain = sent([row(1)])
    assert sent([row(1)]).rules == plain.rules
    assert sent([row(2)]).rules != plain.rules
    strict = EgressOptions(identifiers=["email"])
    assert sent([row(1)], strict).rules != plain.rules
    assert sent([row(1)], strict).rules.split("-")[1] == plain.rules.split("-")[1], "equal bytes under other rules"


def test_the_rules_are_named_without_reading_a_row(sent, row, job_backend) -> None:
    assert sent([row(1)]).rules.startswith(f"{upload_rules(job_backend, EgressOptions())}-")


def test_a_run_withholds_rows_by_the_documents_that_really_arrived(training_home, job_cloud, row) -> None:
    home = training_home(egress=EgressOptions(classification=ClassificationOptions.model_validate(RULES)))
    home.write_document("guide.pdf", "v-guide", [f"c{n}" for n in range(10)])
    home.write_document("hr/pay.pdf", "v-hr", [f"c{n}" for n in range(10, 20)])
    result = home.run()
    [job] = job_cloud.jobs().values()
    questions = [json.loads(line)["messages"][1]["content"] for line in job["files"]["train.jsonl"].splitlines()]
    asked = {int(question.rsplit("account ", 1)[1].rstrip("?")) for question in questions}
    assert asked == {0, 1, 2, 3, 5, 6, 7, 8}
    [made] = result.asset_materializations_for_node("fine_tuned_model")
    assert made.metadata["rows withheld by class"].value == {"confidential": 10}
    assert json.loads(home.model()["provenance"])["rows_withheld"] == 10
    assert len(home.model()["training_rows"]) == 8

"""The models of a run over HTTP: what an emulator receives when documents hold identifiers. Not a real model."""

import json
import sqlite3
from pathlib import Path

import pytest

from resources.errors import RaftlineError
from resources.lake.lake import Lake
from resources.lake.tables import RAW_PDFS
from resources.llm.request import chat
from resources.llm.resource import ModelsResource

CARD, IBAN = "4111 1111 1111 1111", "DE89 3704 0044 0532 0130 00"
TEXT = f"The reserve card is {CARD}. Refunds go to {IBAN}."


@pytest.fixture
def home(tmp_path: Path, lake: Lake) -> Path:
    """A folder whose lake knows one ordinary and one restricted document."""
    for number, uri in enumerate(("fees.pdf", "hr/pay.pdf"), 1):
        row = dict.fromkeys(RAW_PDFS.schema.names, "") | {"bytes": 1, "page_count": 1, "tombstone": False}
        lake.write(RAW_PDFS, [row | {"document_id": uri, "version": uri, "uri": uri}], f"{number:06d}-0")
    return tmp_path


@pytest.fixture
def resource(home: Path, emulator, monkeypatch: pytest.MonkeyPatch) -> ModelsResource:
    monkeypatch.setenv("OPENAI_API_KEY", emulator.key)
    role = {"provider": "openai_compatible", "endpoint": emulator.compatible}
    return ModelsResource(
        ledger_url=f"sqlite:///{home / 'ledger.db'}",
        roles={
            "teacher": {**role, "model": "gpt-4o-mini"},
            "embedder": {**role, "model": "text-embedding-3-small"},
        },
        egress={
            "redact": "always",
            "classification": {"rules": [{"documents": "hr/*", "class": "restricted"}]},
            "destinations": {"teacher": {"receives": "internal"}},  # named, so that loopback is held to it
        },
        egress_folder=str(home / "egress"),
        lake_url=str(home / "lake"),
    )


def test_no_identifier_reaches_the_service_and_answers_hold_the_originals(resource, emulator, home) -> None:
    with resource.open("run-1") as models:
        teacher = models.chat("teacher")
        request = teacher.request(chat("Repeat.", TEXT), "v1", sources=["fees.pdf"])
        placeholder = {value: name for name, value in request.restorations}[CARD]
        emulator.configure(answers=[{"match": "Refunds go to", "text": f"It is {placeholder}."}])
        [answer] = teacher.complete([request])
        streamed = teacher.run(lambda: teacher.ask(request))
        [vector] = models.embedder().embed([TEXT], [("fees.pdf",)])

    assert answer.text == streamed.text == f"It is {CARD}."
    assert len(vector)
    sent = json.dumps([call["body"] for call in emulator.served()])
    assert "[CARD_" in sent
    assert CARD not in sent
    assert IBAN not in sent
    assert CARD.encode() not in (home / "ledger.db").read_bytes()
    with sqlite3.connect(home / "ledger.db") as ledger:
        assert CARD not in "\n".join(ledger.iterdump())


def test_a_restricted_document_is_not_sent_and_the_others_are(resource, emulator) -> None:
    with resource.open() as models:
        teacher = models.chat("teacher")
        requests = [
            teacher.request(chat("Say something.", uri), "v1", sources=[uri]) for uri in ("fees.pdf", "hr/pay.pdf")
        ]
        sent, kept = teacher.complete(requests)

    assert sent.usable
    assert not kept.usable
    assert "hr/pay.pdf is restricted" in kept.failure
    assert emulator.requests() == 1
    assert [row["refused"] for row in resource.departures().to_pylist()] == ["class", ""]


def test_what_may_be_sent_is_part_of_what_a_table_depends_on(resource) -> None:
    plain = resource.model_copy(update={"egress": type(resource.egress)()})

    assert "egress" not in plain.dependencies("teacher")
    assert resource.dependencies("teacher") == plain.dependencies("teacher") | {
        "egress": resource.egress.version("teacher", "127.0.0.1")
    }


def test_the_key_of_a_service_is_in_no_file_of_the_home(resource, emulator, home, monkeypatch) -> None:
    emulator.configure(faults=[{"kind": "500", "rate": 1.0, "when": "before", "times": 1}])
    with resource.open("run-1") as models:
        teacher = models.chat("teacher")
        teacher.complete([teacher.request(chat("Say something.", "x"), "v1", sources=["fees.pdf"])])
    monkeypatch.setenv("OPENAI_API_KEY", "wrong-key-that-is-planted")
    with resource.open("run-2") as models, pytest.raises(RaftlineError) as error:
        teacher = models.chat("teacher")
        teacher.complete([teacher.request(chat("Say something else.", "y"), "v1", sources=["fees.pdf"])])

    written = b"".join(path.read_bytes() for path in home.rglob("*") if path.is_file())
    assert emulator.key.encode() not in written
    assert b"wrong-key-that-is-planted" not in written
    assert "wrong-key-that-is-planted" not in str(error.value)

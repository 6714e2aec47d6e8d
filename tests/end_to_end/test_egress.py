"""A home whose models are hosted: what they are sent of a document with identifiers, and what an erasure leaves."""

import json
from pathlib import Path

import pyarrow.parquet as pq
import pytest
import yaml

from tests.end_to_end.conftest import raftline, succeeded
from tests.end_to_end.homes import batches, rows
from tests.end_to_end.pdfs import make_pdf

CARD, IBAN = "4111 1111 1111 1111", "DE89 3704 0044 0532 0130 00"


@pytest.mark.slow
def test_planted_identifiers_reach_no_service_and_an_erasure_leaves_no_byte(emulator, tmp_path: Path) -> None:
    home, documents = tmp_path / "home", tmp_path / "documents"
    documents.mkdir()
    page = [
        "# Refunds",
        f"Refunds above $7.25 go to the account {IBAN} within 12 days.",
        f"The reserve card is {CARD}.",
    ]
    make_pdf(documents / "refunds.pdf", title="Refunds at Ardle", pages=[page])
    make_pdf(documents / "fares.pdf", title="Fares", pages=[["# Fares", "A bicycle costs $2.10 for each crossing."]])
    hosted = {"provider": "openai_compatible", "endpoint": emulator.compatible, "model": "gpt-4o-mini"}
    roles = {
        "teacher": hosted,
        "contextualizer": hosted,
        "embedder": {**hosted, "model": "text-embedding-3-small"},
    }
    config = tmp_path / "raftline.yaml"
    config.write_text(yaml.safe_dump({"documents": "documents", "egress": {"redact": "always"}, "roles": roles}))
    chosen = {"RAFTLINE_CONFIG": str(config), "OPENAI_API_KEY": emulator.key}

    raftline(home, "refresh", **chosen)  # too few questions to train on, which is not the point here

    sent = json.dumps([call["body"] for call in emulator.served()])
    assert "[IBAN_" in sent
    assert "Refunds above" in sent
    assert [one for one in (CARD, IBAN, CARD.replace(" ", ""), IBAN.replace(" ", "")) if one in sent] == []
    [batch] = batches(home)
    asked = [row for row in rows(home, "qa_pairs", batch) if row["accepted"]]
    assert any(IBAN in row["answer"] for row in asked)
    assert "[IBAN_" not in json.dumps(asked)
    assert not holding(home, emulator.key)

    succeeded(raftline(home, "erase", "refunds.pdf", "--yes", **chosen))

    assert holding(home, "Ardle", "reserve card", "refunds.pdf", CARD, IBAN) == []
    assert rows(home, "qa_pairs", batch) == [row for row in asked if "bicycle" in row["question"].lower()]


def holding(home: Path, *texts: str) -> list[str]:
    """The files that hold one of these texts, in their bytes or decoded from Parquet."""
    found = []
    for path in sorted(path for path in home.rglob("*") if path.is_file()):
        content = path.read_bytes()
        if path.suffix == ".parquet":
            content += json.dumps(pq.read_table(path).to_pylist(), default=str, ensure_ascii=False).encode()
        found += [f"{path.relative_to(home)}: {text}" for text in texts if text.encode() in content]
    return found

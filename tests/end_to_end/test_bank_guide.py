"""Real input: the guide of a real bank, from `add` to an answer with quote and page."""

import json
from pathlib import Path

import pytest

from tests.end_to_end.conftest import ROOT, raftline, raftline_here, succeeded
from tests.end_to_end.homes import rows

GUIDE = ROOT.parent / "shared" / "data" / "banking" / "better_banking_guide_en.pdf"

pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(not GUIDE.is_file(), reason="the bank guide is not beside this checkout (../shared)"),
]


@pytest.fixture(scope="module")
def guide_home(tmp_path_factory: pytest.TempPathFactory) -> Path:
    home = tmp_path_factory.mktemp("guide") / "home"
    added = succeeded(raftline_here(home, "add", str(GUIDE)))
    assert f"{GUIDE.name}: added" in added.out
    succeeded(raftline(home, "refresh"))
    return home


def test_a_fee_is_answered_with_its_amount_quote_document_and_page(guide_home: Path) -> None:
    question = "What is the fee for a cash withdrawal at an ABM from a Premium Rate Savings account?"
    reply = json.loads(succeeded(raftline_here(guide_home, "ask", "--json", question)).out)
    assert not reply["abstained"]
    assert "$5.00" in reply["answer"]
    assert len(reply["answer"]) <= 200
    assert reply["quotes"]
    assert {(quote["document"], quote["page"]) for quote in reply["quotes"]} == {(GUIDE.name, 18)}
    texts = [row["text"] for row in rows(guide_home, "corpus")]
    assert all(any(quote["text"] in text for text in texts) for quote in reply["quotes"])


def test_a_question_that_the_guide_does_not_touch_is_declined(guide_home: Path) -> None:
    reply = json.loads(
        succeeded(raftline_here(guide_home, "ask", "--json", "How tall is the lighthouse of Ardle?")).out
    )
    assert reply["abstained"]
    assert reply["quotes"] == []

"""Documents that nobody made for these tests."""

import random
import re
from collections import Counter
from pathlib import Path

import pytest

from assets.chunks.packing import chunk_document
from assets.documents.extraction import Extracted, extract_many

ROOT = Path(__file__).parents[3]
GUIDE = ROOT.parent / "shared/data/banking/better_banking_guide_en.pdf"
SAMPLES = sorted((ROOT / "sample_corpus/first").glob("*.pdf"))


@pytest.fixture(scope="module")
def guide():
    if not GUIDE.exists():
        pytest.skip(f"{GUIDE} is not here")
    [result] = extract_many([(GUIDE.name, GUIDE.read_bytes())], {})
    return result.pages


@pytest.fixture(scope="module")
def samples() -> list[Extracted]:
    if not SAMPLES:
        pytest.skip("the sample corpus is not rendered")
    return list(extract_many([(path.name, path.read_bytes()) for path in SAMPLES], {}))


def test_every_price_of_the_fee_table_stands_in_its_cell(guide):
    rows = guide[17].markdown.split("\n")
    assert (
        "|Services|Primary Chequing|Interest Chequing<sup>3</sup>|Premium Rate Savings|Smart Saver<sup>4</sup>|" in rows
    )
    assert "|Cash withdrawal|$1.00|$1.00|$5.00|$5.00|" in rows
    assert "|Pre-authorized bill payment/debit|$1.00|$1.00|$1.00|$5.00<sup>5</sup>|" in rows
    assert "|Account statement/passbook (per month)<sup>6</sup>|$2.00|$2.00|$2.00|Free|" in rows
    assert guide[17].markdown.count("$5.00<sup>5</sup>") == 5
    assert guide[17].number_recall == 1.0


def test_ticks_of_the_plan_table_are_ticks(guide):
    rows = guide[6].markdown.split("\n")
    assert "|• Cheque image return option<sup>4</sup>|✓|✓|✓||✓|✓|" in rows
    assert "|• Monthly number of Interac e-Transfers|2|2|1||||" in rows
    assert sum(row.count("✓") for row in rows) == 66


def test_the_guide_loses_no_number_and_hardly_a_word(guide):
    assert [page.index for page in guide if page.number_recall < 1] == []
    assert sum(page.word_recall for page in guide) / len(guide) >= 0.998


def test_the_sample_corpus_comes_out_whole(samples):
    assert [result.name for result in samples if result.error] == []
    pages = [page for result in samples for page in result.pages]
    assert [page.word_recall for page in pages] == [1.0] * len(pages)
    assert [page.number_recall for page in pages] == [1.0] * len(pages)


def test_the_fee_table_is_one_chunk_with_its_heading_and_its_notes(guide):
    [chunk] = [chunk for chunk in chunks_of([page.markdown for page in guide]) if chunk["page_start"] == 17]
    assert "### ACCOUNT TRANSACTION FEES" in chunk["text"]
    assert "<sup>5</sup> One free pre-authorized bill payment/debit" in chunk["text"]


def test_a_sentence_inserted_anywhere_changes_at_most_three_chunks(guide):
    choice = random.Random(5)
    for page in choice.choices(guide, k=40):
        text = page.markdown
        places = [match.end() for match in re.finditer(r"[a-z]\.(?= [A-Z])", text)]
        for at in choice.choices(places, k=2) if places else []:
            edited = f"{text[:at]} This rule applies from the first of March.{text[at:]}"
            before, after = (Counter(chunk["chunk_id"] for chunk in chunks_of([one])) for one in (text, edited))
            assert (after - before).total() <= 3


def chunks_of(pages: list[str]) -> list[dict]:
    return chunk_document("doc", "v1", [{"page": number, "markdown": text} for number, text in enumerate(pages)])

"""Documents that nobody made for these tests."""

import io
import random
import re
from collections import Counter
from pathlib import Path

import pytest
from PIL import Image

from assets.chunks.contexts import passages
from assets.chunks.packing import chunk_document
from assets.documents.extraction import Extracted, extract_many
from assets.documents.fidelity import fidelity, recall_overall
from assets.documents.page_choice import views, witnesses_of
from assets.documents.pages import page_rows
from assets.documents.readers import PERMISSIVE_READER
from assets.documents.rendering import View, page_pictures
from assets.documents.transcription import agreement
from assets.documents.transcripts import plain_words
from assets.documents.witness import recalls
from resources.llm.context_prompts import context_messages
from resources.options import ContextualizationOptions, TranscriptionOptions

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


@pytest.fixture(scope="module")
def plainly_read():
    """The guide as the permissive extractor reads it."""
    if not GUIDE.exists():
        pytest.skip(f"{GUIDE} is not here")
    [result] = extract_many(
        [(GUIDE.name, GUIDE.read_bytes())], {}, inspect=PERMISSIVE_READER.inspect(), reader=PERMISSIVE_READER
    )
    return result.pages


FEES = """
Services | Primary Chequing | Interest Chequing<3> | Premium Rate Savings | Smart Saver<4>
Self-serve
Electronic (per item)
Pre-authorized bill payment/debit | $1.00 | $1.00 | $1.00 | $5.00<5>
Debit card purchase<1> | $1.00 | $1.00 | Not available | Not available
Interac Online debit | $1.00 | $1.00 | Not available | Not available
ABM (per item)
Cash withdrawal | $1.00 | $1.00 | $5.00 | $5.00
Funds transfer | $1.00 | $1.00 | $1.00 | $5.00<5>
Electronic bill payment | $1.00 | $1.00 | Not available | Not available
Account history inquiry | $1.00 | $1.00 | $1.00 | $0.85
Telephone banking (per item)
Funds transfer | $1.00 | $1.00 | $1.00 | $5.00<5>
Bill payment | $1.00 | $1.00 | Not available | Not available
Account history inquiry | $1.00 | $1.00 | $1.00 | $0.85
Online/Mobile banking (per item)
Funds transfer | $1.00 | $1.00 | $1.00 | $5.00<5>
Bill payment | $1.00 | $1.00 | Not available | Not available
Cheque drawn on account (per item) | $1.00 | $1.00 | Not available | Not available
Assisted-service
ABM (per item)
Paper bill payment | $1.00 | $1.00 | Not available | Not available
Branch/BMO Customer Contact Agent (per item)
Withdrawal | $1.00 | $1.00 | $5.00 | $5.00
Funds transfer | $1.00 | $1.00 | $1.25 | $5.00<5>
Bill payment<2> | $1.00 | $1.00 | Not available | Not available
Account history inquiry | $1.00 | $1.00 | $1.25 | $5.00
Other services
Account statement/passbook (per month)<6> | $2.00 | $2.00 | $2.00 | Free
"""
"""The fee table of page 18 as a person reads it off the printed page; footnote marks in angle brackets."""


@pytest.mark.parametrize("extractor", ["guide", "plainly_read"])
def test_the_fee_table_is_right_cell_by_cell(extractor, request):
    page = request.getfixturevalue(extractor)[17]
    printed = [[cell.strip() for cell in line.split("|")] for line in FEES.strip().split("\n")]
    lines = [line for line in page.markdown.split("\n") if line.startswith("|") and "---" not in line]
    read = [re.sub(r"<sup>(.*?)</sup>", r"<\1>", line)[1:-1].split("|") for line in lines]
    assert read == [row + [""] * (5 - len(row)) for row in printed]
    assert page.number_recall == 1.0


@pytest.mark.parametrize("extractor", ["guide", "plainly_read"])
def test_no_footnote_mark_is_glued_to_an_amount_anywhere(extractor, request):
    pages = request.getfixturevalue(extractor)
    glued = re.compile(r"\$\d+\.\d{3}|\$\d+\.\d\d\d*[,¹²³⁴⁵⁶⁷⁸⁹]\d")
    assert [page.index for page in pages if glued.search(page.markdown)] == []
    assert sum(page.markdown.count("</sup>") for page in pages) > 50


def test_the_permissive_extractor_keeps_the_words_and_numbers_that_layout_analysis_finds(guide, plainly_read):
    compared = [
        recalls(plain.markdown, plain_words(page.markdown)) for plain, page in zip(plainly_read, guide, strict=True)
    ]
    assert sum(words for words, _ in compared) / len(compared) >= 0.995
    assert [index for index, (_, numbers) in enumerate(compared) if numbers < 1] == []
    ticks = [(page.markdown.count("✓"), page.sight.text.count("✓")) for page in plainly_read]
    assert [index for index, (read, printed) in enumerate(ticks) if read != printed] == []
    assert sum(read for read, _ in ticks) == 133


def test_the_sample_corpus_comes_out_alike_with_both_extractors(samples):
    documents = [(path.name, path.read_bytes()) for path in SAMPLES]
    plain = extract_many(documents, {}, inspect=PERMISSIVE_READER.inspect(), reader=PERMISSIVE_READER)
    for one, other in zip(samples, plain, strict=True):
        assert [rows_of(page.markdown) for page in other.pages] == [rows_of(page.markdown) for page in one.pages]


def rows_of(markdown: str) -> list[str]:
    """The table rows and headings of a page."""
    return [line for line in markdown.split("\n") if line.startswith(("|", "#"))]


def test_the_guides_fidelity_is_told(guide):
    rows = page_rows({"document_id": "d", "version": "v"}, Extracted(GUIDE.name, guide))
    [told] = fidelity([(GUIDE.name, rows)])
    assert (told["document"], told["pages"], told["number recall"]) == (GUIDE.name, "26", "1.0000")
    assert float(told["word recall"]) == recall_overall(rows) >= 0.995
    assert int(told["tables"]) >= 14
    assert told["flagged pages"] == "none"


def test_ticks_of_the_plan_table_are_ticks(guide):
    rows = guide[6].markdown.split("\n")
    assert "|• Cheque image return option<sup>4</sup>|✓|✓|✓||✓|✓|" in rows
    assert "|• Monthly number of Interac e-Transfers|2|2|1||||" in rows
    assert sum(row.count("✓") for row in rows) == 66


def test_links_of_the_guide_lie_on_the_words_that_carry_them(guide):
    carried = {(page.index, page.markdown[link.start : link.end], link.target) for page in guide for link in page.links}
    assert (2, "bmo.com/airmiles", "http://bmo.com/airmiles") in carried
    assert (24, "ombudsman@obsi.ca", "mailto:ombudsman@obsi.ca") in carried
    assert all(len(words) < 40 for _, words, _ in carried)


def test_the_guide_loses_no_number_and_hardly_a_word(guide):
    assert [page.index for page in guide if page.number_recall < 1] == []
    assert sum(page.word_recall for page in guide) / len(guide) >= 0.998


def test_the_dense_tables_of_the_guide_are_shown_to_a_vision_model_in_halves(guide):
    dense = {page.index for page in guide if views(page, TranscriptionOptions())[0].halves}
    assert {6, 16, 17} <= dense
    assert dense.isdisjoint({0, 1, 2, 8, 9, 10})
    whole = 1024 * 1024 * guide[17].width / guide[17].height
    for png in page_pictures(GUIDE.read_bytes(), GUIDE.name, 17, View(1024, halves=True)):
        width, height = Image.open(io.BytesIO(png)).size
        assert width * height == pytest.approx(whole, rel=0.01)


def test_a_faithful_transcription_of_any_page_of_the_guide_would_be_believed(guide):
    problems = {
        page.index: agreement(page.markdown, witness, 0.95)[2] for page in guide for witness in witnesses_of(page)[:1]
    }
    assert {index: problem for index, problem in problems.items() if problem} == {}


def test_the_sample_corpus_comes_out_whole(samples):
    assert [result.name for result in samples if result.error] == []
    pages = [page for result in samples for page in result.pages]
    assert [page.word_recall for page in pages] == [1.0] * len(pages)
    assert [page.number_recall for page in pages] == [1.0] * len(pages)


def test_the_fee_table_is_one_chunk_with_its_heading_and_its_notes(guide):
    [chunk] = [chunk for chunk in chunks_of([page.markdown for page in guide]) if chunk["page_start"] == 17]
    assert "### ACCOUNT TRANSACTION FEES" in chunk["text"]
    assert "<sup>5</sup> One free pre-authorized bill payment/debit" in chunk["text"]


def test_a_sentence_inserted_anywhere_asks_about_at_most_three_chunks_anew(guide):
    choice = random.Random(6)
    texts = [page.markdown for page in guide]
    before = asked_about(texts)
    for _ in range(25):
        page = choice.randrange(len(texts))
        places = [match.end() for match in re.finditer(r"[a-z]\.(?= [A-Z])", texts[page])]
        for at in choice.choices(places, k=1) if places else []:
            edited = f"{texts[page][:at]} This rule applies from the first of March.{texts[page][at:]}"
            assert 1 <= (asked_about([*texts[:page], edited, *texts[page + 1 :]]) - before).total() <= 3


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


def asked_about(texts: list[str]) -> Counter[str]:
    """What a contextualizer is asked about a document with these pages."""
    around = passages(chunks_of(texts), "Guide", ContextualizationOptions(), whole=False)
    return Counter(
        context_messages(one.title, one.chunk["heading_path"], one.chunk["text"], one.around)[-1].content
        for one in around
    )

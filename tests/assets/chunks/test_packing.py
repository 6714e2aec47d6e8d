"""What every chunking keeps, whatever the page: all text, exact offsets, headings with bodies, stable boundaries."""

import re
from collections import Counter

from hypothesis import given, settings
from hypothesis import strategies as st

from assets.chunks.packing import chunk_document, chunk_page, normalised
from resources.tokens import count_tokens

LIMIT = 60
WORDS = ["account", "fee", "card", "branch", "money", "customer", "limit", "order", "month", "transfer", "cheque"]

words = st.lists(st.sampled_from(WORDS), min_size=3, max_size=14)
sentence = st.builds(lambda parts, n: f"{' '.join(parts).capitalize()} {n}.", words, st.integers(1, 9999))
chinese = st.sampled_from(["每月费用为五元。", "取款每笔收费两元；", "客户须年满十八岁。", "需要护照吗？"])
paragraph = st.lists(st.one_of(sentence, chinese), min_size=1, max_size=8).map(" ".join)
heading = st.builds(lambda level, n: f"{'#' * level} Section {n}", st.integers(1, 5), st.integers(1, 500))
items = st.lists(sentence, min_size=1, max_size=6).map(lambda lines: "\n".join(f"- {line}" for line in lines))
notes = st.lists(sentence, min_size=1, max_size=4).map(
    lambda lines: "\n".join(f"<sup>{number}</sup> {line}" for number, line in enumerate(lines, 1))
)
row = st.builds(lambda word, n: f"|{word} {n}|${n}.00|✓|", st.sampled_from(WORDS), st.integers(1, 9999))
section = st.builds(lambda word: f"|{word}|||", st.sampled_from(WORDS))
table = st.lists(st.one_of(row, row, section), min_size=1, max_size=25).map(
    lambda rows: "\n".join(["|Service|Price|Free|", "|---|---|---|", *rows])
)
page = st.lists(st.one_of(heading, paragraph, paragraph, items, table, notes), max_size=12).map("\n\n".join)


def row_of(markdown: str, number: int = 0) -> dict:
    return {"page": number, "markdown": markdown}


def chunks_of(*pages: str, limit: int = LIMIT) -> list[dict]:
    return chunk_document("doc", "v1", [row_of(text, number) for number, text in enumerate(pages)], limit)


@given(page)
@settings(deadline=None)
def test_chunks_hold_all_text_once_and_know_where_it_is(markdown):
    pieces = chunk_page(markdown, LIMIT)
    position = 0
    for piece in pieces:
        assert piece.start >= position
        assert not markdown[position : piece.start].strip()
        body = markdown[piece.start : piece.end]
        assert body == body.strip()
        assert piece.text == body or (piece.text.endswith(body) and piece.text.startswith("|Service|Price|Free|\n|---"))
        position = piece.end
    assert not markdown[position:].strip()
    assert pieces == chunk_page(markdown, LIMIT)


@given(st.text(alphabet="a|# \n-.<sup>5</sup>`~。1\t\\", max_size=200))
@settings(deadline=None)
def test_any_text_can_be_chunked_without_loss(markdown):
    pieces = chunk_page(markdown, LIMIT)
    kept = "".join("".join(markdown[piece.start : piece.end].split()) for piece in pieces)
    assert kept == "".join(markdown.split())


@given(page)
@settings(deadline=None)
def test_no_chunk_is_a_heading_without_its_text(markdown):
    pieces = chunk_page(markdown, LIMIT)
    if len(pieces) > 1:
        assert all(re.sub(r"^#+ .*$", "", piece.text, flags=re.MULTILINE).strip() for piece in pieces)
        assert not [piece for piece in pieces[:-1] if piece.text.split("\n")[-1].startswith("#")]


@given(page)
@settings(deadline=None)
def test_text_stays_within_the_limit_and_tables_within_theirs(markdown):
    for piece in chunk_page(markdown, LIMIT):
        below = re.sub(r"\A(?:#+ .*\s*)+", "", piece.text)
        limit = LIMIT * 5 // 2 if "|" in below else LIMIT
        assert count_tokens(re.sub(r"^#+ .*$", "", below, flags=re.MULTILINE).strip()) <= limit


@given(page, sentence, st.integers(0, 10_000))
@settings(max_examples=150, deadline=None)
def test_an_inserted_sentence_changes_the_chunks_next_to_it_and_no_others(markdown, new, place):
    ends = [match.end() for match in re.finditer(r"\d\.(?= [A-Z])", markdown)]
    if not ends:
        return
    at = ends[place % len(ends)]
    before = Counter(chunk["chunk_id"] for chunk in chunks_of(markdown))
    after = Counter(chunk["chunk_id"] for chunk in chunks_of(f"{markdown[:at]} {new}{markdown[at:]}"))
    # Three in documents as people write them (346 edits were tried); sentences of two words among long ones make a fourth.
    assert (after - before).total() <= 4


def test_a_table_that_fits_is_whole_and_keeps_its_notes():
    table = "|Service|Price|\n|---|---|\n" + "\n".join(f"|Service {n}|${n}.00<sup>1</sup>|" for n in range(8))
    markdown = (
        f"# Fees\n\n{'All fees are due monthly. ' * 9}\n\n{table}\n\nIn dollars.\n<sup>1</sup> Free for students."
    )
    last = chunk_page(markdown, 80)[-1]
    assert last.text.startswith("|Service|Price|")
    assert last.text.endswith("Free for students.")


def test_a_table_that_does_not_fit_repeats_header_and_section():
    rows = ["|Self-serve||", "|ABM (per item)||", *(f"|Withdrawal {n}|${n}.00|" for n in range(40))]
    markdown = "\n".join(["|Service|Price|", "|---|---|", *rows])
    pieces = chunk_page(markdown, 60)
    assert len(pieces) > 2
    head = "|Service|Price|\n|---|---|\n|Self-serve||\n|ABM (per item)||\n|Withdrawal "
    assert all(piece.text.startswith(head) for piece in pieces)
    assert "\n".join(markdown[piece.start : piece.end] for piece in pieces) == markdown


def test_heading_paths_reach_over_pages_and_leave_the_title_out():
    pages = ["# Guide\n\n## Accounts\n\nOpen one.", "Still about accounts.", "### Savings\n\nSave.", "## Cards\n\nPay."]
    rows = chunk_document("doc", "v1", [row_of(text, number) for number, text in enumerate(pages)], title="guide")
    assert [row["heading_path"] for row in rows] == [["Accounts"], ["Accounts"], ["Accounts", "Savings"], ["Cards"]]


def test_a_chunk_of_several_sections_stands_under_what_they_share():
    markdown = "# Cards\n\n## Debit\n\nDebit cards are free for all.\n\n## Credit\n\nCredit cards cost a fee."
    assert [piece.heading_path for piece in chunk_page(markdown)] == [("Cards",)]


def test_ids_name_the_text_and_not_its_place_or_heading_depth():
    [one] = chunks_of("## Fees\n\nA card costs $5.")
    [other] = chunks_of("", "#### Fees\n\nA  card costs $5.")[-1:]
    assert one["chunk_id"] == other["chunk_id"]
    assert normalised("## Fees\n\nA  card") == "Fees A card"


def test_equal_texts_in_one_document_have_different_ids():
    rows = chunks_of("Same page.", "Same page.")
    assert len({row["chunk_id"] for row in rows}) == 2


def test_long_paragraphs_are_cut_between_sentences_in_both_languages():
    for text, ends in (("A card costs five dollars a month. " * 40, "."), ("每张卡每月收费五元。" * 60, "。")):
        pieces = chunk_page(text, 100)
        assert len(pieces) > 2
        assert all(piece.text.endswith(ends) for piece in pieces)


def test_a_sentence_longer_than_a_chunk_is_cut_between_words():
    pieces = chunk_page("deposit " * 500, 100)
    assert {word for piece in pieces for word in piece.text.split()} == {"deposit"}
    assert max(count_tokens(piece.text) for piece in pieces) <= 100

"""What the sample corpus promises to everything that is built on it."""

import json
import unicodedata
from collections import Counter

import pypdfium2
import pytest

from sample_corpus.render import HERE, STATES, PageOverflowError, render_document, render_state

QUESTIONS = [
    json.loads(line) for line in (HERE / "questions" / "human.jsonl").read_text(encoding="utf-8").splitlines() if line
]
ANSWERABLE = [question for question in QUESTIONS if question["answerable"]]
KINDS = {"amount", "date", "condition", "definition", "list", "yes_no", "table", "unanswerable", "near_miss"}


def files_of(state: str) -> dict[str, bytes]:
    return {path.name: path.read_bytes() for path in sorted((HERE / state).glob("*.pdf"))}


def page_texts(content: bytes) -> list[str]:
    with pypdfium2.PdfDocument(content) as document:
        return [page.get_textpage().get_text_range() for page in document]


def squeezed(text: str) -> str:
    """Without white space and ligatures: line breaks differ between readers, letters must not."""
    return "".join(unicodedata.normalize("NFKC", text).split())


@pytest.fixture(scope="module")
def texts() -> dict[str, list[str]]:
    return {name: page_texts(content) for name, content in files_of("first").items()}


@pytest.mark.parametrize("state", STATES)
def test_rendering_again_gives_the_committed_bytes(state: str) -> None:
    assert render_state(state) == files_of(state)


def test_rendering_twice_gives_equal_bytes() -> None:
    source = (HERE / "sources" / "first" / "travel-money.html").read_text(encoding="utf-8")
    assert render_document(source) == render_document(source)


def test_a_section_longer_than_its_page_is_refused() -> None:
    source = (HERE / "sources" / "second" / "business-starter.html").read_text(encoding="utf-8")
    with pytest.raises(PageOverflowError, match="page 1"):
        render_document(source.replace("<h3>Interest</h3>", "<p>More.</p>" * 60))


def test_the_first_state_is_a_small_library(texts: dict[str, list[str]]) -> None:
    assert len(texts) == 8
    assert sum(len(pages) for pages in texts.values()) == 27
    assert all(len(content) < 300_000 for content in files_of("first").values())


def test_every_document_names_itself() -> None:
    for content in files_of("first").values():
        with pypdfium2.PdfDocument(content) as document:
            assert document.get_metadata_dict()["Title"]
            assert list(document.get_toc())


def test_the_second_state_changes_one_page_adds_one_document_and_withdraws_one() -> None:
    first, second = files_of("first"), files_of("second")
    assert set(second) - set(first) == {"business-starter.pdf"}
    assert set(first) - set(second) == {"travel-money.pdf"}
    assert [name for name in first if name in second and first[name] != second[name]] == ["everyday-accounts.pdf"]
    before, after = page_texts(first["everyday-accounts.pdf"]), page_texts(second["everyday-accounts.pdf"])
    assert [number for number, (old, new) in enumerate(zip(before, after, strict=True), 1) if old != new] == [3]
    assert before[2].replace("$2.75", "$3.25") == after[2]
    assert before[2].count("$2.75") == 1


def test_ticks_are_zapf_dingbats_that_read_as_the_digit_three() -> None:
    import pymupdf

    with pymupdf.open(HERE / "first" / "everyday-accounts.pdf") as document:
        spans = [
            span
            for block in document[1].get_text("dict")["blocks"]
            for line in block.get("lines", [])
            for span in line["spans"]
            if span["font"] == "ZapfDingbats"
        ]
    assert sum(span["text"].count("3") for span in spans) == 23


def test_links_lead_out_of_the_page() -> None:
    import pymupdf

    with pymupdf.open(HERE / "first" / "security-and-complaints.pdf") as document:
        found = [link["uri"] for page in document for link in page.get_links()]
    assert set(found) == {"https://www.banking-ombudsman.example/form"}


@pytest.mark.parametrize("question", ANSWERABLE, ids=lambda question: question["question"])
def test_a_quote_stands_on_its_page(question: dict[str, object], texts: dict[str, list[str]]) -> None:
    text = texts[str(question["document"])][int(str(question["page"])) - 1]
    assert squeezed(str(question["quote"])) in squeezed(text)


def test_an_amount_in_an_answer_stands_on_the_page(texts: dict[str, list[str]]) -> None:
    for question in ANSWERABLE:
        text = squeezed(texts[question["document"]][question["page"] - 1])
        if question["kind"] != "yes_no":
            numbers = [word for word in question["answer"].split() if any(map(str.isdigit, word))]
            assert all(squeezed(word) in text for word in numbers), question["question"]


def test_every_question_is_complete_and_asked_once() -> None:
    assert {question["kind"] for question in QUESTIONS} == KINDS
    assert len({question["question"] for question in QUESTIONS}) == len(QUESTIONS)
    for question in QUESTIONS:
        assert question["origin"] == "human"
        assert question["use"] in {"train", "test"}
        filled = [question[key] is not None for key in ("answer", "document", "page", "quote")]
        assert filled == [question["answerable"]] * 4


def test_most_questions_are_kept_for_the_test_and_some_have_no_answer() -> None:
    uses = Counter(question["use"] for question in QUESTIONS)
    kinds = Counter(question["kind"] for question in QUESTIONS)
    assert uses["test"] > 2 * uses["train"]
    assert kinds["near_miss"] == kinds["unanswerable"] == 8


def test_no_page_is_asked_about_in_training_and_in_the_test() -> None:
    asked = {
        use: {(question["document"], question["page"]) for question in ANSWERABLE if question["use"] == use}
        for use in ("train", "test")
    }
    assert not asked["train"] & asked["test"]
